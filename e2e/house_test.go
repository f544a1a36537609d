package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/testparts"
)

func TestMain(m *testing.M) { testparts.Main(m) }

// A house is one gateway of the real binary, with its configuration file.
type house struct {
	t     *testing.T
	dir   string
	file  string // the configuration
	url   string // of the running gateway; "" before start
	child *testparts.Child
}

// people of every test: alice's agent calls, bob approves, root operates.
const people = `
auth:
  users:
    - {id: alice, password_hash: "%[1]s", claims: {tenant: acme, sites: [site-A], roles: [manager]}}
    - {id: bob, password_hash: "%[1]s", claims: {tenant: acme, sites: [site-A, site-B], roles: [approver]}}
    - {id: root, password_hash: "%[1]s", admin: true, claims: {tenant: acme}}
`

const password = "correct horse"

// newHouse writes a configuration: the people, a free port, storage at the
// given url ("" is SQLite in the test's folder), and what the test adds.
func newHouse(t *testing.T, storage, more string) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	h.file = filepath.Join(h.dir, "ostiary.yaml")
	if storage == "" {
		storage = "sqlite:" + h.path("ostiary.db")
	}
	if strings.HasPrefix(storage, "postgres") {
		h.command("keys", "init", h.path("ostiary.key"))
	}
	h.write(storage, more)
	return h
}

func (h *house) write(storage, more string) {
	h.t.Helper()
	text := fmt.Sprintf("server: {listen: \"127.0.0.1:0\", public_url: \"http://127.0.0.1:0\", admin_listen: \"\"}\nstorage: {url: %q, key_file: %q}\n",
		storage, h.path("ostiary.key")) + fmt.Sprintf(people, identity.HashPassword(ostiary.Secret(password))) + more
	if err := os.WriteFile(h.file, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) path(name string) string { return filepath.Join(h.dir, name) }

// start runs `ostiary serve` and waits until it accepts calls.
func (h *house) start() *house {
	h.t.Helper()
	h.child = testparts.Start(h.t, exec.Command(testparts.Build(h.t, "cmd/ostiary"), "serve", "-c", h.file))
	h.url = strings.TrimSpace(h.child.Await(h.t, "ready "))
	return h
}

// stop ends the gateway as an operator does, and wants a clean end.
func (h *house) stop() {
	h.t.Helper()
	h.child.Signal(syscall.SIGTERM)
	if err := h.child.Wait(h.t); err != nil {
		h.t.Errorf("the gateway ended with %v", err)
	}
}

// A run is one finished command.
type run struct {
	out, err string
	code     int
}

// try runs `ostiary` with args; env are settings like "OSTIARY_TOKEN=…".
func (h *house) try(stdin string, env []string, args ...string) run {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), testparts.Build(h.t, "cmd/ostiary"), args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir = h.dir
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		h.t.Fatalf("run ostiary %v: %v", args, err)
	}
	return run{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// command runs `ostiary` with args, which must succeed.
func (h *house) command(args ...string) string {
	h.t.Helper()
	r := h.try("", nil, args...)
	if r.code != 0 {
		h.t.Fatalf("ostiary %v: exit code %d\n%s%s", args, r.code, r.out, r.err)
	}
	return r.out
}

// A token is a personal token as the command line makes it.
type token struct{ ID, Token string }

// token makes one for a person, with everything open.
func (h *house) token(subject, tier string) token {
	h.t.Helper()
	return h.tokenNamed(fmt.Sprint("t", h.serial()), subject, tier)
}

func (h *house) tokenNamed(name, subject, tier string) token {
	h.t.Helper()
	out := h.command("tokens", "create", "-c", h.file, "--json", "--subject", subject, "--name", name,
		"--tier", tier, "--apps", "all", "--tools", "all", "--sites", "all")
	var t token
	if err := json.Unmarshal([]byte(out), &t); err != nil {
		h.t.Fatalf("tokens create printed %q: %v", out, err)
	}
	return t
}

var serials int

func (h *house) serial() int { serials++; return serials }

// An answer is what the gateway said to one MCP request.
type answer struct {
	status int
	header http.Header
	body   []byte
	Result struct {
		IsError           bool            `json:"isError"`
		ResultType        string          `json:"resultType"`
		RequestState      string          `json:"requestState"`
		StructuredContent json.RawMessage `json:"structuredContent"`
		Content           []struct{ Text string }
		Tools             []struct{ Name string }
		Meta              meta `json:"_meta"`
	} `json:"result"`
	Error struct {
		Code    int
		Message string
		Data    struct {
			Meta meta `json:"_meta"`
		}
	} `json:"error"`
}

type meta struct {
	ApprovalURL string `json:"approval_url"`
	ApprovalID  string `json:"approval_id"`
	Decision    struct {
		Reason, Gate string
	} `json:"dev.ostiary/decision"`
}

// reason is why a call was refused; "" when it was not.
func (a answer) reason() string {
	if r := a.Result.Meta.Decision.Reason; r != "" {
		return r
	}
	return a.Error.Data.Meta.Decision.Reason
}

// text is all text of the result.
func (a answer) text() string {
	var b strings.Builder
	for _, c := range a.Result.Content {
		b.WriteString(c.Text)
	}
	return b.String()
}

// stateless is a request of 2026-07-28 from a client that can show links, so
// that it is never held.
func stateless(method, name, params string) (body string, header http.Header) {
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"e2e","version":"1"},` +
		`"io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}}}`
	if params != "" {
		params += ","
	}
	body = fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":%q,"params":{%s%s}}`, method, params, meta)
	header = http.Header{}
	for k, v := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method, "Mcp-Name": name,
	} {
		if v != "" {
			header.Set(k, v)
		}
	}
	return body, header
}

