package edge_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/oauth"
	"github.com/ostiary/ostiary/internal/edge/web"
)

// limited gives every address so few requests.
func limited(tokens, registrations int) option {
	return func(h *house, _ *web.Config, _ *api.Config, e *edge.Config) {
		c := e.OAuth.Config
		c.Tokens, c.Registrations = limit.Rate{Count: tokens, Per: time.Minute}, limit.Rate{Count: registrations, Per: time.Minute}
		e.OAuth = oauth.New(c)
	}
}

func withoutAuthServer(_ *house, _ *web.Config, _ *api.Config, e *edge.Config) { e.OAuth = nil }

func TestClientsFindTheAuthorizationServerWhereverTheyLook(t *testing.T) {
	h := open(t)
	for path, authorize := range map[string]string{
		"/.well-known/oauth-authorization-server":           "/oauth/authorize",
		"/.well-known/oauth-authorization-server/mcp":       "/oauth/authorize",
		"/.well-known/oauth-authorization-server/notes/mcp": "/notes/oauth/authorize",
		"/.well-known/openid-configuration":                 "/oauth/authorize",
	} {
		a := h.send(nil, http.MethodGet, path, "", "Origin", "https://app.example", "Host", "localhost:1").want(http.StatusOK)
		a.wantHeaders("Access-Control-Allow-Origin", "*")
		m := read[map[string]any](a)
		for name, want := range map[string]string{
			"issuer": "", "authorization_endpoint": authorize, "token_endpoint": "/oauth/token", "registration_endpoint": "/oauth/register",
			"revocation_endpoint": "/oauth/revoke", "introspection_endpoint": "/oauth/introspect", "jwks_uri": "/.well-known/jwks.json",
		} {
			if m[name] != h.server.URL+want {
				t.Errorf("%s: got %s %v, want %s", path, name, m[name], h.server.URL+want)
			}
		}
		if got := m["code_challenge_methods_supported"].([]any); !slices.Equal(got, []any{"S256"}) {
			t.Errorf("%s: got challenges %v", path, got)
		}
		if m["client_id_metadata_document_supported"] != true || m["authorization_response_iss_parameter_supported"] != true {
			t.Errorf("%s: got %v", path, m)
		}
	}
	h.send(nil, http.MethodGet, "/.well-known/oauth-authorization-server/crm/mcp", "").want(http.StatusNotFound)
	h.send(nil, http.MethodGet, "/.well-known/openid-configuration/mcp", "").want(http.StatusNotFound)
	h.send(nil, http.MethodGet, "/.well-known/change-password", "").want(http.StatusNotFound)
	h.send(nil, http.MethodPost, "/.well-known/jwks.json", "").want(http.StatusMethodNotAllowed)
	h.send(nil, http.MethodGet, "/.well-known/jwks.json", "").want(http.StatusOK).wantWords(`{"keys":[]}`)
	resource := read[map[string]any](h.send(nil, http.MethodGet, "/.well-known/oauth-protected-resource/mcp", ""))
	server := read[map[string]any](h.send(nil, http.MethodGet, "/.well-known/oauth-authorization-server", ""))
	if got := resource["authorization_servers"].([]any); !slices.Equal(got, []any{h.server.URL}) {
		t.Errorf("got authorization servers %v", got)
	}
	if !slices.Equal(resource["scopes_supported"].([]any), server["scopes_supported"].([]any)) {
		t.Errorf("a resource tells of scopes %v, the server of %v", resource["scopes_supported"], server["scopes_supported"])
	}
	h.send(nil, http.MethodGet, "/notes/mcp/.well-known/oauth-protected-resource", "").want(http.StatusOK).wantWords("/notes/mcp")
}

