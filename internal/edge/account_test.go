package edge_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

var (
	shownToken = regexp.MustCompile(`ost_(pat|op)_[0-9A-Za-z]{49}`)
	here       = netip.MustParseAddr("127.0.0.1")
)

func newPersonal(name string) url.Values {
	return url.Values{"action": {"create"}, "name": {name}, "tier": {"write"}, "apps": {"crm"}, "tools": {"all"}, "ttl": {"3600"}}
}

func TestAPersonalTokenIsMadeOnThePageAndShownOnce(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	page := b.post("/account/tokens", newPersonal("laptop")).want(http.StatusOK)
	secret := shownToken.FindString(page.body)
	p, err := h.resolver.Bearer(t.Context(), secret, here)
	if err != nil {
		t.Fatalf("the token on the page: %v", err)
	}
	if p.Subject != "alice" || p.Tier.String() != "write" || !p.Apps.Has("crm") || p.Apps.Has("notes") || len(p.Sites) != 0 {
		t.Errorf("got %+v", p)
	}
	b.get("/account/tokens").want(http.StatusOK).wantWords("laptop").wantNoWords(secret)
	h.signIn("bob").get("/account/tokens").wantNoWords("laptop")
	b.get("/account").wantWords("1 in use")
}

func TestATokenFormOffersOnlyWhatThePersonMayKnowOf(t *testing.T) {
	h := open(t)
	h.signIn("alice").get("/account/tokens").wantWords("crm:get_contact", "site-A").wantNoWords("crm:secret_report")
	h.signIn("bob").get("/account/tokens").wantWords("crm:get_contact", "crm:secret_report")
}

func TestATokenFormThatIsWrongComesBackFilledIn(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	b.post("/account/tokens", newPersonal("laptop")).want(http.StatusOK)
	b.post("/account/tokens", newPersonal("laptop")).want(http.StatusUnprocessableEntity).wantWords("You have a token of this name already", `value="laptop"`)
	for field, value := range map[string]string{"name": "", "tier": "root", "ttl": "99999999999"} {
		f := newPersonal("other")
		f.Set(field, value)
		b.post("/account/tokens", f).want(http.StatusUnprocessableEntity)
	}
	endless := newPersonal("endless")
	endless.Set("ttl", "0")
	b.post("/account/tokens", endless).want(http.StatusUnprocessableEntity).wantWords("Tokens without an end are not allowed here")
	b.post("/account/tokens", url.Values{"action": {"melt"}}).want(http.StatusBadRequest)
}

func TestTokensAreChangedByTheirOwnerOnly(t *testing.T) {
	h := open(t)
	token, secret := h.token("alice")
	for _, who := range []string{"bob", "root", "mallory"} {
		b := h.signIn(who)
		for _, action := range []string{"revoke", "rotate"} {
			b.post("/account/tokens", url.Values{"action": {action}, "id": {token.ID}}).want(http.StatusNotFound)
		}
	}
	if !h.works(secret) {
		t.Fatal("the token is dead after others tried")
	}
	b := h.signIn("alice")
	rotated := shownToken.FindString(b.post("/account/tokens", url.Values{"action": {"rotate"}, "id": {token.ID}}).want(http.StatusOK).body)
	if h.works(secret) {
		t.Error("the old value still works")
	}
	if !h.works(rotated) {
		t.Error("the new value does not work")
	}
	b.post("/account/tokens", url.Values{"action": {"revoke"}, "id": {token.ID}}).wantRedirect("/account/tokens?done=revoked")
	if h.works(rotated) {
		t.Error("a revoked token works")
	}
	b.post("/account/tokens", url.Values{"action": {"revoke"}, "id": {token.ID}}).want(http.StatusConflict)
}

// pat makes a personal token of alice's on the page.
func (h *house) pat(b *browser, fields url.Values) identity.Personal {
	h.t.Helper()
	b.post("/account/tokens", fields).want(http.StatusOK)
	tokens, _, err := h.tokens.List(h.t.Context(), "alice", 1, "")
	h.must(err)
	return tokens[0]
}