// call calls a tool with a token.
func (h *house) call(t token, tool, args string) answer {
	h.t.Helper()
	a, err := h.tryCall(t, tool, args)
	if err != nil {
		h.t.Fatalf("call %s: %v", tool, err)
	}
	return a
}

func (h *house) tryCall(t token, tool, args string) (answer, error) {
	body, header := stateless("tools/call", tool, fmt.Sprintf(`"name":%q,"arguments":%s`, tool, args))
	return h.post(t, "/mcp", body, header)
}

// list lists the tools that a token sees.
func (h *house) list(t token) []string {
	h.t.Helper()
	body, header := stateless("tools/list", "", "")
	a, err := h.post(t, "/mcp", body, header)
	if err != nil {
		h.t.Fatal(err)
	}
	var names []string
	for _, tool := range a.Result.Tools {
		names = append(names, tool.Name)
	}
	return names
}

func (h *house) post(t token, path, body string, header http.Header) (answer, error) {
	r, err := http.NewRequest(http.MethodPost, h.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header = header
	if t.Token != "" {
		r.Header.Set("Authorization", "Bearer "+t.Token)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		return a, err
	}
	if len(a.body) > 0 && strings.Contains(resp.Header.Get("Content-Type"), "json") {
		err = json.Unmarshal(a.body, &a)
	}
	return a, err
}

// wantOK wants a call to have gone through.
func (h *house) wantOK(a answer) answer {
	h.t.Helper()
	if a.status != http.StatusOK || a.Result.IsError || a.reason() != "" || a.Error.Code != 0 || a.Result.ResultType == "input_required" {
		h.t.Fatalf("got %d %s; want the call to go through", a.status, a.body)
	}
	return a
}

// wantReason wants a call to have been refused for a reason.
func (h *house) wantReason(a answer, want string) answer {
	h.t.Helper()
	if a.reason() != want {
		h.t.Fatalf("got reason %q, status %d, %s; want %q", a.reason(), a.status, a.body, want)
	}
	return a
}
