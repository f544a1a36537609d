package edge_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/web"
	"github.com/ostiary/ostiary/session"
)

// remembering has people have their yes remembered.
func remembering(_ *house, w *web.Config, _ *api.Config, _ *edge.Config) { w.Remember = true }

// plugin is what the operator's client asks for, from its own pages.
func plugin(changes ...string) []string {
	return append([]string{"client_id", "acme-plugin", "redirect_uri", "https://eu.acme.example/cb", "scope", "plugin"}, changes...)
}

// editor is what a program with a metadata document asks for.
func editor(changes ...string) []string {
	return append([]string{"client_id", vscode, "redirect_uri", "https://vscode.example/redirect"}, changes...)
}

// comes opens an authorization request as browsers do that say where from; ""
// for one that doesn't.
func (b *browser) comes(from string, changes ...string) (path string) {
	b.h.t.Helper()
	var headers []string
	for one := range strings.FieldsSeq(from) {
		headers = append(headers, "Sec-Fetch-Site", one)
	}
	return b.get(asks(changes...), headers...).want(http.StatusSeeOther).header.Get("Location")
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// hidden are the fields of a form that nobody touches.
func (a answer) hidden() url.Values {
	f := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(a.body, -1) {
		f.Add(m[1], html.UnescapeString(m[2]))
	}
	f["csrf"] = f["csrf"][:1] // each form of the page has it
	return f
}

func (a answer) asksAgain() bool {
	a.t.Helper()
	a.want(http.StatusOK)
	short, list := strings.Contains(a.body, "Connect again"), strings.Contains(a.body, "Allow selected")
	if short == list {
		a.t.Fatalf("the page is neither a list nor a short one: %s", a.body)
	}
	return short
}

const (
	tick   = `name="remember" value="1"`
	acme   = "https://eu.acme.example/cb"
	elsewh = "cross-site"
	self   = "none"
)

// remember has a person agree to what the plugin asks for, with the tick.
func (b *browser) remember() {
	b.h.t.Helper()
	b.post(b.comes(elsewh, plugin()...), agreed("tier", "read", "remember", "1")).sentBack(acme)
}

// again says whether the plugin that asks again needs no list.
func (b *browser) again(changes ...string) bool {
	b.h.t.Helper()
	return b.get(b.comes(elsewh, plugin(changes...)...)).asksAgain()
}

func TestARememberedYesIsGivenAgainByOnePress(t *testing.T) {
	h := open(t, remembering)
	b := h.signIn("alice")
	b.get(b.comes(elsewh, plugin()...)).wantWords(tick, "Remember this for next time").wantNoWords("Connect again")
	b.post(b.comes(elsewh, plugin()...), agreed("tier", "read", "expires", "86400", "remember", "1", "skip", "notes")).sentBack(acme)
	end := h.clock.Now().Add(24 * time.Hour)

	h.clock.Move(time.Hour)
	b.signIn("alice")
	path := b.comes(elsewh, plugin("state", "another")...)
	page := b.get(path)
	if !page.asksAgain() {
		t.Fatal("got the list")
	}
	page.wantWords("Acme plugin", "eu.acme.example", "CRM", "crm:*", "read").wantNoWords(`type="checkbox"`, `type="radio"`)
	b.get(path+"?choose=1").wantWords("Allow selected", tick)
	if n := len(h.sessionsOf("alice", "acme-plugin")); n != 0 {
		t.Fatalf("got %d sessions by looking at pages", n)
	}
	fields := page.hidden()
	fields.Set("decision", "allow")
	q := b.send(path, fields).sentBack(acme)
	got := read[tokens](h.redeem("acme-plugin", q.Get("code")).want(http.StatusOK))
	if got.Scope != "mcp:read crm:read" || !h.works(got.Access) || q.Get("state") != "another" {
		t.Errorf("got %+v, %v", got, q)
	}
	ses, err := h.agents.Find(t.Context(), sessionOf(t, h, got.Access))
	h.must(err)
	if !ses.Expires.Equal(end) || !slices.Equal(ses.Authorized, []string{"crm"}) || ses.Tier != "read" {
		t.Errorf("got %+v; want what was given then, until %v", ses, end)
	}
	if !b.again() {
		t.Error("what was given again is forgotten")
	}
	h.clock.Move(23*time.Hour - time.Second)
	b.signIn("alice")
	if !b.again() {
		t.Error("it is forgotten before its end")
	}
	h.clock.Move(time.Second)
	b.signIn("alice")
	if b.again() {
		t.Error("it is remembered beyond its end")
	}
}

func (h *house) sessionsOf(id ostiary.Subject, of ostiary.ClientID) []session.Session {
	h.t.Helper()
	all, _, err := h.agents.List(h.t.Context(), session.Filter{Subject: id, Client: of}, 100, "")
	h.must(err)
	return all
}

func TestWhatAsksForMoreOrComesFromElsewhereIsShownTheList(t *testing.T) {
	h := open(t, remembering)
	b := h.signIn("alice")
	b.remember()
	if !b.again() {
		t.Fatal("got the list for the same again")
	}
	here, notes := "&resource="+url.QueryEscape(h.server.URL+"/mcp"), "&resource="+url.QueryEscape(h.server.URL+"/notes/mcp")
	for name, path := range map[string]string{
		"another redirect origin": asks(plugin("redirect_uri", "https://us.acme.example/cb")...),
		"another resource":        asks(plugin()...) + notes,
		"one more resource":       asks(plugin()...) + here + notes,
		"the same by name":        asks(plugin()...) + here,
	} {
		to := b.get(path, "Sec-Fetch-Site", elsewh).header.Get("Location")
		if got := b.get(to).asksAgain(); got != (name == "the same by name") {
			t.Errorf("%s: got a short page: %v", name, got)
		}
	}
	for name, from := range map[string]string{"without the header": "", "with two": "none none"} {
		page := b.get(b.comes(from, plugin()...))
		if page.asksAgain() {
			t.Errorf("%s: got no list", name)
		}
		page.wantNoWords(tick)
	}
	b.signIn("bob") // another person, in the same browser
	if b.again("state", "bob's") {
		t.Error("another person gets what alice had remembered")
	}
	b.signIn("alice")
	if !b.again() {
		t.Error("alice has lost it to bob")
	}
}

func TestWiderScopesAreShownTheList(t *testing.T) {
	h := open(t, remembering)
	b := h.signIn("alice")
	b.post(b.comes(self, editor("scope", "mcp:write crm:read")...), agreed("remember", "1")).sentBack("https://vscode.example/redirect")
	for scope, want := range map[string]bool{
		"mcp:write crm:read": true, "crm:read": true, "mcp:write": true, "": true,
		"mcp:admin": false, "mcp:read": false, "mcp-agent": false, "mcp:write crm:read notes:read": false, "crm:write": false,
	} {
		if got := b.get(b.comes(self, editor("scope", scope)...)).asksAgain(); got != want {
			t.Errorf("%q: got a short page %v; want %v", scope, got, want)
		}
	}
	page := b.get(b.comes(self, editor("scope", "")...))
	if got := page.hidden().Get("tier"); got != "read" {
		t.Errorf("got tier %q for who asks for the least", got)
	}
}

// A client that no operator set up is answered short only where its person came
// by themself: a link elsewhere, also by way of our sign-in, gets the list.
func TestALinkElsewhereGetsNoShortPageForAMetadataDocument(t *testing.T) {
	h := open(t, remembering)
	b := h.signIn("alice")
	for from, want := range map[string]bool{self: true, "cross-site": false, "same-site": false, "same-origin": false, "": false, "none cross-site": false} {
		b.post(b.comes(self, editor()...), agreed("tier", "read", "remember", "1")).sentBack("https://vscode.example/redirect")
		path := b.comes(from, editor()...)
		if got := b.get(path, "Sec-Fetch-Site", "same-origin").asksAgain(); got != want {
			t.Errorf("from %q: got a short page %v; want %v", from, got, want)
		}
		b.post(path+"?choose=1", agreed("tier", "read")) // a yes without the tick, and not from where it counts
		if got := b.get(b.comes(self, editor()...)).asksAgain(); got == want {
			t.Errorf("after a yes from %q: remembered %v", from, got)
		}
	}
}

func TestNothingIsRememberedForProgramsOnThisComputer(t *testing.T) {
	h := open(t, remembering)
	b := h.signIn("alice")
	made := read[struct {
		ID string `json:"client_id"`
	}](h.send(nil, http.MethodPost, "/oauth/register", `{"client_name":"Cursor","redirect_uris":["cursor://anysphere.cursor-mcp/oauth/callback","https://localhost/cb","https://127.0.0.1/cb","https://x.localhost/cb"]}`, "Content-Type", "application/json").want(http.StatusCreated))
	for _, ask := range [][]string{
		nil, // mcp-agent, loopback
		editor("redirect_uri", "http://127.0.0.1:33418/"),
		{"client_id", made.ID, "redirect_uri", "cursor://anysphere.cursor-mcp/oauth/callback"},
		{"client_id", made.ID, "redirect_uri", "https://localhost/cb"},
		{"client_id", made.ID, "redirect_uri", "https://127.0.0.1/cb"},
		{"client_id", made.ID, "redirect_uri", "https://x.localhost/cb"},
	} {
		path := b.comes(self, ask...)
		b.get(path).wantNoWords(tick)
		b.post(path, agreed("remember", "1"))
		if b.get(b.comes(self, ask...)).asksAgain() {
			t.Errorf("%v: it was remembered", ask)
		}
	}
	if got := h.remembered("alice"); len(got) != 0 {
		t.Errorf("got %d kept", len(got))
	}
}

func TestWithoutTheOperatorsWordNothingIsRemembered(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	b.get(b.comes(elsewh, plugin()...)).wantNoWords(tick)
	b.remember()
	if b.again() || len(h.remembered("alice")) != 0 {
		t.Error("it was remembered")
	}
}

func TestWhatIsForgottenWithoutBeingAskedTo(t *testing.T) {
	for name, end := range map[string]func(h *house, b *browser){
		"a yes without the tick": func(_ *house, b *browser) {
			b.post(b.comes(elsewh, plugin()...)+"?choose=1", agreed("tier", "read")).sentBack(acme)
		},
		"a no": func(_ *house, b *browser) {
			b.post(b.comes(elsewh, plugin()...), values("decision", "deny")).sentBack(acme)
		},
		"a session of it is cut off": func(h *house, b *browser) {
			b.post("/account/agents", values("action", "revoke", "id", string(h.sessionsOf("alice", "acme-plugin")[0].ID)))
		},
		"an app is closed for it": func(h *house, b *browser) {
			b.post("/account/agents", values("action", "close", "id", string(h.sessionsOf("alice", "acme-plugin")[0].ID), "app", "crm"))
		},
		"an operator ends the session": func(h *house, _ *browser) {
			h.operator("root").do(http.MethodDelete, "/sessions/"+string(h.sessionsOf("alice", "acme-plugin")[0].ID), "").want(http.StatusNoContent)
		},
		"everything of the client is revoked": func(h *house, _ *browser) { h.revokeAll(identity.Reach{Client: "acme-plugin"}) },
		"everything of the person is":         func(h *house, b *browser) { h.revokeAll(identity.Reach{Subject: "alice"}); b.signIn("alice") },
		"everything of the tenant is":         func(h *house, b *browser) { h.revokeAll(identity.Reach{Tenant: "acme"}); b.signIn("alice") },
		"everything is":                       func(h *house, b *browser) { h.revokeAll(identity.Reach{All: true}); b.signIn("alice") },
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, remembering)
			b, bob := h.signIn("alice"), h.signIn("bob")
			for _, who := range []*browser{b, bob} {
				q := who.post(who.comes(elsewh, plugin()...), agreed("tier", "read", "remember", "1")).sentBack(acme)
				h.redeem("acme-plugin", q.Get("code")).want(http.StatusOK)
			}
			if !b.again() {
				t.Fatal("nothing is remembered")
			}
			end(h, b)
			if b.again() || len(h.remembered("alice")) != 0 {
				t.Error("it is remembered still")
			}
			if others := len(h.remembered("bob")); !strings.HasPrefix(name, "everything") && others != 1 {
				t.Error("bob's is forgotten, too")
			}
		})
	}
}

