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
