package testparts

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func TestEverythingAnswersOverHTTP(t *testing.T) {
	got := toolNames(t, &mcp.StreamableClientTransport{Endpoint: Everything(t)})
	if !slices.Contains(got, "echo") {
		t.Errorf("tools of server-everything: got %v, want echo among them", got)
	}
}

func TestEverythingListensOnLoopbackOnly(t *testing.T) {
	if url := Everything(t); !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Errorf("got %s, want an address of 127.0.0.1", url)
	}
}

func TestFilesystemAnswersOverStandardInput(t *testing.T) {
	line := Filesystem(t, t.TempDir())
	got := toolNames(t, &mcp.CommandTransport{Command: exec.Command(line[0], line[1:]...)})
	if !slices.Contains(got, "write_file") {
		t.Errorf("tools of server-filesystem: got %v, want write_file among them", got)
	}
}

func TestANodePackageIsItsCommandOrItsMainModule(t *testing.T) {
	for name, want := range map[string]string{
		"@modelcontextprotocol/server-filesystem": "dist/index.js",
		"axe-core": "axe.js",
	} {
		if got := NodePackage(t, name); !strings.HasSuffix(filepath.ToSlash(got), name+"/"+want) {
			t.Errorf("%s: got %s, want it to end in %s", name, got, want)
		}
	}
}

// toolNames connects as the official SDK's client does: initialize, then
// tools/list.
func toolNames(t *testing.T, transport mcp.Transport) []string {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "testparts", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	return names
}
