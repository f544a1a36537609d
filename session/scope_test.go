package session_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

func TestWhatIsChosenIsACeilingForEveryScope(t *testing.T) {
	for _, c := range []struct {
		asked, ceiling, chosen string
		want                   string
	}{
		{"mcp-agent", "mcp-agent", "write", "mcp:write crm:write notes:write"},
		{"", "mcp-agent", "write", "mcp:write crm:write notes:write"},
		{"mcp:read", "mcp-agent", "admin", "mcp:read crm:read notes:read"},

		// What passes the choice doesn't go in, however it was asked for.
		{"mcp-agent crm:*", "mcp-agent", "read", "mcp:read crm:read notes:read"},
		{"mcp-agent crm:*", "mcp-agent", "write", "mcp:write crm:write notes:write"},
		{"mcp-agent crm:*", "mcp-agent", "admin", "mcp:admin crm:* notes:admin"},
		{"mcp:write crm:admin", "mcp-agent", "read", "mcp:read crm:read notes:read"},

		// More of one app is that of one app.
		{"mcp:read crm:*", "mcp:read crm:*", "write", "mcp:read crm:write notes:read"},
		{"mcp:read crm:*", "mcp:read crm:*", "admin", "mcp:read crm:* notes:read"},
		{"crm:read notes:write", "mcp-agent", "write", "crm:read notes:write"},

		// Scopes add up: one more takes none away.
		{"mcp:read crm:export", "mcp-agent", "read", "mcp:read crm:read crm:export notes:read"},
		{"mcp:write crm:read", "mcp-agent", "write", "mcp:write crm:write notes:write"},
		{"crm:export notes:read", "mcp-agent", "admin", "crm:export notes:read"},

		// A client has what it may have of all that was asked.
		{"mcp-agent", "mcp:read crm:write notes:read", "admin", "mcp:read crm:write notes:read"},
		{"mcp-agent crm:export", "mcp:write", "admin", "mcp:write crm:write notes:write"},
	} {
		chosen, _ := ostiary.ParseTier(c.chosen)
		got := session.Granted(chosen, []string{"crm", "notes"}, strings.Fields(c.asked), strings.Fields(c.ceiling))
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q by a client of %q at %s: got %q, want %q", c.asked, c.ceiling, c.chosen, got, c.want)
		}
	}
}

// Of two apps, one to be read and one to be written to, none gets what the
// other has.
func TestEachAppHasATierOfItsOwn(t *testing.T) {
	h := newHouse(t)
	_, secret := h.agent(t, func(d *session.Draft) { d.Asked = []string{"crm:read", "notes:write"} })
	p := h.good(t, secret)
	if p.TierIn("crm") != ostiary.TierRead || p.TierIn("notes") != ostiary.TierWrite || p.HasScope("crm:write") {
		t.Errorf("got crm %s, notes %s, with %q", p.TierIn("crm"), p.TierIn("notes"), p.Scopes)
	}
}

func TestWideningOneAppLeavesTheOthers(t *testing.T) {
	h := newHouse(t)
	ses, secret := h.agent(t, func(d *session.Draft) { d.Tier = "read" })
	_, err := h.sessions.Widen(t.Context(), ses.ID, "alice", session.Widening{Tier: ostiary.TierWrite, Apps: []string{"crm"}, Scopes: []string{"crm:export"}})
	must(t, err)
	p := h.over(t, h.raw).good(t, secret)
	if p.TierIn("crm") != ostiary.TierWrite || p.TierIn("notes") != ostiary.TierRead || !p.HasScope("crm:export") || !p.HasScope("crm:read") {
		t.Errorf("got crm %s, notes %s, with %q", p.TierIn("crm"), p.TierIn("notes"), p.Scopes)
	}
	_, err = h.sessions.Widen(t.Context(), ses.ID, "alice", session.Widening{Apps: []string{"slack"}})
	must(t, err)
	if p := h.over(t, h.raw).good(t, secret); p.TierIn("slack") != ostiary.TierRead {
		t.Errorf("an app opened later, no further than now: got %s", p.TierIn("slack"))
	}
}

// Sessions of before an app had a tier of its own go on, with no more than
// they had, and no more than was chosen.
func TestASessionOfBeforeIsNarrowedToItsTier(t *testing.T) {
	for _, c := range []struct{ tier, scopes, want, crm, notes string }{
		{"write", "mcp:write crm:write notes:write", "mcp:write crm:write notes:write", "write", "write"},
		{"read", "mcp:read crm:* notes:read", "mcp:read crm:read notes:read", "read", "read"},
		{"read", "mcp:read crm:admin notes:read", "mcp:read crm:read notes:read", "read", "read"},
		{"write", "mcp:write crm:read notes:write", "crm:read notes:write", "read", "write"},
		{"read", "mcp:read crm:export notes:read", "mcp:read crm:export notes:read", "read", "read"},
	} {
		h := newHouse(t)
		ses, secret := h.agent(t)
		ses.Tier, ses.Scopes = c.tier, strings.Fields(c.scopes)
		h.keep(t, ses)
		check := func(p *ostiary.Principal) {
			if !slices.Equal(p.Scopes, strings.Fields(c.want)) || p.TierIn("crm").String() != c.crm || p.TierIn("notes").String() != c.notes {
				t.Errorf("%s with %q: got %q, crm %s, notes %s", c.tier, c.scopes, p.Scopes, p.TierIn("crm"), p.TierIn("notes"))
			}
		}
		check(h.over(t, h.raw).good(t, secret))
		_, err := h.sessions.Widen(t.Context(), ses.ID, "alice", session.Widening{Tier: ostiary.TierAdmin, Apps: []string{"slack"}})
		must(t, err)
		p := h.over(t, h.raw).good(t, secret)
		p.Scopes = slices.DeleteFunc(slices.Clone(p.Scopes), func(s string) bool { return s == "slack:admin" })
		check(p)
	}
}

// keep writes a session as it is, over what is stored.
func (h *house) keep(t testing.TB, ses session.Session) {
	t.Helper()
	table := store.NewTable[session.Session](h.db, "session")
	must(t, h.db.Change(t.Context(), "keep a session", func(tx *store.Tx) error {
		return table.Put(t.Context(), tx, string(ses.ID), ses)
	}))
}

// A token for one app's endpoint names what it is good for.
func TestATokenNamesWhatItIsGoodFor(t *testing.T) {
	h := newHouse(t)
	ses, _ := h.agent(t, func(d *session.Draft) { d.Resources = []string{"/mcp", "/crm/mcp"} })
	for resource, want := range map[string]string{"/mcp": "mcp:write crm:write notes:write", "/crm/mcp": "mcp:write crm:write"} {
		token := h.mint(t, ses.ID, session.Narrowing{Resources: []string{resource}})
		p := h.good(t, token.Secret)
		if got := strings.Join(token.Scopes, " "); got != want || !slices.Equal(p.Scopes, token.Scopes) || p.Apps.Has("notes") != (resource == "/mcp") {
			t.Errorf("%s: told %q, holds %q with %v", resource, got, p.Scopes, p.Apps.IDs)
		}
	}
}
