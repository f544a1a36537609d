package testparts

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// installNode is run in the repository's root.
const installNode = "npm ci --prefix e2e/npm"

// Node returns the path of the node program: the one that `make parts` put
// into bin/parts, where the machine's own is too old, or else that one.
func Node(t testing.TB) string {
	t.Helper()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	private := filepath.Join(root, "bin", "parts", "node_modules", ".bin", "node")
	if _, err := os.Stat(private); err == nil {
		return private
	}
	path, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(missing("node", "apt-get install nodejs npm"))
	}
	return path
}

// NodeModules returns the folder e2e/npm, in which a script finds the
// installed packages by their names.
func NodeModules(t testing.TB) string {
	t.Helper()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "e2e", "npm")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(missing("the Node packages of e2e/npm", installNode))
	}
	return dir
}

// NodePackage returns the path of the script that the npm package name runs
// as its command or, for a package without commands, of its main module.
func NodePackage(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(NodeModules(t), "node_modules", filepath.FromSlash(name))
	entry, err := entryScript(dir)
	if errors.Is(err, os.ErrNotExist) {
		t.Fatal(missing("npm package "+name, installNode))
	}
	if err != nil {
		t.Fatalf("npm package %s: %v", name, err)
	}
	return filepath.Join(dir, entry)
}

// NodeCommand returns the path of the script that an npm package runs as one
// of its commands.
func NodeCommand(t testing.TB, name, command string) string {
	t.Helper()
	dir := filepath.Join(NodeModules(t), "node_modules", filepath.FromSlash(name))
	manifest, err := readManifest(dir)
	var commands map[string]string
	if err == nil {
		err = json.Unmarshal(manifest.Bin, &commands)
	}
	if errors.Is(err, os.ErrNotExist) || err == nil && commands[command] == "" {
		t.Fatal(missing("command "+command+" of npm package "+name, installNode))
	}
	if err != nil {
		t.Fatalf("npm package %s: %v", name, err)
	}
	return filepath.Join(dir, commands[command])
}

// Everything starts the official server-everything and returns the URL of its
// MCP endpoint (streamable HTTP). It ends with the test.
func Everything(t testing.TB) string {
	t.Helper()
	return everything(t, "streamableHttp") + "/mcp"
}

// EverythingSSE does the same with the transport of 2024-11-05, and returns
// the URL of the stream.
func EverythingSSE(t testing.TB) string {
	t.Helper()
	return everything(t, "sse") + "/sse"
}

func everything(t testing.TB, transport string) string {
	t.Helper()
	loopback := filepath.Join(NodeModules(t), "loopback.mjs")
	server := exec.Command(Node(t), "--import", "file://"+loopback,
		NodePackage(t, "@modelcontextprotocol/server-everything"), transport)
	return "http://" + Start(t, server).Await(t, "loopback: ")
}

// Filesystem returns the command line of the official server-filesystem for
// dir, which speaks MCP over standard input and output. Nothing is started.
func Filesystem(t testing.TB, dir string) []string {
	t.Helper()
	return []string{Node(t), NodePackage(t, "@modelcontextprotocol/server-filesystem"), dir}
}

// A manifest is as much of a package.json as is looked at.
type manifest struct {
	Main string          `json:"main"`
	Bin  json.RawMessage `json:"bin"`
}

func readManifest(dir string) (manifest, error) {
	var m manifest
	text, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("read package.json: %w", err)
	}
	return m, nil
}

func entryScript(dir string) (string, error) {
	manifest, err := readManifest(dir)
	if err != nil {
		return "", err
	}
	if command, ok := onlyCommand(manifest.Bin); ok {
		return command, nil
	}
	if manifest.Main == "" {
		return "", errors.New("neither one command nor a main module in package.json")
	}
	return manifest.Main, nil
}

// onlyCommand reads package.json's bin: a path, or commands by name.
func onlyCommand(bin json.RawMessage) (path string, ok bool) {
	if json.Unmarshal(bin, &path) == nil {
		return path, true
	}
	var commands map[string]string
	if json.Unmarshal(bin, &commands) != nil || len(commands) != 1 {
		return "", false
	}
	for _, path = range commands {
	}
	return path, true
}
