package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

// foreign is a gateway that takes the JWTs of an issuer, in a process of its
// own.
func foreign(t *testing.T) (*house, *testparts.Issuer, *spy) {
	t.Helper()
	return foreignOn(t, "")
}

// foreignOn is foreign with its storage at a url.
func foreignOn(t *testing.T, storage string) (*house, *testparts.Issuer, *spy) {
	t.Helper()
	idp, up := testparts.StartIssuer(t), newSpy(t)
	h := newHouse(t, storage, up.app("10s"))
	h.replace("\nauth:\n", fmt.Sprintf("\nauth:\n  mode: transparent\n  transparent:\n    issuers:\n      - {id: corp, issuer: %q, audience: \"https://mcp.example\", "+
		"allow: {tenants: [acme], roles: [\"*\"]}}\n", idp.URL))
	return h.start(), idp, up
}

// foreignToken is one that is taken; more replaces claims.
func foreignToken(idp *testparts.Issuer, how string, more testparts.JSON) token {
	claims := testparts.JSON{"sub": "pat", "azp": "agent", "aud": "https://mcp.example", "scope": "mcp:write", "tenant": "acme", "sites": []string{"site-A"}}
	for name, v := range more {
		claims[name] = v
	}
	return token{Token: idp.Mint(how, nil, claims)}
}

func TestForeignTokensCallWhatTheyMayAndNothingElseDoes(t *testing.T) {
	h, idp, up := foreign(t)
	tok := foreignToken(idp, "", nil)
	h.wantOK(h.call(tok, freely, `{"id":"a"}`))
	h.wantReason(h.call(foreignToken(idp, "", testparts.JSON{"scope": nil}), onceOnly, `{"id":"b"}`), "insufficient_scope")
	resp, err := http.Get(h.url + "/.well-known/oauth-protected-resource/mcp")
	if err != nil {
		t.Fatal(err)
	}
	if status, text := read(resp); status != http.StatusOK || !strings.Contains(text, fmt.Sprintf(`"authorization_servers":[%q]`, idp.URL)) {
		t.Errorf("where tokens come from: got %d %s", status, text)
	}
	h.wantReason(h.call(tok, onceOnly, `{"id":"c"}`), "approval_required")
	for name, bad := range map[string]token{
		"none":           foreignToken(idp, "none", nil),
		"hs256":          foreignToken(idp, "hs256", nil),
		"other key":      foreignToken(idp, "other", nil),
		"other audience": foreignToken(idp, "", testparts.JSON{"aud": "https://else.example"}),
		"other issuer":   foreignToken(idp, "", testparts.JSON{"iss": "https://else.example"}),
		"expired":        foreignToken(idp, "", testparts.JSON{"exp": 1}),
		"no JWT":         {Token: "a.b.c"},
		"too long":       {Token: strings.Repeat("x", 20<<10) + ".b.c"},
	} {
		a := h.call(bad, freely, `{"id":"d"}`)
		if a.status != http.StatusUnauthorized || !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: got %d %q", name, a.status, a.header.Get("WWW-Authenticate"))
		}
	}
	if got := up.count(); got["a"] != 1 || len(got) != 1 {
		t.Errorf("the app saw %v; want a once", got)
	}
}

