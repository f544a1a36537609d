package edge_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

var (
	endIt   = url.Values{"action": {"end"}, "confirm": {"1"}}
	goingOn = regexp.MustCompile(`<a class="button" href="([^"]+cursor=[^"]+)">Go on</a>`)
)

// adminPages are the pages for operators about one agent of alice's.
func adminPages(ses session.Session) (lists, items []string) {
	return []string{"/admin/people", "/admin/clients", "/admin/sessions"},
		[]string{"/admin/people/alice", "/admin/clients/mcp-agent", "/admin/sessions/" + string(ses.ID)}
}

func TestAdminPagesAreForOperators(t *testing.T) {
	h := open(t)
	ses, secret := h.agent("alice", "Claude Code")
	lists, items := adminPages(ses)
	for _, path := range append(append([]string{"/admin"}, lists...), items...) {
		h.browser().get(path).wantRedirect("/login?next=" + url.QueryEscape(path))
		h.send(nil, http.MethodGet, path, "", "Authorization", "Bearer "+secret).want(http.StatusSeeOther)
		h.send(nil, http.MethodGet, path, "", "Authorization", "Bearer "+h.operator("root").token).want(http.StatusSeeOther)
		for _, who := range []string{"alice", "bob"} {
			h.signIn(who).get(path).want(http.StatusForbidden).wantNoWords("Claude Code")
		}
	}
	root := h.signIn("root")
	root.get("/admin").wantRedirect("/admin/people")
	for _, path := range append(lists, items...) {
		root.get(path).want(http.StatusOK)
	}
	root.get("/admin/sessions").wantWords("Claude Code", "alice")
	root.get(items[2]).wantWords("all of crm", "tier write", "unverified").wantNoWords(secret)
	h.signIn("alice").get("/account").wantNoWords(`href="/admin/people"`)
}

func TestOperatorsSeeTheirTenant(t *testing.T) {
	h := open(t)
	ses, secret := h.agent("alice", "Claude Code")
	others, _ := h.agent("eve", "Claude Code")
	_, items := adminPages(ses)
	mallory := h.signIn("mallory")
	mallory.get("/admin/people").want(http.StatusOK).wantWords(">eve<").wantNoWords(">alice<", ">root<", ">boss<")
	mallory.get("/admin/sessions").want(http.StatusOK).wantWords(string(others.ID)).wantNoWords(string(ses.ID), "alice")
	mallory.get("/admin/sessions?subject=alice").want(http.StatusOK).wantNoWords(string(ses.ID))
	mallory.get("/admin/sessions?client=Claude+Code").want(http.StatusOK).wantWords(string(others.ID)).wantNoWords(string(ses.ID))
	for _, path := range []string{items[0], items[2], "/admin/people/nobody", "/admin/people/nightly", "/admin/sessions/ses_X", "/admin/clients/cli_X"} {
		mallory.get(path).want(http.StatusNotFound)
		mallory.send(path, withCSRF(mallory, endIt)).want(http.StatusNotFound)
	}
	if !h.works(secret) {
		t.Fatal("an operator of another tenant ended it")
	}
	h.signIn("root").get("/admin/people").wantWords(">alice<").wantNoWords(">eve<", ">boss<")
	h.signIn("boss").get("/admin/people").wantWords(">alice<", ">eve<", ">boss<").wantNoWords("nightly")
	h.signIn("boss").get("/admin/sessions").wantWords(string(others.ID), string(ses.ID))
}

func TestAnOperatorEndsOneSession(t *testing.T) {
	h := open(t)
	ses, secret := h.agent("alice", "Claude Code")
	_, stays := h.agent("alice", "Cursor")
	path := "/admin/sessions/" + string(ses.ID)
	root := h.signIn("root")
	root.post(path, url.Values{"action": {"end"}}).want(http.StatusOK).wantWords("Cut off", "Claude Code", "alice", "Back, nothing ended", `name="confirm" value="1"`)
	root.send(path, endIt).want(http.StatusForbidden) // without the form's token
	root.post(path, endIt, "Sec-Fetch-Site", "cross-site").want(http.StatusForbidden)
	root.post(path, endIt, "Origin", "https://evil.example").want(http.StatusForbidden)
	root.post(path, url.Values{"action": {"melt"}, "confirm": {"1"}}).want(http.StatusBadRequest)
	root.get(path + "?action=end&confirm=1").want(http.StatusOK)
	for _, who := range []string{"alice", "bob", "mallory"} {
		b := h.signIn(who)
		if got := b.send(path, withCSRF(b, endIt)).status; got != http.StatusForbidden && got != http.StatusNotFound {
			t.Errorf("%s: got %d", who, got)
		}
	}
	h.send(nil, http.MethodPost, path, endIt.Encode(), "Authorization", "Bearer "+secret, "Content-Type", "application/x-www-form-urlencoded").want(http.StatusUnauthorized)
	h.clock.Move(reauth + time.Second)
	root.send(path, withCSRF(root, endIt)).wantRedirect("/login?next=" + url.QueryEscape(path) + "&reauth=1")
	root.get(path).wantWords("needs a fresh sign-in").wantNoWords(`value="end"`)
	if !h.works(secret) {
		t.Fatal("the agent is cut off before anybody who may said so")
	}
	root.signIn("root")
	root.post(path, endIt).wantRedirect(path + "?done=end")
	entries, _, err := h.log.Search(t.Context(), audit.Query{Kind: audit.KindSession, Subject: "root"})
	h.must(err)
	if len(entries) != 1 || entries[0].Event != "revoked" || entries[0].Target != string(ses.ID) || entries[0].Detail["reason"] != "ended by an operator" {
		t.Errorf("got %+v in the record", entries)
	}
	if h.works(secret) {
		t.Error("the agent that was ended works")
	}
	if !h.works(stays) {
		t.Error("another agent was ended with it")
	}
	root.get(path+"?done=end").wantWords("Cut off.", "ended by an operator")
	root.send(path, withCSRF(root, endIt)).want(http.StatusConflict)
}

