package testparts

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func TestTheConformanceServerAnswersInEveryManner(t *testing.T) {
	for manner, transport := range map[string]mcp.Transport{
		"with sessions":    &mcp.StreamableClientTransport{Endpoint: ConformanceServer(t, true)},
		"without sessions": &mcp.StreamableClientTransport{Endpoint: ConformanceServer(t, false)},
		"standard input":   &mcp.CommandTransport{Command: exec.Command(ConformanceCommand(t)[0])},
	} {
		if got := toolNames(t, transport); !slices.Contains(got, "test_simple_text") {
			t.Errorf("%s: got %v, want test_simple_text among the tools", manner, got)
		}
	}
}

func TestTheConformanceSuiteTellsWhatPassesAndWhatDoesNot(t *testing.T) {
	nobody := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(nobody.Close)
	for url, want := range map[string]string{ConformanceServer(t, true): "SUCCESS", nobody.URL + "/mcp": "FAILURE"} {
		checks := Conformance(t, url, "--spec-version", "2025-11-25", "--scenario", "ping")
		if !slices.ContainsFunc(checks, func(c Check) bool { return c.Scenario == "ping" && c.ID == "ping" && c.Status == want }) {
			t.Errorf("%s: got %+v, want the check ping with %s", url, checks, want)
		}
	}
}