func TestAForeignPersonIsListedAndCutOff(t *testing.T) {
	h, idp, _ := foreign(t)
	tok := foreignToken(idp, "", nil)
	h.wantOK(h.call(tok, freely, `{"id":"a"}`))
	operator := h.signIn("root").operatorToken("read", "admin")
	var people struct{ Items []struct{ ID string } }
	h.api(operator, http.MethodGet, "/users", nil, &people)
	if !slices.ContainsFunc(people.Items, func(p struct{ ID string }) bool { return p.ID == "corp|pat" }) {
		t.Errorf("got people %+v; want corp|pat among them", people.Items)
	}
	var sessions struct {
		Items []struct{ ID, Subject string }
	}
	h.api(operator, http.MethodGet, "/sessions", nil, &sessions)
	if len(sessions.Items) != 1 || sessions.Items[0].Subject != "corp|pat" {
		t.Fatalf("got sessions %+v", sessions.Items)
	}
	if got := h.api(operator, http.MethodDelete, "/sessions/"+sessions.Items[0].ID, nil, nil); got/100 != 2 {
		t.Fatalf("got %d from ending the session", got)
	}
	other := foreignToken(idp, "", testparts.JSON{"azp": "another"})
	if a := h.call(tok, freely, `{"id":"b"}`); a.status != http.StatusUnauthorized {
		t.Errorf("got %d with a token of a session that was ended", a.status)
	}
	h.wantOK(h.call(other, freely, `{"id":"c"}`))
	unseen := foreignToken(idp, "", testparts.JSON{"azp": "unseen"})
	if got := h.api(operator, http.MethodPost, "/revoke", map[string]any{"subject": "corp|pat"}, nil); got/100 != 2 {
		t.Fatalf("got %d from revoking everything", got)
	}
	for _, tok := range []token{other, unseen} {
		if a := h.call(tok, freely, `{"id":"d"}`); a.status != http.StatusUnauthorized {
			t.Errorf("got %d with a token of a person whose everything was revoked", a.status)
		}
	}
}

// Two gateways on one PostgreSQL have one session for an issuer's person and
// agent, also when both see it for the first time at once. What is ended at one
// is refused by the next call at the other, which remembers the token as good.
func TestWhatOneGatewayTakesBackFromAForeignAgentTheOtherRefuses(t *testing.T) {
	first, idp, up := foreignOn(t, testparts.Postgres(t))
	second := (&house{t: t, dir: first.dir, file: first.file}).start()
	operator := first.signIn("root").operatorToken("read", "admin")
	sessions := func(client string) (ids []string) {
		var out struct{ Items []struct{ ID string } }
		first.api(operator, http.MethodGet, "/sessions?subject=corp%7Cpat&client=corp%7C"+client, nil, &out)
		for _, s := range out.Items {
			ids = append(ids, s.ID)
		}
		return ids
	}
	refused := func(when string, toks ...token) {
		t.Helper()
		for _, tok := range toks {
			if a := second.call(tok, freely, `{"id":"too late"}`); a.status != http.StatusUnauthorized {
				t.Fatalf("%s: the other gateway answers %d %s", when, a.status, a.body)
			}
		}
	}
	for round := range 10 {
		client := fmt.Sprint("agent", round)
		tok := foreignToken(idp, "", testparts.JSON{"azp": client})
		done := make(chan answer)
		for _, h := range []*house{first, second} {
			go func() { done <- h.call(tok, freely, `{"id":"first"}`) }()
		}
		first.wantOK(<-done)
		first.wantOK(<-done)
		ids := sessions(client)
		if len(ids) != 1 {
			t.Fatalf("got sessions %v; want one", ids)
		}
		second.wantOK(second.call(tok, freely, `{"id":"second"}`))
		if got := first.api(operator, http.MethodDelete, "/sessions/"+ids[0], nil, nil); got/100 != 2 {
			t.Fatalf("got %d from ending the session", got)
		}
		refused("after its session was ended", tok, foreignToken(idp, "", testparts.JSON{"azp": client, "jti": "another"}))
	}
	one, other := foreignToken(idp, "", testparts.JSON{"azp": "one"}), foreignToken(idp, "", testparts.JSON{"azp": "other"})
	second.wantOK(second.call(one, freely, `{"id":"third"}`))
	second.wantOK(second.call(other, freely, `{"id":"third"}`))
	if got := first.api(operator, http.MethodPost, "/revoke", map[string]any{"subject": "corp|pat"}, nil); got/100 != 2 {
		t.Fatalf("got %d from revoking everything", got)
	}
	refused("after everything of its person was revoked", one, other, foreignToken(idp, "", testparts.JSON{"azp": "unseen"}))
	bystander := foreignToken(idp, "", testparts.JSON{"sub": "kim"})
	second.wantOK(second.call(bystander, freely, `{"id":"fourth"}`))
	if got := up.count(); got["too late"] != 0 || got["first"] != 20 || got["third"] != 2 || got["fourth"] != 1 {
		t.Errorf("the app saw %v", got)
	}
}
