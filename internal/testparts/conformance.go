package testparts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// A Check is one thing that the official conformance suite looked at.
type Check struct {
	Scenario string
	ID       string `json:"id"`           // may come more than once in a scenario
	Status   string `json:"status"`       // SUCCESS, FAILURE, WARNING, INFO or SKIPPED
	Message  string `json:"errorMessage"` // what the suite says of it
}

// Conformance runs the official conformance suite against the MCP server at
// url and returns what it looked at. args choose the scenarios, for example
// "--requirements", "2026-07-28". The suite sends no credentials.
func Conformance(t testing.TB, url string, args ...string) []Check {
	t.Helper()
	dir := t.TempDir()
	suite := exec.Command(Node(t), append([]string{
		NodePackage(t, "@modelcontextprotocol/conformance"),
		"server", "--url", url, "-o", dir, "--timeout", "15000",
	}, args...)...)
	var said bytes.Buffer // not the child's: the checks say it better when the test fails
	suite.Stdout, suite.Stderr = &said, &said
	child := Start(t, suite)
	_ = child.Wait(t) // 1 where a check failed: which is for the caller to judge
	checks, err := readChecks(dir)
	if err != nil {
		t.Fatalf("read what the conformance suite saw: %v; it wrote:\n%s", err, said.String())
	}
	return checks
}

// ConformanceAuthorization runs the suite's scenarios for authorization servers
// against the one at issuer, whose client may have its answers at
// http://127.0.0.1:PORT/callback. Where the suite waits for somebody to agree in
// a browser, agree is called with the link.
func ConformanceAuthorization(t testing.TB, issuer, port string, agree func(link string), args ...string) []Check {
	t.Helper()
	dir := t.TempDir()
	suite := Start(t, exec.Command(Node(t), append([]string{
		NodePackage(t, "@modelcontextprotocol/conformance"), "authorization", "--url", issuer, "--port", port, "-o", dir,
	}, args...)...))
	agree(issuer + "/" + suite.Await(t, issuer+"/"))
	_ = suite.Wait(t) // 1 where a check failed: which is for the caller to judge
	checks, err := readChecks(dir)
	if err != nil {
		t.Fatalf("read what the conformance suite saw: %v", err)
	}
	return checks
}

// scenarioFolder is how the suite names the folder of a scenario's checks.
var scenarioFolder = regexp.MustCompile(`^(?:authorization-)?server-(.+)-\d{4}-\d\d-\d\dT[^/]*$`)

func readChecks(dir string) ([]Check, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "checks.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no checks.json below %s", dir)
	}
	var all []Check
	for _, file := range files {
		name := scenarioFolder.FindStringSubmatch(filepath.Base(filepath.Dir(file)))
		if name == nil {
			return nil, fmt.Errorf("%s is in no scenario's folder", file)
		}
		checks, err := readScenario(file, name[1])
		if err != nil {
			return nil, err
		}
		all = append(all, checks...)
	}
	return all, nil
}

func readScenario(file, name string) ([]Check, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var checks []Check
	if err := json.Unmarshal(text, &checks); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i := range checks {
		checks[i].Scenario = name
	}
	return checks, nil
}

// everythingServer is the server that the official Go SDK is held to the
// suite with.
const everythingServer = "github.com/modelcontextprotocol/go-sdk/conformance/everything-server"

// ConformanceServer starts the official Go SDK's server for the conformance
// suite and returns the URL of its MCP endpoint. It speaks the 2025 eras when
// it keeps sessions, and 2026-07-28 otherwise. The suite changes its lists, so
// each run wants a fresh one. It ends with the test.
func ConformanceServer(t testing.TB, sessions bool) string {
	t.Helper()
	address := freeAddress(t)
	Start(t, exec.Command(built(t, everythingServer), "-http", address, fmt.Sprintf("-stateless=%t", !sessions)))
	awaitListener(t, address)
	return "http://" + address + "/mcp"
}

// ConformanceCommand returns the command line of the same server for standard
// input and output, where it speaks all eras. Nothing is started.
func ConformanceCommand(t testing.TB) []string {
	t.Helper()
	return []string{built(t, everythingServer)}
}

// freeAddress is a loopback address on which nobody listens now, for programs
// that don't say which port the kernel gave them.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// awaitListener waits until somebody listens.
func awaitListener(t testing.TB, address string) {
	t.Helper()
	deadline := time.After(patience)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		conn, err := net.DialTimeout("tcp", address, patience)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("nobody listens on %s: %v", address, err)
		}
	}
}
