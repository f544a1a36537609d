package edge_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/web"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// narrow connects an agent that has notes alone, at tier read.
func (h *house) narrow(owner, name string, ceiling ...string) (session.Session, string) {
	h.t.Helper()
	var ses session.Session
	var token session.Token
	h.must(h.db.Change(h.t.Context(), "connect an agent", func(tx *store.Tx) (err error) {
		if ses, err = h.agents.Open(h.t.Context(), tx, session.Draft{
			Subject: ostiary.Subject(owner), Client: session.Client{ID: ostiary.ClientID(name), Name: name, Kind: "agent", Ceiling: ceiling},
			Resources: []string{"/mcp"}, Tier: "read", Sites: ostiary.Selection{All: true}, Authorized: []string{"notes"},
			AuthTime: h.clock.Now(), Expires: h.clock.Now().Add(24 * time.Hour),
		}); err != nil {
			return err
		}
		token, err = h.agents.Mint(h.t.Context(), tx, ses, session.Narrowing{})
		return err
	}))
	return ses, token.Secret.Reveal()
}

const openCRM = "/oauth/authorize?app=crm&scope=mcp%3Awrite"

func opens(ses session.Session, more ...string) url.Values {
	f := values("decision", "allow", "sessions", string(ses.ID), "tools", "crm:*", "shown", "read", "shown", "write", "shown", "delete")
	for name, v := range values(more...) {
		f[name] = v
	}
	return f
}

func TestAPersonOpensAnAppAndTheSameTokenReachesIt(t *testing.T) {
	h := open(t)
	ses, secret := h.narrow("alice", "Claude Code", session.AnyScope)
	other, others := h.narrow("alice", "Cursor", session.AnyScope)
	if h.works(secret) {
		t.Fatal("the app is open already")
	}
	h.browser().get(openCRM).wantRedirect("/login?next=" + url.QueryEscape(openCRM))
	b := h.signIn("alice")
	b.get(openCRM).want(http.StatusOK).wantWords("Claude Code", "Cursor", "get_contact", "A call needed", "mcp:write").wantNoWords("secret_report", `name="sessions" value="`+string(ses.ID)+`" checked`)
	b.post(openCRM, opens(ses, "tier", "write")).wantRedirect("/account/agents?done=widen")
	if !h.works(secret) {
		t.Error("the same token doesn't reach the app")
	}
	if h.works(others) {
		t.Error("an agent that was not chosen reaches the app")
	}
	now, err := h.agents.Find(t.Context(), ses.ID)
	h.must(err)
	if now.Tier != "write" || !slices.Equal(now.Authorized, []string{"notes", "crm"}) || !slices.Equal(now.Consent.Shown["crm"], []string{"write", "read"}) {
		t.Errorf("got %+v", now)
	}
	b.get("/account/agents?done=widen").wantWords(`href="/oauth/authorize?app=crm"`, "Return to your agent; nothing to copy")
	third, _ := h.narrow("alice", "Codex", session.AnyScope)
	b.post(openCRM, opens(third, "shown", "read")).wantRedirect("/account/agents?done=widen") // a page on which no writing tool stood
	now, err = h.agents.Find(t.Context(), third.ID)
	h.must(err)
	if now.Tier != "read" || !slices.Equal(now.Consent.Shown["crm"], []string{"read"}) {
		t.Errorf("got tier %s, shown %v", now.Tier, now.Consent.Shown)
	}
	b.post(openCRM, opens(other, "decision", "deny")).wantRedirect("/account/agents")
	if h.works(others) {
		t.Error("a no opened the app")
	}
}

func TestOnlyItsPersonOpensAnAppForAnAgent(t *testing.T) {
	h := open(t)
	ses, secret := h.narrow("alice", "Claude Code", session.AnyScope)
	h.narrow("bob", "Bob's agent", session.AnyScope)
	b := h.signIn("bob")
	b.get(openCRM).wantNoWords("Claude Code")
	b.post(openCRM, opens(ses)).want(http.StatusUnprocessableEntity)
	b.send(openCRM, opens(ses)).want(http.StatusForbidden)
	h.signIn("root").get(openCRM).wantWords("You have connected no agent")
	if h.works(secret) {
		t.Error("somebody else opened the app")
	}
	a := h.signIn("alice")
	a.get("/oauth/authorize?app=hr").want(http.StatusNotFound)
	a.get("/oauth/authorize?app=crm&handle=x").want(http.StatusBadRequest)
	a.post(openCRM, opens(ses)).wantRedirect("/account/agents?done=widen")
}

func TestAnAgentIsWidenedToItsClientsCeilingAtMost(t *testing.T) {
	h := open(t)
	ses, secret := h.narrow("alice", "Reader", "mcp:read")
	b := h.signIn("alice")
	b.post(openCRM, opens(ses, "tier", "write")).want(http.StatusUnprocessableEntity).wantWords("set up with less")
	b.post(openCRM, opens(ses, "tier", "root")).want(http.StatusUnprocessableEntity)
	if h.works(secret) {
		t.Error("the app is open after a refusal")
	}
	b.post(openCRM, opens(ses, "tools", "crm:secret_report")).wantRedirect("/account/agents?done=widen") // not on offer: passed over
	if a := h.call(secret, "crm:secret_report", `{}`); a.Pass != nil {
		t.Error("a tool that its person may not know of is reached")
	}
	b.post(openCRM, opens(ses)).wantRedirect("/account/agents?done=widen")
	if !h.works(secret) {
		t.Error("the app isn't open")
	}
}

func TestWithoutIncrementalAppsAreOpenedOnceOnly(t *testing.T) {
	h := open(t, func(_ *house, w *web.Config, _ *api.Config, _ *edge.Config) { w.NoIncremental = true })
	ses, secret := h.narrow("alice", "Claude Code", session.AnyScope)
	b := h.signIn("alice")
	b.get(openCRM).wantWords("You have connected no agent that this app can be opened for")
	b.send(openCRM, withCSRF(b, opens(ses))).want(http.StatusUnprocessableEntity)
	if h.works(secret) {
		t.Error("the app was opened later")
	}
	b.get("/oauth/authorize?app=notes").wantWords("Claude Code") // more of what is open
}
