package edge_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/web"
)

func TestTheAPITakesOperatorTokensOnly(t *testing.T) {
	h := open(t)
	_, personal := h.token("root")
	good := h.operator("root").token
	broken := good[:len(good)-1] + string(rune(good[len(good)-1])^1)
	for name, authorization := range map[string]string{
		"a personal token": "Bearer " + personal,
		"an access token":  "Bearer " + identity.Mint(identity.KindAccess).Reveal(),
		"an unknown token": "Bearer " + identity.Mint(identity.KindOperator).Reveal(),
		"a broken token":   "Bearer " + broken,
		"another scheme":   "Basic " + good,
		"no token":         "Bearer ",
		"no scheme":        good,
		"two tokens":       "Bearer " + good + " " + good,
		"nothing":          "",
	} {
		a := h.send(nil, http.MethodGet, "/api/v1/approvals", "", "Authorization", authorization)
		if a.status != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
		a.wantNoWords(personal, good)
	}
	h.send(nil, http.MethodGet, "/api/v1/approvals", "").wantCode(http.StatusUnauthorized, "unauthenticated")
	h.send(nil, http.MethodGet, "/api/v1/approvals", "", "Authorization", "Bearer "+good, "Authorization", "Bearer "+good).want(http.StatusUnauthorized)
	h.send(nil, http.MethodGet, "/api/v1/approvals", "", "Authorization", "bearer "+good).want(http.StatusOK)
}

func TestAGoodCookieDoesNotHelpABadToken(t *testing.T) {
	h := open(t)
	b := h.signIn("root")
	b.api(http.MethodGet, "/users", "").want(http.StatusOK)
	b.api(http.MethodGet, "/users", "", "Authorization", "Bearer nonsense").want(http.StatusUnauthorized)
}

func TestAnOperatorTokenEnds(t *testing.T) {
	h := open(t)
	p := h.operator("alice")
	p.get("/approvals").want(http.StatusOK)
	h.clock.Move(12*time.Hour - time.Second)
	p.get("/approvals").want(http.StatusOK)
	h.clock.Move(time.Second)
	p.get("/approvals").want(http.StatusUnauthorized)
}

func TestABrowserSessionChangesThingsOnlyWithItsCSRFValue(t *testing.T) {
	h := open(t)
	b, other := h.signIn("alice"), h.signIn("bob")
	theirs := read[struct{ CSRF string }](other.api(http.MethodGet, "/session", "")).CSRF
	make := `{"name":"laptop","tier":"read"}`
	b.api(http.MethodPost, "/tokens", make).wantCode(http.StatusForbidden, "csrf")
	b.api(http.MethodPost, "/tokens", make, "X-CSRF-Token", theirs).wantCode(http.StatusForbidden, "csrf")
	b.api(http.MethodDelete, "/tokens/tok_1", "").wantCode(http.StatusForbidden, "csrf")
	b.call(http.MethodPost, "/tokens", make).want(http.StatusCreated)
}

func TestASessionTellsWhoIsThere(t *testing.T) {
	h := open(t)
	h.browser().api(http.MethodGet, "/session", "").wantCode(http.StatusUnauthorized, "unauthenticated")
	h.operator("alice").get("/session").wantCode(http.StatusForbidden, "browser_only")
	type session struct {
		Subject, Tenant, CSRF string
		Admin                 bool
		Rights                []string
		SignedIn              time.Time `json:"signed_in_at"`
	}
	got := read[session](h.signIn("root").api(http.MethodGet, "/session", "").want(http.StatusOK))
	if got.Subject != "root" || got.Tenant != "acme" || !got.Admin || len(got.Rights) != 3 || got.CSRF == "" || !got.SignedIn.Equal(h.clock.Now()) {
		t.Errorf("got %+v", got)
	}
}

