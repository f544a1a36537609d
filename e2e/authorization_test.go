package e2e_test

import (
	"slices"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

// TestTheConformanceSuiteGetsATokenHere runs all that the official suite has
// for authorization servers; nothing is expected to fail. What else it knows of
// authorization are scenarios for clients.
func TestTheConformanceSuiteGetsATokenHere(t *testing.T) {
	h := newHouse(t, "", samples(t))
	h.knowsAgent()
	h.start()
	for _, version := range []string{legacy, modern} {
		alice := h.visitor()
		checks := testparts.ConformanceAuthorization(t, h.url, portOf(t), func(link string) { alice.answers("alice", link, ofCRM("read")) },
			"--client-id", "mcp-agent", "--resource", h.url+"/mcp", "--spec-version", version)
		var passed []string
		for _, c := range checks {
			if c.Status != "SUCCESS" {
				t.Errorf("%s: %s: %s %s", version, c.ID, c.Status, c.Message)
			}
			passed = append(passed, c.ID)
		}
		slices.Sort(passed)
		if want := []string{"authorization-code-grant", "authorization-server-metadata", "authorization-server-metadata-cimd"}; !slices.Equal(passed, want) {
			t.Errorf("%s: it looked at %q; want %q", version, passed, want)
		}
	}
}