func TestATokenIsNarrowedOnThePage(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	wide := url.Values{"action": {"create"}, "name": {"wide"}, "tier": {"write"}, "apps": {"all"}, "tools": {"all"}, "sites": {"all"}, "ttl": {"3600"}, "cidrs": {"127.0.0.0/8, ::1/128"}}
	token := h.pat(b, wide)
	path := "/account/tokens?narrow=" + token.ID
	b.get("/account/tokens").wantWords(path, "127.0.0.0/8")
	b.get(path).want(http.StatusOK).wantWords(`value="crm:get_contact"`, `value="wide"`, "as it is: in", "127.0.0.0/8\n::1/128", `id="tools-all" name="tools" value="all" checked`).wantNoWords(`value="crm:secret_report"`, `id="tier-admin"`, `value="3600"`)
	narrow := url.Values{"action": {"narrow"}, "id": {token.ID}, "name": {"narrow"}, "tier": {"read"}, "apps": {"crm"}, "tools": {"crm:get_contact", "crm:update_contact"}, "sites": {"all"}, "ttl": {""}, "cidrs": {"127.0.0.0/8"}}
	b.post("/account/tokens", narrow).wantRedirect("/account/tokens?done=narrowed")
	h.wantEvents("narrowed")
	now, err := h.tokens.Get(t.Context(), token.ID)
	h.must(err)
	if now.Name != "narrow" || now.Tier != "read" || now.Apps.All || !now.Apps.Has("crm") || len(now.Tools.IDs) != 2 || !now.Sites.All || len(now.CIDRs) != 1 || !now.Expires.Equal(*token.Expires) {
		t.Errorf("got %+v", now)
	}
	b.get(path).want(http.StatusOK).wantWords(`value="crm:update_contact" checked`).wantNoWords(`value="notes"`, `value="crm:merge_contacts"`, `id="apps-all"`, `id="tools-all"`, `id="tier-write"`)
	for field, value := range map[string]string{"tier": "write", "apps": "notes", "tools": "all", "ttl": "7200", "cidrs": ""} {
		wider := clone(narrow)
		wider.Set(field, value)
		b.post("/account/tokens", wider).want(http.StatusUnprocessableEntity).wantWords("can only be narrowed")
	}
	for field, value := range map[string]string{"name": "", "cidrs": "127.0.0.1", "ttl": "-5"} {
		wrong := clone(narrow)
		wrong.Set(field, value)
		b.post("/account/tokens", wrong).want(http.StatusUnprocessableEntity)
	}
	same, err := h.tokens.Get(t.Context(), token.ID)
	h.must(err)
	if same.Tier != "read" || same.Apps.Has("notes") || same.Tools.All || !same.Expires.Equal(*token.Expires) {
		t.Errorf("a refused form changed it: %+v", same)
	}
}

func TestATokenIsNarrowedByItsOwnerWhileItWorks(t *testing.T) {
	h := open(t)
	token, secret := h.token("alice")
	narrow := url.Values{"action": {"narrow"}, "id": {token.ID}, "name": {"x"}, "tier": {"read"}}
	for _, who := range []string{"bob", "root"} {
		b := h.signIn(who)
		b.get("/account/tokens?narrow=" + token.ID).want(http.StatusNotFound)
		b.post("/account/tokens", narrow).want(http.StatusNotFound)
	}
	if !h.works(secret) {
		t.Fatal("others narrowed it")
	}
	b := h.signIn("alice")
	b.post("/account/tokens", narrow).want(http.StatusSeeOther)
	if h.works(secret) {
		t.Error("a token without apps works")
	}
	b.post("/account/tokens", url.Values{"action": {"revoke"}, "id": {token.ID}}).want(http.StatusSeeOther)
	b.get("/account/tokens?narrow=" + token.ID).want(http.StatusConflict)
	b.post("/account/tokens", narrow).want(http.StatusConflict)
}

// What a token holds stays its own when an app is down for a while.
func TestNarrowingLosesNothingThatIsNotOnOffer(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	made := newPersonal("old")
	made["apps"], made["tools"], made["sites"] = []string{"crm", "gone"}, []string{"crm:*", "crm:gone_tool", "gone:tool"}, []string{"site-A", "site-Z"}
	token := h.pat(b, made)
	page := b.get("/account/tokens?narrow=" + token.ID).want(http.StatusOK)
	for _, id := range []string{"crm", "gone", "crm:*", "crm:gone_tool", "gone:tool", "site-A", "site-Z"} {
		page.wantWords(`value="` + id + `" checked`)
	}
}