// Each right, and what it is not enough for.
func TestARightIsNeededForEachCall(t *testing.T) {
	h := open(t)
	r := h.ask("root", "crm:update_contact", `{"id":"1"}`)
	calls := []struct {
		method, path, body string
		rights             []identity.Right // any of these is enough
	}{
		{"GET", "/approvals", "", []identity.Right{"read", "approve"}},
		{"GET", "/approvals/" + r.ID, "", []identity.Right{"read", "approve"}},
		{"POST", "/approvals/" + r.ID + "/decision", `{}`, []identity.Right{"approve"}},
		{"GET", "/grants", "", []identity.Right{"read"}},
		{"POST", "/grants", `{}`, []identity.Right{"admin"}},
		{"DELETE", "/grants/grt_1", "", []identity.Right{"approve", "admin"}},
		{"GET", "/tokens", "", []identity.Right{"admin"}},
		{"DELETE", "/tokens/tok_1", "", []identity.Right{"admin"}},
		{"GET", "/audit", "", []identity.Right{"read"}},
		{"GET", "/audit/export", "", []identity.Right{"read"}},
		{"GET", "/audit/checkpoint", "", []identity.Right{"read"}},
		{"GET", "/tools", "", []identity.Right{"read"}},
		{"GET", "/tools/left-out", "", []identity.Right{"read"}},
		{"POST", "/tools/crm:get_contact/accept", "", []identity.Right{"admin"}},
		{"POST", "/explain", `{}`, []identity.Right{"read"}},
		{"GET", "/users", "", []identity.Right{"admin"}},
		{"POST", "/users", `{}`, []identity.Right{"admin"}},
		{"PATCH", "/users/alice", `{}`, []identity.Right{"admin"}},
		{"DELETE", "/users/nobody", "", []identity.Right{"admin"}},
		{"POST", "/revoke", `{}`, []identity.Right{"admin"}},
	}
	for _, right := range []identity.Right{"read", "approve", "admin"} {
		p := h.operator("root", right)
		for _, c := range calls {
			allowed := false
			for _, r := range c.rights {
				allowed = allowed || r == right
			}
			got := p.do(c.method, c.path, c.body).status
			if refused := got == http.StatusForbidden; refused == allowed {
				t.Errorf("%s %s with the right %s: got %d, want allowed %t", c.method, c.path, right, got, allowed)
			}
		}
	}
}

func TestWhatMakesTokensIsDoneInABrowserOnly(t *testing.T) {
	h := open(t)
	p := h.operator("root")
	for _, c := range [][3]string{
		{"POST", "/operator-tokens", `{"rights":["read"]}`},
		{"GET", "/operator-tokens", ""},
		{"DELETE", "/operator-tokens/opt_1", ""},
		{"POST", "/tokens", `{"name":"x","tier":"read"}`},
		{"PATCH", "/tokens/tok_1", `{}`},
		{"POST", "/tokens/tok_1/rotate", ""},
	} {
		p.do(c[0], c[1], c[2]).wantCode(http.StatusForbidden, "browser_only")
	}
	h.operator("alice").get("/tokens").wantCode(http.StatusForbidden, "browser_only")
}