func TestWithoutAnAuthorizationServerNobodyIsLedToOne(t *testing.T) {
	h := open(t, withoutAuthServer)
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/.well-known/jwks.json"} {
		h.send(nil, http.MethodGet, path, "").want(http.StatusNotFound)
	}
	h.form("/oauth/token", nil).want(http.StatusNotFound)
	h.send(nil, http.MethodGet, "/.well-known/oauth-protected-resource", "").want(http.StatusOK).wantNoWords("authorization_servers")
}

func TestAResourceTellsOfTheIssuersThatItTakes(t *testing.T) {
	h := open(t, func(_ *house, _ *web.Config, _ *api.Config, c *edge.Config) {
		c.OAuth = nil
		c.Issuers = func(endpoint string) []string {
			return map[string][]string{"/mcp": {"https://idp.example"}, "/notes/mcp": {"https://idp.example", "https://notes.example"}}[endpoint]
		}
	})
	for path, want := range map[string]string{
		"":           `"authorization_servers":["https://idp.example"]`,
		"/mcp":       `"authorization_servers":["https://idp.example"]`,
		"/notes/mcp": `"authorization_servers":["https://idp.example","https://notes.example"]`,
	} {
		h.send(nil, http.MethodGet, "/.well-known/oauth-protected-resource"+path, "").want(http.StatusOK).wantWords(want)
	}
}

func TestBrowsersOfOtherOriginsUseTheEndpointsOfPrograms(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/oauth/token", "/token", "/oauth/register", "/register", "/oauth/revoke", "/oauth/introspect", "/.well-known/oauth-authorization-server"} {
		a := h.send(nil, http.MethodOptions, path, "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST").want(http.StatusNoContent)
		a.wantHeaders("Access-Control-Allow-Origin", "*", "Access-Control-Allow-Credentials", "")
		if !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "MCP-Protocol-Version") {
			t.Errorf("%s: got %q", path, a.header.Get("Access-Control-Allow-Headers"))
		}
	}
	h.form("/oauth/token", values("client_id", "mcp-agent"), "Origin", "https://app.example", "Sec-Fetch-Site", "cross-site").wantOAuth(http.StatusBadRequest, "invalid_request")
	h.form("/login", nil, "Origin", "https://app.example").want(http.StatusForbidden)
}

func TestACodeBecomesTokensThatAreRefreshedAndGivenBack(t *testing.T) {
	h := open(t)
	a := h.redeem("mcp-agent", h.code("mcp-agent")).want(http.StatusOK)
	a.wantHeaders("Cache-Control", "no-store", "Pragma", "no-cache", "Content-Type", "application/json")
	got := read[tokens](a)
	if got.Type != "Bearer" || got.ExpiresIn != 3600 || got.Scope != "mcp:write crm:write" || !strings.HasPrefix(got.Access, "ost_at_") || !strings.HasPrefix(got.Refresh, "ost_rt_") {
		t.Fatalf("got %+v", got)
	}
	if !h.works(got.Access) {
		t.Error("the access token doesn't work")
	}
	again := read[tokens](h.refresh("mcp-agent", got.Refresh).want(http.StatusOK))
	if again.Refresh == got.Refresh || !h.works(again.Access) {
		t.Errorf("got %+v after a refresh", again)
	}
	narrow := read[tokens](h.refresh("mcp-agent", again.Refresh, "scope", "mcp:read").want(http.StatusOK))
	if narrow.Scope != "mcp:read crm:read" {
		t.Errorf("got scope %q, want it narrowed", narrow.Scope)
	}
	h.form("/oauth/revoke", values("client_id", "acme-plugin", "token", narrow.Refresh)).wantOAuth(http.StatusBadRequest, "unauthorized_client")
	h.form("/oauth/revoke", values("client_id", "mcp-agent", "token", "ost_rt_unknown")).want(http.StatusOK)
	if !h.works(again.Access) {
		t.Error("somebody else's wish ended the tokens")
	}
	h.form("/oauth/revoke", values("client_id", "mcp-agent", "token", narrow.Refresh, "token_type_hint", "refresh_token")).want(http.StatusOK)
	h.refresh("mcp-agent", narrow.Refresh).wantOAuth(http.StatusBadRequest, "invalid_grant")
	if h.works(again.Access) {
		t.Error("the session goes on after its refresh token was given back")
	}
}

