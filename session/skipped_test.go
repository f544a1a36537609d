package session_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/session"
)

// readable has the operator let everybody read some apps.
func readable(apps ...string) func(*conf) {
	return func(c *conf) { c.config.SkippedApps = func() []string { return apps } }
}

func TestASessionReadsWhatItSkippedAndTheOperatorLets(t *testing.T) {
	h := newHouse(t, readable("hr", "crm", "slack", "other"))
	_, secret := h.agent(t) // which skipped hr, has crm open, and slack pending
	if diff := cmp.Diff(ids("hr"), h.good(t, secret).Skipped); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, house := range map[string]*house{"nobody lets": newHouse(t), "others are let": newHouse(t, readable("crm"))} {
		_, secret := house.agent(t)
		if p := house.good(t, secret); len(p.Skipped.IDs) != 0 || p.Skipped.All {
			t.Errorf("%s: got %v; want none", name, p.Skipped)
		}
	}
}

func TestANarrowedTokenReadsSkippedAppsOnlyByATier(t *testing.T) {
	h := newHouse(t, readable("hr"))
	ses, _ := h.agent(t)
	for scope, want := range map[string]bool{"mcp:read": true, "crm:read": false, "hr:read": false} {
		token := h.mint(t, ses.ID, session.Narrowing{Scopes: []string{scope}})
		if p := h.good(t, token.Secret); p.Skipped.Has("hr") != want {
			t.Errorf("%s: got %v; want hr %v", scope, p.Skipped, want)
		}
	}
}

func TestWhatIsOpenedOrClosedLaterIsNoSkippedApp(t *testing.T) {
	h := newHouse(t, readable("hr", "crm"))
	ses, secret := h.agent(t)
	_, err := h.sessions.Widen(t.Context(), ses.ID, "alice", session.Widening{Apps: []string{"hr"}})
	must(t, err)
	if p := h.good(t, secret); p.Skipped.Has("hr") || !p.Apps.Has("hr") {
		t.Errorf("opened: got skipped %v, apps %v", p.Skipped, p.Apps)
	}
	_, err = h.sessions.EndApp(t.Context(), ses.ID, "crm", by)
	must(t, err)
	if p := h.over(t, h.raw).good(t, secret); p.Skipped.Has("crm") || p.Apps.Has("crm") {
		t.Errorf("closed: got skipped %v, apps %v; want neither", p.Skipped, p.Apps)
	}
}

func TestNoMachineSkipsAnything(t *testing.T) {
	h := newHouse(t, nightly, readable("hr"))
	_, token := h.machine(t, "/mcp")
	if p := h.good(t, token.Secret); len(p.Skipped.IDs) != 0 {
		t.Errorf("got %v; want none", p.Skipped)
	}
}