func TestNearlyRightBodiesAreRefused(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:update_contact", `{"id":"1"}`)
	p := h.operator("alice")
	path := "/approvals/" + r.ID + "/decision"
	for name, body := range map[string]string{
		"empty":                ``,
		"null":                 `null`,
		"an array":             `[{"decision":"approve"}]`,
		"a string":             `"approve"`,
		"cut off":              `{"decision":"approve"`,
		"two values":           `{"decision":"approve"}{"decision":"deny"}`,
		"a key twice":          `{"decision":"deny","decision":"approve"}`,
		"a key escaped twice":  `{"decision":"deny","decisio\u006e":"approve"}`,
		"another case":         `{"Decision":"approve"}`,
		"another case besides": `{"decision":"deny","DECISION":"approve"}`,
		"a look-alike":         `{"deciſion":"approve"}`,
		"an unknown member":    `{"decision":"approve","confirm":true}`,
		"a wrong type":         `{"decision":true}`,
		"a fraction":           `{"decision":"approve","scope":"time_limited","ttl":1.5}`,
		"a number too large":   `{"decision":"approve","scope":"time_limited","ttl":99999999999999999999}`,
		"no decision":          `{}`,
		"another decision":     `{"decision":"Approve"}`,
		"invalid UTF-8":        "{\"decision\":\"approve\",\"reason\":\"\xff\"}",
		"deep":                 `{"decision":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
		"a byte order mark":    "\ufeff" + `{"decision":"approve"}`,
		"a comment":            `{"decision":"approve"/**/}`,
	} {
		a := p.post(path, body)
		if a.status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
	p.post(path, `{"decision":"approve","reason":"`+strings.Repeat("x", 2<<20)+`"}`).wantCode(http.StatusRequestEntityTooLarge, "too_large")
	h.send(nil, http.MethodPost, "/api/v1"+path, `{"decision":"approve"}`, "Authorization", "Bearer "+p.token, "Content-Type", "text/plain").
		wantCode(http.StatusUnsupportedMediaType, "unsupported_media_type")
	if got := h.request(r.ID).Status; got != "pending" {
		t.Fatalf("got %s by a body that was refused", got)
	}
	p.post(path, ` {"decision" : "approve" , "scope":"once"} `).want(http.StatusOK)
}

func TestPagesOfAListAreBoundToTheirReader(t *testing.T) {
	h := open(t)
	_, secret := h.token("alice")
	for _, id := range []string{"1", "2", "3", "4", "5"} {
		h.askWith(secret, "crm:delete_contact", `{"id":"`+id+`"}`)
	}
	type page struct {
		Items []struct{ ID string }
		Next  string
	}
	p := h.operator("alice")
	seen := map[string]bool{}
	cursor := ""
	for n := 1; ; n++ {
		got := read[page](p.get("/approvals?limit=2" + cursor).want(http.StatusOK))
		for _, it := range got.Items {
			if seen[it.ID] {
				t.Errorf("%s stands twice", it.ID)
			}
			seen[it.ID] = true
		}
		if got.Next == "" {
			break
		}
		cursor = "&cursor=" + got.Next
		if n > 5 {
			t.Fatal("the list has no end")
		}
	}
	if len(seen) != 5 {
		t.Errorf("got %d requests, want 5", len(seen))
	}
	next := read[page](p.get("/approvals?limit=2")).Next
	h.operator("bob").get("/approvals?cursor="+next).wantCode(http.StatusBadRequest, "invalid_cursor")
	p.get("/grants?cursor="+next).wantCode(http.StatusBadRequest, "invalid_cursor")
	p.get("/approvals?status=denied&cursor="+next).wantCode(http.StatusBadRequest, "invalid_cursor")
	p.get("/approvals?cursor=1").wantCode(http.StatusBadRequest, "invalid_cursor")
	for _, bad := range []string{"limit=0", "limit=201", "limit=-1", "limit=x", "limit=", "status=open", "status=", "Status=pending", "subject=x", "limit=1&limit=2", "limit=%zz"} {
		p.get("/approvals?"+bad).wantCode(http.StatusBadRequest, "invalid_request")
	}
	p.get("/approvals?limit=200").want(http.StatusOK)
}

func TestLeakedTokensAreEndedForAnybody(t *testing.T) {
	h := open(t, func(_ *house, _ *web.Config, a *api.Config, _ *edge.Config) {
		a.Leaks = limit.Rate{Count: 3, Per: time.Minute}
	})
	token, personal := h.token("alice")
	op := h.operator("bob")
	ses, access := h.agent("alice", "Cursor")
	report := func(body string) answer {
		return h.send(nil, http.MethodPost, "/api/v1/tokens/revoke-leaked", body, "Content-Type", "application/json")
	}
	unknown := identity.Mint(identity.KindPersonal).Reveal()
	a := report(`{"tokens":["` + personal + `","` + op.token + `","` + access + `","` + unknown + `","nonsense",""]}`).want(http.StatusOK)
	if got := read[struct{ Revoked int }](a).Revoked; got != 3 {
		t.Errorf("got %d revoked, want 3", got)
	}
	if got, err := h.agents.Find(t.Context(), ses.ID); err != nil || got.Revoked == nil {
		t.Errorf("got %+v, %v; want the agent's session revoked", got, err)
	}
	op.get("/approvals").want(http.StatusUnauthorized)
	if got, err := h.tokens.Get(t.Context(), token.ID); err != nil || got.Revoked == nil {
		t.Errorf("got %+v, %v; want the token revoked", got, err)
	}
	if got := read[struct{ Revoked int }](report(`{"tokens":["` + personal + `"]}`)).Revoked; got != 0 {
		t.Errorf("got %d revoked the second time, want 0", got)
	}
	report(`{"tokens":["` + strings.Repeat(`","`, 200) + `"]}`).want(http.StatusBadRequest)
	if got := report(`{"tokens":[]}`).want(http.StatusTooManyRequests).header.Get("Retry-After"); got != "20" {
		t.Errorf("got Retry-After %q, want 20", got)
	}
}
