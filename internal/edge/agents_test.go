package edge_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// agent connects an agent to a person and returns its session and token.
func (h *house) agent(owner, name string) (session.Session, string) {
	h.t.Helper()
	var ses session.Session
	var token session.Token
	h.must(h.db.Change(h.t.Context(), "connect an agent", func(tx *store.Tx) error {
		var err error
		if ses, err = h.agents.Open(h.t.Context(), tx, session.Draft{
			Subject: ostiary.Subject(owner), Client: session.Client{ID: ostiary.ClientID(name), Name: name, Kind: "agent", Ceiling: []string{session.AnyScope}},
			Resources: []string{"/mcp"}, Tier: "write", Sites: ostiary.Selection{All: true}, Authorized: []string{"crm", "notes"},
			Consent:  session.Consent{SelectedTools: []string{"crm:*"}, Shown: map[string][]string{"crm": {"read", "write"}}, Version: session.ConsentVersion},
			AuthTime: h.clock.Now(), Expires: h.clock.Now().Add(24 * time.Hour),
		}); err != nil {
			return err
		}
		token, err = h.agents.Mint(h.t.Context(), tx, ses, session.Narrowing{})
		return err
	}))
	return ses, token.Secret.Reveal()
}

func TestAPersonSeesAndCutsOffTheirAgents(t *testing.T) {
	h := open(t)
	ses, secret := h.agent("alice", "Claude Code")
	_, others := h.agent("bob", "Cursor")
	b := h.signIn("alice")
	b.get("/account/agents").want(http.StatusOK).wantWords("Claude Code", "tier write", "CRM", "unverified").wantNoWords("Cursor", secret)
	b.get("/account").wantWords("1 connected")
	if !h.works(secret) {
		t.Fatal("the agent's token doesn't work")
	}
	for _, who := range []string{"bob", "root", "mallory"} {
		other := h.signIn(who)
		other.send("/account/agents", withCSRF(other, url.Values{"action": {"revoke"}, "id": {string(ses.ID)}})).want(http.StatusNotFound)
	}
	b.send("/account/agents", url.Values{"action": {"revoke"}, "id": {string(ses.ID)}}).want(http.StatusForbidden)
	if !h.works(secret) {
		t.Fatal("the agent is cut off after others tried")
	}
	b.post("/account/agents", url.Values{"action": {"revoke"}, "id": {string(ses.ID)}}).wantRedirect("/account/agents?done=revoke")
	if h.works(secret) {
		t.Error("an agent that was cut off works")
	}
	if !h.works(others) {
		t.Error("somebody else's agent is cut off too")
	}
	b.get("/account/agents?done=revoke").wantWords("Cut off", "ended by its person")
	b.send("/account/agents", withCSRF(b, url.Values{"action": {"revoke"}, "id": {string(ses.ID)}})).want(http.StatusConflict)
}

func TestAPersonClosesOneAppForAnAgent(t *testing.T) {
	h := open(t)
	ses, secret := h.agent("alice", "Claude Code")
	b := h.signIn("alice")
	b.post("/account/agents", url.Values{"action": {"close"}, "id": {string(ses.ID)}, "app": {"crm"}}).wantRedirect("/account/agents?done=close")
	if h.works(secret) {
		t.Error("the closed app is still reached")
	}
	now, err := h.agents.Find(t.Context(), ses.ID)
	h.must(err)
	if !slices.Equal(now.Authorized, []string{"notes"}) || now.Revoked != nil {
		t.Errorf("got %v, revoked %v; want notes left open", now.Authorized, now.Revoked)
	}
	b.post("/account/agents", url.Values{"action": {"close"}, "id": {string(ses.ID)}, "app": {"crm"}}).want(http.StatusNotFound)
	b.post("/account/agents", url.Values{"action": {"melt"}, "id": {string(ses.ID)}}).want(http.StatusBadRequest)
}

func TestSessionsByAPI(t *testing.T) {
	h := open(t)
	ses, secret := h.agent("alice", "Claude Code")
	path := "/sessions/" + string(ses.ID)
	for who, want := range map[string]int{"alice": 1, "bob": 0, "root": 1, "boss": 1, "mallory": 0} {
		if got := ids(h.operator(who).get("/sessions")); len(got) != want {
			t.Errorf("%s sees %v, want %d", who, got, want)
		}
	}
	h.operator("bob").get("/sessions?subject=alice").wantCode(http.StatusNotFound, "not_found")
	h.operator("root").get("/sessions?client=Cursor").want(http.StatusOK).wantNoWords("Claude Code")
	h.operator("root").get("/sessions?what=1").want(http.StatusBadRequest)
	h.operator("alice").get("/sessions").wantWords(`"authorized_apps":["crm","notes"]`, `"tier":"write"`, `"sites":"all"`).wantNoWords(secret)
	for _, who := range []string{"bob", "mallory"} {
		h.operator(who).do(http.MethodDelete, path, "").wantCode(http.StatusNotFound, "not_found")
		h.operator(who).do(http.MethodDelete, path+"/apps/crm", "").wantCode(http.StatusNotFound, "not_found")
	}
	h.operator("alice", "read").do(http.MethodDelete, path, "").wantCode(http.StatusForbidden, "right_missing")
	if !h.works(secret) {
		t.Fatal("the agent is cut off after others tried")
	}
	h.operator("alice").do(http.MethodDelete, path+"/apps/hr", "").wantCode(http.StatusNotFound, "not_found")
	h.operator("alice").do(http.MethodDelete, path+"/apps/notes", "").want(http.StatusNoContent)
	h.operator("root").do(http.MethodDelete, path, "").want(http.StatusNoContent)
	if h.works(secret) {
		t.Error("an ended session works")
	}
	h.operator("root").do(http.MethodDelete, path, "").wantCode(http.StatusConflict, "session_over")
	h.operator("alice").get("/sessions").wantWords(`"revocation_reason":"ended by an operator"`)
}