func TestTheAliasesAreTheSameEndpoints(t *testing.T) {
	h := open(t)
	f := values("grant_type", "authorization_code", "client_id", "mcp-agent", "code", h.code("mcp-agent"), "code_verifier", verifier)
	h.form("/token", f).want(http.StatusOK)
	h.send(nil, http.MethodPost, "/register", `{"redirect_uris":["http://127.0.0.1/cb"]}`, "Content-Type", "application/json").want(http.StatusCreated)
}

func TestEveryFailureOfTheTokenEndpointIsJSON(t *testing.T) {
	h := open(t)
	code := func() string { return h.code("mcp-agent") }
	good := values("grant_type", "authorization_code", "client_id", "mcp-agent", "code_verifier", verifier)
	with := func(pairs ...string) answer {
		f := values(pairs...)
		for name, v := range good {
			if !f.Has(name) {
				f[name] = v
			}
		}
		return h.form("/oauth/token", f)
	}
	with("grant_type", "password").wantOAuth(http.StatusBadRequest, "unsupported_grant_type")
	with("grant_type", "").wantOAuth(http.StatusBadRequest, "invalid_request")
	with().wantOAuth(http.StatusBadRequest, "invalid_request") // no code
	with("code", "nonsense").wantOAuth(http.StatusBadRequest, "invalid_grant")
	with("code", code(), "code_verifier", strings.Repeat("x", 43)).wantOAuth(http.StatusBadRequest, "invalid_grant")
	with("code", code(), "redirect_uri", "http://127.0.0.1:9/other").wantOAuth(http.StatusBadRequest, "invalid_grant")
	with("code", code(), "resource", "https://elsewhere.example/mcp").wantOAuth(http.StatusBadRequest, "invalid_target")
	with("code", code(), "client_id", "nobody").wantOAuth(http.StatusUnauthorized, "invalid_client")
	with("code", code(), "client_id", "billing").wantOAuth(http.StatusUnauthorized, "invalid_client")
	h.form("/oauth/token", good, "Authorization", "Basic bmlnaHRseTp3cm9uZw==").wantOAuth(http.StatusBadRequest, "invalid_request") // two clients
	h.form("/oauth/token", values("grant_type", "client_credentials"), "Authorization", "Basic bmlnaHRseTp3cm9uZw==").
		wantOAuth(http.StatusUnauthorized, "invalid_client").wantHeaders("WWW-Authenticate", `Basic realm="Ostiary"`)
	twice := values("grant_type", "authorization_code", "grant_type", "authorization_code", "client_id", "mcp-agent", "code", code(), "code_verifier", verifier)
	h.form("/oauth/token", twice).wantOAuth(http.StatusBadRequest, "invalid_request")
	h.send(nil, http.MethodPost, "/oauth/token", `{"grant_type":"authorization_code"}`, "Content-Type", "application/json").wantOAuth(http.StatusBadRequest, "invalid_request")
	h.send(nil, http.MethodPost, "/oauth/token?grant_type=authorization_code&client_id=mcp-agent", "").wantOAuth(http.StatusBadRequest, "invalid_request")
	h.send(nil, http.MethodGet, "/oauth/token", "").wantOAuth(http.StatusMethodNotAllowed, "invalid_request")
	h.form("/oauth/token", values("code", strings.Repeat("x", 70<<10))).wantOAuth(http.StatusRequestEntityTooLarge, "invalid_request")
	h.form("/oauth/token", good, "Host", "evil.example").wantOAuth(http.StatusMisdirectedRequest, "invalid_request")
	with("code", code()).want(http.StatusOK)
}