func TestRevokingOthersForgetsNothing(t *testing.T) {
	h := open(t, remembering)
	b := h.signIn("alice")
	b.remember()
	other, _ := h.agent("alice", "another agent")
	_, err := h.agents.Revoke(t.Context(), other.ID, "", audit.Actor{})
	h.must(err)
	for _, r := range []identity.Reach{{Client: "another agent"}, {Subject: "bob"}, {Tenant: "evil"}} {
		h.revokeAll(r)
	}
	if !b.again() {
		t.Error("it is forgotten")
	}
}

func TestAPersonSeesAndForgetsWhatIsRemembered(t *testing.T) {
	h := open(t, remembering)
	b := h.signIn("alice")
	b.get("/account/agents").wantNoWords("Remembered")
	b.remember()
	h.wantEvents("consent_given", "consent_remembered")
	b.get("/account/agents").wantWords("Remembered", "Acme plugin", "https://eu.acme.example", "tier read", "crm:*")
	id := h.remembered("alice")[0]
	bob := h.signIn("bob")
	bob.get("/account/agents").wantNoWords("Remembered")
	bob.send("/account/agents", withCSRF(bob, values("action", "forget", "id", id))).want(http.StatusNotFound)
	b.send("/account/agents", values("action", "forget", "id", id)).want(http.StatusForbidden)
	if !b.again() {
		t.Fatal("others have it forgotten")
	}
	b.post("/account/agents", values("action", "forget", "id", id)).wantRedirect("/account/agents?done=forget")
	h.wantEvents("consent_forgotten")
	b.get("/account/agents?done=forget").wantWords("Forgotten")
	if b.again() {
		t.Error("it is remembered still")
	}
	b.send("/account/agents", withCSRF(b, values("action", "forget", "id", id))).want(http.StatusNotFound)
}