func TestAnOperatorEndsEverythingOfAPerson(t *testing.T) {
	h := open(t)
	_, agents := h.agent("alice", "Claude Code")
	token, tokens := h.token("alice")
	_, stays := h.agent("bob", "Claude Code")
	alice, root := h.signIn("alice"), h.signIn("root")
	path := "/admin/people/alice"
	root.get(path).wantWords("Claude Code", token.Hint).wantNoWords(agents, tokens)
	root.post(path, url.Values{"action": {"end"}}).want(http.StatusOK).wantWords("End everything in the name of")
	if !h.works(agents) || !h.works(tokens) {
		t.Fatal("asking whether they are sure ended it")
	}
	root.post(path, endIt).wantRedirect(path + "?done=end")
	if h.works(agents) || h.works(tokens) {
		t.Error("something of alice's still works")
	}
	root.get(path + "?done=end").wantWords("Everything in their name has ended.")
	h.agent("alice", "Claude Code") // and begun anew
	root.get(path + "?done=end").wantNoWords("has ended.")
	alice.get("/account").want(http.StatusSeeOther)
	if !h.works(stays) {
		t.Error("what is bob's was ended with it")
	}
	entries, _, err := h.log.Search(t.Context(), audit.Query{Kind: audit.KindAdmin, Subject: "root"})
	h.must(err)
	if len(entries) != 1 || entries[0].Event != "everything_revoked" || entries[0].Detail["subject"] != "alice" {
		t.Errorf("got %+v in the record", entries)
	}
}

func TestAnOperatorRevokesOneToken(t *testing.T) {
	h := open(t)
	token, secret := h.token("alice")
	_, stays := h.token("alice")
	others, eves := h.token("eve")
	path := "/admin/people/alice"
	revoke := url.Values{"action": {"end"}, "token": {token.ID}}
	root := h.signIn("root")
	root.get(path).wantWords(`name="token" value="` + token.ID + `"`)
	root.post(path, revoke).want(http.StatusOK).wantWords("Revoke the personal token", token.Name, `name="token" value="`+token.ID+`"`)
	revoke.Set("confirm", "1")
	h.signIn("mallory").post("/account", revoke).want(http.StatusMethodNotAllowed)
	mallory := h.signIn("mallory")
	mallory.send(path, withCSRF(mallory, revoke)).want(http.StatusNotFound)
	root.post(path, url.Values{"action": {"end"}, "confirm": {"1"}, "token": {others.ID}}).want(http.StatusNotFound)      // not alice's
	root.post(path, url.Values{"action": {"end"}, "confirm": {"1"}, "token": {"", token.ID}}).want(http.StatusBadRequest) // of two minds
	if !h.works(secret) || !h.works(stays) || !h.works(eves) {
		t.Fatal("something ended before an operator of the tenant was sure")
	}
	root.post(path, revoke).wantRedirect(path + "?done=end")
	if h.works(secret) || !h.works(stays) || !h.works(eves) {
		t.Errorf("got the token %t, another of alice's %t, eve's %t", h.works(secret), h.works(stays), h.works(eves))
	}
	root.get(path).wantWords("revoked by an operator")
	root.send(path, withCSRF(root, revoke)).want(http.StatusConflict)
}

func TestAnOperatorEndsWhatAClientWasGivenInTheirTenant(t *testing.T) {
	h := open(t)
	id := claude
	_, alices := h.agent("alice", id)
	_, eves := h.agent("eve", id)
	_, others := h.agent("alice", "mcp-agent")
	path := "/admin/clients/" + url.PathEscape(id)
	root := h.signIn("root")
	root.get(path).want(http.StatusNotFound) // nobody keeps it yet
	h.must(h.clients.Used(t.Context(), ostiary.ClientID(id), h.clock.Now().Add(time.Hour)))
	root.get(path).want(http.StatusOK).wantWords("verified: claude.example", ">alice<").wantNoWords(">eve<")
	root.get("/admin/clients").wantWords("MCP agent").wantNoWords("claude.example")
	h.signIn("boss").get("/admin/clients").wantWords("claude.example")
	root.post(path, endIt).wantRedirect(path + "?done=end")
	if h.works(alices) || !h.works(eves) || !h.works(others) {
		t.Errorf("got alice's %t, eve's %t, another of alice's %t", h.works(alices), h.works(eves), h.works(others))
	}
	boss := h.signIn("boss")
	boss.post(path, endIt).wantRedirect(path + "?done=end")
	if h.works(eves) {
		t.Error("an operator of all ended it, and eve's works")
	}
}