func TestTheAccountTellsWhatWasDoneInOnesName(t *testing.T) {
	h := open(t)
	name := "Claude\u202e<b>x</b>"
	_, secret := h.agent("alice", name)
	_, others := h.agent("bob", "Cursor")
	b := h.signIn("alice")
	b.get("/account").want(http.StatusOK).wantWords("No yes or no is in force", "You signed in.")
	for range 2 {
		if !h.works(secret) {
			t.Fatal("the agent's call didn't go through")
		}
	}
	h.works(others)
	h.told(b, "2 times, ") // how a call ended is written behind it
	b.get("/account").wantWords("Claude<span", "</bdi> used <bdi class=\"said\">crm:get_contact</bdi>.").wantNoWords("Cursor", "<b>x</b>", name)
	h.askWith(secret, "crm:update_contact", `{"id":"1"}`)
	b.get("/account").wantWords("asked for <bdi class=\"said\">crm:update_contact</bdi>, which needs a yes.")
	bob := h.signIn("bob")
	h.told(bob, "crm:get_contact")
	bob.get("/account").wantWords("Cursor").wantNoWords("crm:update_contact")
}

// told waits until a person's account tells of something.
func (h *house) told(b *browser, what string) {
	h.t.Helper()
	for end := time.After(30 * time.Second); ; {
		page := b.get("/account").want(http.StatusOK)
		if strings.Contains(page.body, what) {
			return
		}
		select {
		case <-end:
			page.wantWords(what)
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestAYesIsTakenBackOnTheAccountPage(t *testing.T) {
	h := open(t)
	_, secret := h.token("alice")
	r := h.askWith(secret, "crm:update_contact", `{"id":"1"}`)
	b := h.signIn("alice")
	b.call(http.MethodPost, "/approvals/"+r.ID+"/decision", `{"decision":"approve","scope":"session"}`).want(http.StatusOK)
	id := regexp.MustCompile(`name="id" value="(grt_[^"]+)"`).FindStringSubmatch(b.get("/account").wantWords("may use", "You said yes to").body)
	if id == nil {
		t.Fatal("the account shows no yes to take back")
	}
	h.signIn("root").get("/account").wantNoWords(id[1]) // theirs alone, though operators see all in the inbox
	b.send("/approvals", withCSRF(b, url.Values{"action": {"revoke"}, "id": {id[1]}})).wantRedirect("/approvals?done=revoked")
	b.get("/account").wantWords("No yes or no is in force", "was taken back").wantNoWords(id[1])
	h.askWith(secret, "crm:update_contact", `{"id":"1"}`)
}

func TestATokenSaysWhyItEnded(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	_, secret := h.token("alice")
	b.get("/account/tokens").wantNoWords("reported as leaked")
	h.send(nil, http.MethodPost, "/api/v1/tokens/revoke-leaked", `{"tokens":["`+secret+`"]}`, "Content-Type", "application/json").want(http.StatusOK)
	b.get("/account/tokens").wantWords("reported as leaked")
	h.clock.Move(89 * 24 * time.Hour)
	b.signIn("alice")
	b.get("/account/tokens").wantWords("reported as leaked")
	h.clock.Move(2 * 24 * time.Hour)
	b.signIn("alice")
	b.get("/account/tokens").wantNoWords("reported as leaked")
}

func TestAnAgentKnownByItsDomainIsShownWithIt(t *testing.T) {
	h := open(t)
	h.must(h.db.Change(t.Context(), "connect an agent", func(tx *store.Tx) error {
		_, err := h.agents.Open(t.Context(), tx, session.Draft{
			Subject: "alice", Client: session.Client{ID: claude, Name: "Claude Code", Kind: "agent", Verified: true, Ceiling: []string{session.AnyScope}},
			Resources: []string{"/mcp"}, Tier: "read", AuthTime: h.clock.Now(), Expires: h.clock.Now().Add(time.Hour),
		})
		return err
	}))
	h.signIn("alice").get("/account/agents").wantWords("verified: claude.example")
}

func TestMakingTokensNeedsAFreshSignIn(t *testing.T) {
	h := open(t)
	token, _ := h.token("alice")
	b := h.signIn("alice")
	h.clock.Move(reauth + time.Second)
	b.send("/account/tokens", withCSRF(b, newPersonal("x"))).wantRedirect("/login?next=%2Faccount%2Ftokens&reauth=1")
	b.send("/account/tokens", withCSRF(b, url.Values{"action": {"rotate"}, "id": {token.ID}})).wantRedirect("/login?next=%2Faccount%2Ftokens&reauth=1")
	b.send("/account/operator", withCSRF(b, newOperator("read"))).wantRedirect("/login?next=%2Faccount%2Foperator&reauth=1")
	b.get("/account/tokens").wantWords("Sign in again")
	b.send("/account/tokens", withCSRF(b, url.Values{"action": {"revoke"}, "id": {token.ID}})).want(http.StatusSeeOther) // ending one needs none
	b.signIn("alice")
	b.post("/account/tokens", newPersonal("x")).want(http.StatusOK)
}

func newOperator(rights ...string) url.Values {
	return url.Values{"action": {"create"}, "name": {"terminal"}, "rights": rights, "ttl": {"3600"}}
}

func TestAnOperatorTokenIsMadeOnThePage(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	b.get("/account/operator").want(http.StatusOK).wantNoWords(`value="admin"`)
	b.post("/account/operator", newOperator("approve", "admin")).want(http.StatusUnprocessableEntity).wantWords("a right that you don&#39;t have")
	b.post("/account/operator", newOperator()).want(http.StatusUnprocessableEntity)
	long := newOperator("approve")
	long.Set("ttl", "43201")
	b.post("/account/operator", long).want(http.StatusUnprocessableEntity)
	secret := shownToken.FindString(b.post("/account/operator", newOperator("approve")).want(http.StatusOK).body)
	p := program{h, secret}
	p.get("/approvals").want(http.StatusOK)
	p.get("/grants").want(http.StatusForbidden)
	tokens, err := h.operators.List(t.Context(), "alice")
	h.must(err)
	revoke := url.Values{"action": {"revoke"}, "id": {tokens[0].ID}}
	h.signIn("root").post("/account/operator", revoke).want(http.StatusNotFound)
	p.get("/approvals").want(http.StatusOK)
	b.post("/account/operator", revoke).wantRedirect("/account/operator?done=revoked")
	p.get("/approvals").want(http.StatusUnauthorized)
}

func TestOperatorTokensByAPI(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	b.call(http.MethodPost, "/operator-tokens", `{"rights":["admin"],"ttl":60}`).wantCode(http.StatusUnprocessableEntity, "right_not_held")
	b.call(http.MethodPost, "/operator-tokens", `{"rights":["approve"],"ttl":43201}`).wantCode(http.StatusUnprocessableEntity, "ttl_too_long")
	b.call(http.MethodPost, "/operator-tokens", `{"rights":["approve"],"ttl":-1}`).wantCode(http.StatusUnprocessableEntity, "ttl_too_short")
	b.call(http.MethodPost, "/operator-tokens", `{"rights":["approve"],"ttl":0}`).wantCode(http.StatusUnprocessableEntity, "ttl_too_short")
	b.call(http.MethodPost, "/operator-tokens", `{"rights":[]}`).wantCode(http.StatusUnprocessableEntity, "right_missing")
	b.call(http.MethodPost, "/operator-tokens", `{"rights":["approve"],"name":"`+strings.Repeat("x", 101)+`"}`).wantCode(http.StatusUnprocessableEntity, "name_missing")
	made := read[struct{ ID, Token string }](b.call(http.MethodPost, "/operator-tokens", `{"rights":["approve"],"ttl":3600,"name":"x"}`).want(http.StatusCreated))
	program{h, made.Token}.get("/approvals").want(http.StatusOK)
	if got := ids(b.api(http.MethodGet, "/operator-tokens", "")); len(got) != 1 || got[0] != made.ID {
		t.Errorf("got %v, want %s", got, made.ID)
	}
	b.api(http.MethodGet, "/operator-tokens", "").wantNoWords(made.Token, "hash")
	h.signIn("root").call(http.MethodDelete, "/operator-tokens/"+made.ID, "").wantCode(http.StatusNotFound, "not_found")
	h.clock.Move(reauth + time.Second)
	b.call(http.MethodPost, "/operator-tokens", `{"rights":["approve"]}`).wantCode(http.StatusForbidden, "reauthenticate")
	b.call(http.MethodPost, "/tokens", `{"name":"x","tier":"read"}`).wantCode(http.StatusForbidden, "reauthenticate")
	b.call(http.MethodDelete, "/operator-tokens/"+made.ID, "").want(http.StatusNoContent)
	program{h, made.Token}.get("/approvals").want(http.StatusUnauthorized)
}

func TestPersonalTokensByAPI(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	for body, code := range map[string]string{
		`{"tier":"read"}`:                           "name_missing",
		`{"name":"x"}`:                              "tier_missing",
		`{"name":"x","tier":"root"}`:                "tier_missing",
		`{"name":"x","tier":"read","ttl":31536001}`: "ttl_too_long",
		`{"name":"x","tier":"read","ttl":0}`:        "ttl_too_long",

		`{"name":"x","tier":"read","apps":["nope"]}`:       "unknown_app",
		`{"name":"x","tier":"read","tools":["nope:get"]}`:  "unknown_tool",
		`{"name":"x","tier":"read","tools":["crm"]}`:       "unknown_tool",
		`{"name":"x","tier":"read","tools":["*"]}`:         "unknown_tool",
		`{"name":"x","tier":"read","tools":["crm:"]}`:      "unknown_tool",
		`{"name":"x","tier":"read","tools":["crm:get_*"]}`: "unknown_tool",
		`{"name":"x","tier":"read","tools":["crm:get?"]}`:  "unknown_tool",
	} {
		b.call(http.MethodPost, "/tokens", body).wantCode(http.StatusUnprocessableEntity, code)
	}
	for _, body := range []string{`{"name":"x","tier":"read","apps":"some"}`, `{"name":"x","tier":"read","apps":[1]}`, `{"name":"x","tier":"read","apps":["crm","all"]}`, `{"name":"x","tier":"read","tools":["all"]}`, `{"name":"x","tier":"read","cidrs":["x"]}`, `{"name":"x","tier":"read","scopes":[]}`} {
		b.call(http.MethodPost, "/tokens", body).want(http.StatusBadRequest)
	}
	type token struct {
		ID, Token, Hint string
		Apps, Tools     any
		Expires         time.Time `json:"expires_at"`
	}
	made := read[token](b.call(http.MethodPost, "/tokens", `{"name":"ci","tier":"write","apps":["crm","notes"],"tools":"all","ttl":3600,"cidrs":["127.0.0.0/8"]}`).want(http.StatusCreated))
	if !identity.CheckToken(made.Token, identity.KindPersonal) || made.Tools != "all" || !made.Expires.Equal(h.clock.Now().Add(time.Hour)) {
		t.Errorf("got %+v", made)
	}
	b.call(http.MethodPost, "/tokens", `{"name":"x","tier":"read","tools":["crm:get_*"]}`).wantWords("Tools:", "crm:get_*", "APP:*")
	open(t).signIn("alice").call(http.MethodPost, "/tokens", `{"name":"few","tier":"read","apps":["crm"],"tools":["crm:*","crm:comes_later","crm:@resources/crm://c/*"]}`).want(http.StatusCreated)
	b.call(http.MethodPost, "/tokens", `{"name":"ci","tier":"read"}`).wantCode(http.StatusConflict, "name_taken")
	path := "/tokens/" + made.ID
	b.call(http.MethodPatch, path, `{"tier":"admin"}`).wantCode(http.StatusUnprocessableEntity, "wider")
	b.call(http.MethodPatch, path, `{"apps":"all"}`).wantCode(http.StatusUnprocessableEntity, "wider")
	b.call(http.MethodPatch, path, `{"ttl":7200}`).wantCode(http.StatusUnprocessableEntity, "wider")
	b.call(http.MethodPatch, path, `{"cidrs":[]}`).wantCode(http.StatusUnprocessableEntity, "wider")
	b.call(http.MethodPatch, path, `{"tier":"read","apps":["crm"]}`).want(http.StatusOK).wantWords(`"tier":"read"`, `"apps":["crm"]`, `"expires_at":"`+made.Expires.Format(time.RFC3339Nano))
	for _, who := range []string{"bob", "root", "mallory"} {
		other := h.signIn(who)
		other.call(http.MethodPatch, path, `{"tier":"read"}`).wantCode(http.StatusNotFound, "not_found")
		other.call(http.MethodPost, path+"/rotate", ``).wantCode(http.StatusNotFound, "not_found")
	}
	h.signIn("bob").call(http.MethodDelete, path, "").wantCode(http.StatusNotFound, "not_found")
	h.operator("mallory").do(http.MethodDelete, path, "").wantCode(http.StatusNotFound, "not_found")
	rotated := read[token](b.call(http.MethodPost, path+"/rotate", ``).want(http.StatusOK))
	if rotated.ID != made.ID || rotated.Token == made.Token || rotated.Token == "" {
		t.Errorf("got %+v after rotation", rotated)
	}
	b.api(http.MethodGet, "/tokens", "").want(http.StatusOK).wantWords(made.ID).wantNoWords(rotated.Token, `"hash"`)
	for who, want := range map[string]int{"root": 1, "boss": 1, "mallory": 0} {
		if got := ids(h.operator(who).get("/tokens?subject=alice")); len(got) != want {
			t.Errorf("%s sees %v, want %d", who, got, want)
		}
	}
	h.signIn("bob").api(http.MethodGet, "/tokens?subject=alice", "").wantCode(http.StatusNotFound, "not_found")
	h.operator("root").do(http.MethodDelete, path, "").want(http.StatusNoContent)
	if h.works(rotated.Token) {
		t.Error("a deleted token works")
	}
	b.call(http.MethodDelete, path, "").wantCode(http.StatusConflict, "token_over")
}
