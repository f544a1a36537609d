package edge_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/internal/authserver/pending"
	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/oauth"
	"github.com/ostiary/ostiary/internal/edge/web"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// A documents has metadata documents by their URLs.
type documents map[string]string

func (d documents) Get(_ context.Context, url string, _ ...string) (netguard.Response, error) {
	body, ok := d[url]
	if !ok {
		return netguard.Response{}, netguard.ErrDown
	}
	return netguard.Response{Header: http.Header{}, Body: []byte(body)}, nil
}

const (
	claude = "https://claude.example/oauth/client"
	vscode = "https://vscode.example/oauth/client"
)

// documentOf is what the maker of an agent says of it.
func documentOf(id string) string {
	name, redirects := "Claude Code", `"http://localhost/callback","http://127.0.0.1/callback"`
	if id == vscode {
		name, redirects = "Code", `"https://vscode.example/redirect","http://127.0.0.1/"`
	}
	return `{"client_id":"` + id + `","client_name":"` + name + `","redirect_uris":[` + redirects + `],"token_endpoint_auth_method":"none"}`
}

func static(t testing.TB) []client.Client {
	t.Helper()
	made := func(c client.Client, secret ostiary.Secret) client.Client {
		c, err := client.NewStatic(c, secret, "")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	return []client.Client{
		made(client.Client{ID: "mcp-agent", Name: "MCP agent", Kind: client.Agent, Redirects: client.Redirects{Loopback: true}, Scopes: []string{session.AnyScope}}, ""),
		made(client.Client{
			ID: "acme-plugin", Name: "Acme plugin", Kind: client.Plugin, Redirects: client.Redirects{URIs: []string{"https://*.acme.example/cb"}},
			Scopes: []string{"plugin"}, ScopeMap: map[string][]string{"plugin": {"mcp:read", "crm:*"}},
		}, ""),
		made(client.Client{
			ID: "billing", Name: "Billing", Kind: client.Resource, Redirects: client.Redirects{URIs: []string{"https://billing.example/cb"}},
			Owner: client.Owner{App: "crm", Sites: []ostiary.Site{"site-A"}}, Scopes: []string{"crm:*"},
		}, "billing's secret"),
		made(client.Client{ID: "nightly", Name: "Nightly", Kind: client.Machine, Scopes: []string{"mcp:read"}}, "nightly's secret"),
		made(client.Client{ID: "crm-server", Name: "CRM server", Kind: client.Introspector}, "the server's secret"),
	}
}

func (h *house) openAuthServer(e *edge.Config) {
	h.t.Helper()
	public := h.site.URL
	h.documents = documents{claude: documentOf(claude), vscode: documentOf(vscode)}
	var err error
	h.clients, err = client.NewRegistry(h.db, h.epochs, h.log, client.Config{
		Static: static(h.t), Dynamic: true, Documents: true, RedirectAllow: []string{"cursor://anysphere.cursor-mcp/oauth/callback"},
		MaxClients: 5, UnusedTTL: 24 * time.Hour, ClientTTL: 2160 * time.Hour, Audiences: []string{public.String()},
		Metadata: h.documents,
		Logger:   quiet(),
	})
	h.must(err)
	h.grants = grants.New(h.db, h.log, h.users, h.agents, h.resolver, grants.Config{
		CodeTTL: time.Minute, RefreshTTL: 720 * time.Hour, RefreshGrace: time.Minute, Admins: identity.AdminsStrip,
		PublicURL: public.String(), Resource: oauth.Resources(public, e.Standalone), DefaultResource: "/mcp",
	})
	e.OAuth = oauth.New(oauth.Config{
		URL: public, DB: h.db, Clients: h.clients, Grants: h.grants, Dynamic: true, Documents: true, Standalone: e.Standalone,
		RefreshTTL: 720 * time.Hour, Logger: quiet(), Tokens: limit.Rate{Count: 600, Per: time.Minute}, Registrations: limit.Rate{Count: 20, Per: time.Minute},
	})
}

const (
	grantDefault = 2160 * time.Hour
	grantMax     = 8760 * time.Hour
)

// openConsent is how people agree to what agents ask for.
func (h *house) openConsent(e *edge.Config) web.AuthServer {
	return web.AuthServer{
		Clients: h.clients, Rules: h.rules, PublicURL: h.site.URL.String(), Resource: oauth.Resources(h.site.URL, e.Standalone), DefaultResource: "/mcp",
		Pending: pending.New(h.db, h.log, h.users, h.agents, h.grants, pending.Config{GrantDefault: grantDefault, GrantMax: grantMax, Admins: identity.AdminsStrip}),
		Admins:  identity.AdminsStrip, GrantDefault: grantDefault, GrantMax: grantMax, Preselect: "none", ConsentMessage: "Ask the data team first.", AllowSkip: true,
		Authorizations: limit.Rate{Count: 100, Per: time.Minute}, Documents: limit.Rate{Count: 5, Per: time.Minute},
	}
}

var verifier = strings.Repeat("verifier-", 5)

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// code is an authorization code that alice gave a client, as if she had agreed.
func (h *house) code(id string, resources ...string) string {
	h.t.Helper()
	if resources == nil {
		resources = []string{"/mcp"}
	}
	var code ostiary.Secret
	h.must(h.db.Change(h.t.Context(), "give a code", func(tx *store.Tx) (err error) {
		code, err = h.grants.Issue(h.t.Context(), tx, grants.Consented{Redirect: "http://127.0.0.1:9/cb", Challenge: challengeOf(verifier), Draft: session.Draft{
			Subject: "alice", Client: session.Client{ID: ostiary.ClientID(id), Name: id, Kind: "agent", Ceiling: []string{session.AnyScope}},
			Resources: resources, Tier: "write", Sites: ostiary.Selection{All: true}, Authorized: []string{"crm"}, Pending: []string{"notes"},
			Consent:  session.Consent{SelectedTools: []string{"crm:*"}, Shown: map[string][]string{"crm": {"read"}}},
			AuthTime: h.clock.Now(), Expires: h.clock.Now().Add(2160 * time.Hour),
		}})
		return err
	}))
	return code.Reveal()
}

func (h *house) form(path string, fields url.Values, headers ...string) answer {
	h.t.Helper()
	return h.send(nil, http.MethodPost, path, fields.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

type tokens struct {
	Access    string `json:"access_token"`
	Type      string `json:"token_type"`
	ExpiresIn int64  `json:"expires_in"`
	Refresh   string `json:"refresh_token"`
	Scope     string `json:"scope"`
}

// redeem turns a code into tokens.
func (h *house) redeem(id, code string, more ...string) answer {
	h.t.Helper()
	f := values("grant_type", "authorization_code", "client_id", id, "code", code, "code_verifier", verifier)
	for name, v := range values(more...) {
		f[name] = v
	}
	return h.form("/oauth/token", f)
}

func (h *house) refresh(id, token string, more ...string) answer {
	h.t.Helper()
	f := values(append([]string{"grant_type", "refresh_token", "client_id", id, "refresh_token", token}, more...)...)
	return h.form("/oauth/token", f)
}

// wantOAuth checks an error of an OAuth endpoint.
func (a answer) wantOAuth(status int, code string) answer {
	a.t.Helper()
	a.want(status)
	said := read[map[string]string](a)
	if said["error"] != code || said["error_description"] == "" {
		a.t.Fatalf("got %s, want the error %q with a description", a.body, code)
	}
	a.wantHeaders("Cache-Control", "no-store", "Content-Type", "application/json", "Access-Control-Allow-Origin", "*")
	return a
}

func (a answer) wantHeaders(pairs ...string) {
	a.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := a.header.Get(pairs[i]); got != pairs[i+1] {
			a.t.Errorf("got %s %q, want %q", pairs[i], got, pairs[i+1])
		}
	}
}

var errDisk = errors.New("disk full")

var actor = audit.Actor{Subject: "root"}

func sessionOf(t *testing.T, h *house, token string) ostiary.SessionID {
	t.Helper()
	p, err := h.resolver.Now(t.Context(), token)
	h.must(err)
	return p.Session
}