func TestATroubledStorageCostsNobodyATokenOrCode(t *testing.T) {
	h := open(t)
	code := h.code("mcp-agent")
	h.raw.fail(errDisk)
	a := h.redeem("mcp-agent", code).wantOAuth(http.StatusServiceUnavailable, "temporarily_unavailable")
	a.wantNoWords("disk full")
	a.wantHeaders("Retry-After", "5")
	h.raw.fail(nil)
	got := read[tokens](h.redeem("mcp-agent", code).want(http.StatusOK))
	h.raw.failCommits(errDisk)
	h.refresh("mcp-agent", got.Refresh).wantOAuth(http.StatusServiceUnavailable, "temporarily_unavailable")
	h.raw.failCommits(nil)
	h.refresh("mcp-agent", got.Refresh).want(http.StatusOK)
}

func TestTooManyRequestsOfAnAddressWait(t *testing.T) {
	h := open(t, limited(2, 1))
	for range 2 {
		h.form("/oauth/token", values("client_id", "mcp-agent", "grant_type", "x")).wantOAuth(http.StatusBadRequest, "unsupported_grant_type")
	}
	a := h.form("/oauth/token", values("client_id", "mcp-agent", "grant_type", "x")).wantOAuth(http.StatusTooManyRequests, "temporarily_unavailable")
	if a.header.Get("Retry-After") == "" {
		t.Error("want Retry-After")
	}
	register := func() answer {
		return h.send(nil, http.MethodPost, "/oauth/register", `{"redirect_uris":["http://127.0.0.1/cb"]}`, "Content-Type", "application/json")
	}
	register().want(http.StatusCreated)
	register().wantOAuth(http.StatusTooManyRequests, "temporarily_unavailable")
	h.clock.Move(time.Minute)
	register().want(http.StatusCreated)
}

func TestClientsRegisterThemselves(t *testing.T) {
	h := open(t)
	register := func(body string) answer {
		return h.send(nil, http.MethodPost, "/oauth/register", body, "Content-Type", "application/json", "Origin", "https://app.example")
	}
	got := read[map[string]any](register(`{"client_name":"Cursor","redirect_uris":["cursor://anysphere.cursor-mcp/oauth/callback","http://evil.example/cb","http://localhost:8787/callback"],"grant_types":["authorization_code","refresh_token"]}`).want(http.StatusCreated))
	if uris := got["redirect_uris"].([]any); len(uris) != 2 || got["client_secret"] != nil || got["token_endpoint_auth_method"] != "none" {
		t.Errorf("got %v", got)
	}
	if refused, ok := got["refused_redirect_uris"].([]any); !ok || len(refused) != 1 {
		t.Errorf("got refused URIs %v", got["refused_redirect_uris"])
	}
	register(`{"redirect_uris":["javascript:alert(1)"]}`).wantOAuth(http.StatusBadRequest, "invalid_redirect_uri")
	register(`{"redirect_uris":"x"}`).wantOAuth(http.StatusBadRequest, "invalid_client_metadata")
	register(`[]`).wantOAuth(http.StatusBadRequest, "invalid_client_metadata")
	register(strings.Repeat(" ", 70<<10)).wantOAuth(http.StatusRequestEntityTooLarge, "invalid_request")
	h.send(nil, http.MethodPost, "/oauth/register", `redirect_uris=x`, "Content-Type", "application/x-www-form-urlencoded").wantOAuth(http.StatusBadRequest, "invalid_request")
}