func TestNamesThatAgentsGiveThemselvesStayText(t *testing.T) {
	h := open(t)
	name := "Claude\u202e<img src=x onerror=alert(1)>\u200b"
	ses, _ := h.agent("alice", name)
	root := h.signIn("root")
	for _, path := range []string{"/admin/sessions", "/admin/sessions/" + string(ses.ID), "/admin/people/alice", "/admin/sessions?q=" + url.QueryEscape("claude\u202e")} {
		root.get(path).want(http.StatusOK).wantWords("U&#43;202E", "&lt;img src=x").wantNoWords("<img src=x", "Claude\u202e")
	}
	root.post("/admin/sessions/"+string(ses.ID), url.Values{"action": {"end"}}).wantWords("U&#43;202E").wantNoWords("<img src=x", "Claude\u202e")
}

// crowd connects many agents to alice.
func (h *house) crowd(n int) {
	h.t.Helper()
	for i := range n {
		h.must(h.db.Change(h.t.Context(), "connect an agent", func(tx *store.Tx) error {
			_, err := h.agents.Open(h.t.Context(), tx, session.Draft{
				Subject: "alice", Client: session.Client{ID: "mcp-agent", Name: fmt.Sprintf("agent %05d", i), Kind: "agent", Ceiling: []string{session.AnyScope}},
				Resources: []string{"/mcp"}, Tier: "read", AuthTime: h.clock.Now(), Expires: h.clock.Now().Add(time.Hour),
			})
			return err
		}))
	}
}

func TestLongListsArePaged(t *testing.T) {
	h := open(t)
	h.crowd(1100)
	root := h.signIn("root")
	seen := map[string]bool{}
	pages := 0
	for path := "/admin/sessions"; path != ""; pages++ {
		page := root.get(path).want(http.StatusOK)
		for _, name := range regexp.MustCompile(`agent \d{5}`).FindAllString(page.body, -1) {
			if seen[name] {
				t.Errorf("%s stands on two pages", name)
			}
			seen[name] = true
		}
		path = onward(page)
	}
	if len(seen) != 1100 || pages != 22 {
		t.Errorf("got %d sessions on %d pages, want 1100 on 22", len(seen), pages)
	}
	first := root.get("/admin/sessions?q=agent+00000").want(http.StatusOK).wantWords("there are more to look through") // the oldest
	root.get(onward(first)).want(http.StatusOK).wantWords("agent 00000")
	h.signIn("boss").get(onward(first)).want(http.StatusBadRequest) // somebody else's address
	root.get(strings.Replace(onward(first), "00000", "00001", 1)).want(http.StatusBadRequest)
	root.get("/admin/people/alice").wantWords("agent 01099", "/admin/sessions?subject=alice").wantNoWords("agent 01000")
	root.get("/admin/sessions?q=&state=over").want(http.StatusOK).wantNoWords("agent 01099")
	root.get("/admin/sessions?q=&state=working").want(http.StatusOK).wantWords("agent 01099")
}

// onward is the address of the page after this one.
func onward(page answer) string {
	found := goingOn.FindStringSubmatch(page.body)
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}

func TestPeopleAreSearched(t *testing.T) {
	h := open(t)
	for i := range 60 {
		h.must(h.users.Create(t.Context(), identity.User{
			ID: ostiary.Subject(fmt.Sprintf("p%02d", i)), Email: fmt.Sprintf("P%02d@example.com", i), Disabled: i == 7, Claims: identity.Claims{"tenant": "acme"},
		}, audit.Actor{Subject: "root"}))
	}
	root := h.signIn("root")
	first := root.get("/admin/people").want(http.StatusOK).wantWords(`href="/admin/people/alice"`, `href="/admin/people/p59"`)
	first.wantNoWords(`href="/admin/people/p00"`)
	root.get(onward(first)).want(http.StatusOK).wantWords(`href="/admin/people/p00"`)
	root.get("/admin/people?q=p1").wantWords(`href="/admin/people/p10"`).wantNoWords(`href="/admin/people/p20"`)
	root.get("/admin/people?state=disabled").wantWords(`href="/admin/people/p07"`).wantNoWords(`href="/admin/people/p08"`)
	root.get("/admin/people?state=operator").wantWords(`href="/admin/people/root"`).wantNoWords(`href="/admin/people/alice"`)
	boss := h.signIn("boss")
	boss.get("/admin/clients?q=nightly").wantWords("nightly").wantNoWords("mcp-agent")
	boss.get("/admin/clients?state=registered").want(http.StatusOK).wantNoWords("mcp-agent")
	boss.get("/admin/clients?state=" + string(client.Static)).wantWords("mcp-agent")
}