// What a metadata document says now is what its maker says now, not what
// somebody agreed to.
func TestAChangedMetadataDocumentIsShownTheList(t *testing.T) {
	for name, document := range map[string]string{
		"one more redirect URI": `{"client_id":"` + vscode + `","client_name":"Code","redirect_uris":["https://vscode.example/redirect","http://127.0.0.1/","https://evil.example/cb"]}`,
		"another name":          `{"client_id":"` + vscode + `","client_name":"Claude","redirect_uris":["https://vscode.example/redirect","http://127.0.0.1/"]}`,
		"the same":              documentOf(vscode),
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, remembering)
			b := h.signIn("alice")
			b.post(b.comes(self, editor()...), agreed("tier", "read", "remember", "1")).sentBack("https://vscode.example/redirect")
			h.documents[vscode] = document
			h.clock.Move(48 * time.Hour) // longer than a document is believed unasked
			b.signIn("alice")
			if got := b.get(b.comes(self, editor()...)).asksAgain(); got != (name == "the same") {
				t.Errorf("got a short page: %v", got)
			}
			if name == "one more redirect URI" && b.get(b.comes(self, editor("redirect_uri", "https://evil.example/cb")...)).asksAgain() {
				t.Error("the new address gets a short page")
			}
		})
	}
}

func TestAdminRightsAreNotRemembered(t *testing.T) {
	h := open(t, remembering)
	h.must(h.users.Create(t.Context(), person("dana", false, identity.Claims{"tenant": "acme", "roles": []any{"admin"}}), actor))
	b := h.signIn("dana")
	b.post(b.comes(elsewh, plugin()...), agreed("tier", "read", "remember", "1", "keep_admin", "1")).sentBack(acme)
	if b.again() {
		t.Error("a yes with admin rights is remembered")
	}
	b.remember()
	page := b.get(b.comes(elsewh, plugin()...))
	if !page.asksAgain() {
		t.Fatal("a yes without them is not remembered")
	}
	page.wantNoWords("keep_admin")
}

// remembered are the ids of what a person had remembered.
func (h *house) remembered(id ostiary.Subject) (ids []string) {
	h.t.Helper()
	all, err := h.agents.RememberedOf(h.t.Context(), id)
	h.must(err)
	for _, m := range all {
		ids = append(ids, m.ID)
	}
	return ids
}

func (h *house) revokeAll(r identity.Reach) {
	h.t.Helper()
	_, err := h.core().RevokeEverything(context.WithoutCancel(h.t.Context()), r, actor)
	h.must(err)
}