func TestIntrospection(t *testing.T) {
	h := open(t)
	mine := read[tokens](h.redeem("mcp-agent", h.code("mcp-agent")).want(http.StatusOK))
	ask := func(token string, fields ...string) answer {
		return h.form("/oauth/introspect", values(append(fields, "token", token)...))
	}
	server := []string{"client_id", "crm-server", "client_secret", "the server's secret"}
	got := read[map[string]any](ask(mine.Access, server...).want(http.StatusOK))
	for name, want := range map[string]any{"active": true, "sub": "alice", "client_id": "mcp-agent", "scope": "mcp:write crm:write", "iss": h.server.URL} {
		if got[name] != want {
			t.Errorf("got %s %v, want %v", name, got[name], want)
		}
	}
	if pending := got["pending_apps"].([]any); !slices.Equal(pending, []any{"notes"}) {
		t.Errorf("got pending apps %v", pending)
	}
	for _, token := range []string{"", "x", mine.Refresh} {
		if token == "" {
			ask(token, server...).wantOAuth(http.StatusBadRequest, "invalid_request")
			continue
		}
		if got := read[map[string]any](ask(token, server...).want(http.StatusOK)); len(got) != 1 || got["active"] != false {
			t.Errorf("%.12s: got %v", token, got)
		}
	}
	ask(mine.Access).wantOAuth(http.StatusUnauthorized, "invalid_client")
	ask(mine.Access, "client_id", "mcp-agent").wantOAuth(http.StatusUnauthorized, "invalid_client")
	ask(mine.Access, "client_id", "crm-server", "client_secret", "wrong").wantOAuth(http.StatusUnauthorized, "invalid_client")
	bearer := func(id, token string) answer {
		return h.form("/oauth/introspect", values("client_id", id, "token", mine.Access), "Authorization", "Bearer "+token)
	}
	if got := read[map[string]any](bearer("mcp-agent", mine.Access).want(http.StatusOK)); got["active"] != true {
		t.Errorf("a client's own token: got %v", got)
	}
	bearer("acme-plugin", mine.Access).wantOAuth(http.StatusUnauthorized, "invalid_client")
	bearer("billing", mine.Access).wantOAuth(http.StatusUnauthorized, "invalid_client")
	bearer("mcp-agent", "ost_at_x").wantOAuth(http.StatusUnauthorized, "invalid_client")
	others := read[tokens](h.redeem("acme-plugin", h.code("acme-plugin")).want(http.StatusOK))
	if got := read[map[string]any](h.form("/oauth/introspect", values("client_id", "mcp-agent", "token", others.Access), "Authorization", "Bearer "+mine.Access).want(http.StatusOK)); got["active"] != false {
		t.Errorf("another client's token: got %v", got)
	}
	second := read[tokens](h.redeem("mcp-agent", h.code("mcp-agent")).want(http.StatusOK))
	if got := read[map[string]any](bearer("mcp-agent", second.Access).want(http.StatusOK)); got["active"] != false {
		t.Errorf("a token of another installation of the same client: got %v", got)
	}
	if ses, err := h.agents.Find(t.Context(), sessionOf(t, h, mine.Access)); err == nil {
		_, err = h.agents.Revoke(t.Context(), ses.ID, "", actor)
		h.must(err)
	}
	if got := read[map[string]any](ask(mine.Access, server...).want(http.StatusOK)); got["active"] != false {
		t.Errorf("after the session ended: got %v", got)
	}
}

// TestAResourceServerMayAskAboutPersonalTokens, which it is shown as well.
func TestAResourceServerMayAskAboutPersonalTokens(t *testing.T) {
	h := open(t)
	p, secret := h.token("alice")
	ask := func(fields ...string) map[string]any {
		return read[map[string]any](h.form("/oauth/introspect", values(append(fields, "token", secret)...)).want(http.StatusOK))
	}
	server := []string{"client_id", "crm-server", "client_secret", "the server's secret"}
	if got := ask(server...); got["active"] != true || got["sub"] != "alice" || got["client_id"] != "personal" || got["session_id"] != string(p.Session) || got["exp"] != float64(p.Expires.Unix()) {
		t.Errorf("got %v", got)
	}
	_, err := h.tokens.Revoke(t.Context(), p.ID, "", actor)
	h.must(err)
	if got := ask(server...); len(got) != 1 || got["active"] != false {
		t.Errorf("after it was revoked: got %v", got)
	}
}
