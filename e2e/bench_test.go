package e2e_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

// TestTheBenchRefreshesSessionsOfAgents that it connects itself, through sign-in
// and consent of the real gateway.
func TestTheBenchRefreshesSessionsOfAgents(t *testing.T) {
	cmd := exec.Command(testparts.Build(t, "bench"), "-ostiary", testparts.Build(t, "cmd/ostiary"), "-dir", t.TempDir(),
		"-targets", "direct,strict", "-sizes", "64", "-connections", "1", "-also", "refresh", "-rounds", "2", "-duration", "20ms")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("bench: %v\n%s", err, out)
	}
	if n := strings.Count(string(out), "| refresh of a session | 32 | gateway strict | – |"); n != 1 {
		t.Errorf("got %d rows of refreshes, want one, of the gateway alone:\n%s", n, out)
	}
}
