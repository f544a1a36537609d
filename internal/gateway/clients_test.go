package gateway_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// withClients opens a core over a storage of the test's folder.
func withClients(t *testing.T, f *folder, edit func(*config.Auth)) *gateway.Core {
	t.Helper()
	c := f.config("")
	edit(&c.Auth)
	core, err := gateway.OpenCore(t.Context(), c, gateway.MakeMissing, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return core
}

func closeCore(t *testing.T, c *gateway.Core) {
	t.Helper()
	if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestTheConfigurationsClientsAreWhatItSays(t *testing.T) {
	core := withClients(t, newFolder(t), func(a *config.Auth) {
		a.Clients = []config.Client{
			{ID: "mcp-agent", Name: "MCP agent", Kind: config.ClientAgent, RedirectURIs: config.RedirectURIs{Loopback: true}, Scopes: []string{"mcp-agent"}},
			{ID: "acme-plugin", Kind: config.ClientPlugin, RedirectURIs: config.RedirectURIs{URIs: []string{"https://*.acme.example/oauth/callback"}}, Scopes: []string{"plugin"}, ScopeMap: map[string][]string{"plugin": {"mcp:read", "crm:*"}}},
			{ID: "billing", Kind: config.ClientResource, Owner: &config.Owner{App: "crm", Sites: []string{"site-A"}}, Secret: "s3cret", RedirectURIs: config.RedirectURIs{URIs: []string{"https://billing.example/cb"}}, Scopes: []string{"crm:*"}},
			{ID: "nightly", Kind: config.ClientMachine, JWKSURL: "https://jobs.example/jwks.json", Scopes: []string{"mcp:read"}, Claims: map[string]any{"tenant": "acme"}},
			{ID: "crm-server", Kind: config.ClientIntrospector, Secret: "s3cret"},
		}
	})
	defer closeCore(t, core)
	for id, want := range map[ostiary.ClientID]struct {
		kind     client.Kind
		redirect string
		methods  []client.Method
	}{
		"mcp-agent":   {client.Agent, "http://localhost:1234/any", []client.Method{client.None}},
		"acme-plugin": {client.Plugin, "https://crm.acme.example/oauth/callback", []client.Method{client.None}},
		"billing":     {client.Resource, "https://billing.example/cb", []client.Method{client.Basic, client.Post}},
		"nightly":     {client.Machine, "", []client.Method{client.PrivateKey}},
		"crm-server":  {client.Introspector, "", []client.Method{client.Basic, client.Post}},
	} {
		c, err := core.Clients.Find(t.Context(), id)
		if err != nil || c.Kind != want.kind || c.Origin != client.Static || !slices.Equal(c.Methods, want.methods) {
			t.Errorf("%s: got %+v, %v", id, c, err)
		}
		if _, err := c.CheckRedirect(want.redirect); (err == nil) != (want.redirect != "") {
			t.Errorf("%s: %q: %v", id, want.redirect, err)
		}
	}
	billing, _ := core.Clients.Find(t.Context(), "billing")
	plugin, _ := core.Clients.Find(t.Context(), "acme-plugin")
	nightly, _ := core.Clients.Find(t.Context(), "nightly")
	if billing.Owner.App != "crm" || !slices.Equal(billing.Owner.Sites, []ostiary.Site{"site-A"}) || len(plugin.StandsFor("plugin")) != 2 || nightly.Claims["tenant"] != "acme" {
		t.Errorf("got %+v, %+v, %+v", billing.Owner, plugin.ScopeMap, nightly.Claims)
	}
}

func TestAClientThatCanNeverMatchStopsTheStart(t *testing.T) {
	c := newFolder(t).config("")
	c.Auth.Clients = []config.Client{{ID: "x", Kind: config.ClientAgent, RedirectURIs: config.RedirectURIs{URIs: []string{"https://A.example/cb"}}}}
	_, err := gateway.OpenCore(t.Context(), c, gateway.MakeMissing, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "auth.clients") || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("got %v; want an error that names the client", err)
	}
}

// The file can't know the people of storage: the start does.
func TestAMachineWithTheIdOfAPersonOfStorageStopsTheStart(t *testing.T) {
	f := newFolder(t)
	core := withClients(t, f, func(*config.Auth) {})
	if err := core.Users.Create(t.Context(), identity.User{ID: "eve"}, root); err != nil {
		t.Fatal(err)
	}
	closeCore(t, core)
	open := func(id string) error {
		c := f.config("")
		c.Auth.Clients = []config.Client{{ID: "mcp-agent", Kind: config.ClientAgent, RedirectURIs: config.RedirectURIs{Loopback: true}}, {ID: id, Kind: config.ClientMachine, Secret: "hunter22"}}
		g, err := gateway.Open(t.Context(), c, slog.New(slog.DiscardHandler))
		if err == nil {
			err = g.Close(context.WithoutCancel(t.Context()))
		}
		return err
	}
	if err := open("eve"); err == nil || !strings.Contains(err.Error(), `auth.clients[1].id: "eve" is a person's`) {
		t.Errorf("got %v; want an error that names the client", err)
	}
	if err := open("nightly"); err != nil {
		t.Errorf("another id: %v", err)
	}
}

const loopbackAgent = `{"redirect_uris":["http://localhost/callback"]}`

func TestWhoRegisteredIsThereAfterARestartAndGoneAfterItsRemoval(t *testing.T) {
	f := newFolder(t)
	core := withClients(t, f, func(*config.Auth) {})
	got, err := core.Clients.Register(t.Context(), []byte(loopbackAgent), "192.0.2.1", root)
	if err != nil {
		t.Fatal(err)
	}
	closeCore(t, core)
	core = withClients(t, f, func(*config.Auth) {})
	defer closeCore(t, core)
	if _, err := core.Clients.Find(t.Context(), got.ID); err != nil {
		t.Fatal(err)
	}
	if err := core.Users.Create(t.Context(), identity.User{ID: "alice"}, root); err != nil {
		t.Fatal(err)
	}
	its, others := agentOf(t, core, got.ID), agentOf(t, core, "other")
	if err := core.RemoveClient(t.Context(), got.ID, root); err != nil {
		t.Fatal(err)
	}
	if _, err := core.Clients.Find(t.Context(), got.ID); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("got %v; want ErrUnknown", err)
	}
	resolver := identity.NewResolver(core.Tokens, identity.AdminsStrip, nil)
	resolver.Accept(identity.KindAccess, core.Sessions)
	if _, err := resolver.Bearer(t.Context(), its.Reveal(), netip.Addr{}); !errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("its token: got %v; want it refused", err)
	}
	if _, err := resolver.Bearer(t.Context(), others.Reveal(), netip.Addr{}); err != nil {
		t.Errorf("another client's token: %v", err)
	}
}

// agentOf is the access token of alice's agent that is a client.
func agentOf(t *testing.T, c *gateway.Core, id ostiary.ClientID) ostiary.Secret {
	t.Helper()
	var token session.Token
	err := c.DB.Change(t.Context(), "connect an agent", func(tx *store.Tx) error {
		s, err := c.Sessions.Open(t.Context(), tx, session.Draft{
			Subject: "alice", Client: session.Client{ID: id, Ceiling: []string{session.AnyScope}}, Resources: []string{"/mcp"}, Tier: "read", Expires: c.Clock.Now().Add(time.Hour),
		})
		if err == nil {
			token, err = c.Sessions.Mint(t.Context(), tx, s, session.Narrowing{})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return token.Secret
}

// What the operator names may be on this machine; what a stranger names may
// not, be it a document or the keys that one names.
func TestOnlyTheOperatorsAddressesMayBePrivate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, "%s", keys)
	}))
	defer server.Close()
	core := withClients(t, newFolder(t), func(a *config.Auth) {
		a.Clients = []config.Client{{ID: "nightly", Kind: config.ClientMachine, JWKSURL: server.URL + "/jwks.json"}}
	})
	defer closeCore(t, core)

	if _, method, err := core.Clients.Authenticate(t.Context(), proof(t, core, key, "nightly")); err != nil || method != client.PrivateKey || asked.Load() != 1 {
		t.Errorf("the operator's keys: got %q, %v, asked %d times", method, err, asked.Load())
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	for _, id := range []string{"https://127.0.0.1/client.json", "https://localhost/client.json", "https://127.0.0.1:" + port + "/client.json"} {
		if _, err := core.Clients.Find(t.Context(), ostiary.ClientID(id)); !errors.Is(err, client.ErrUnknown) {
			t.Errorf("%s: got %v; want ErrUnknown", id, err)
		}
	}
	body := `{"redirect_uris":["http://localhost/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://127.0.0.1:` + port + `/jwks.json"}`
	stranger, err := core.Clients.Register(t.Context(), []byte(body), "", root)
	if err != nil {
		t.Fatal(err)
	}
	var refusal *client.Error
	if _, _, err := core.Clients.Authenticate(t.Context(), proof(t, core, key, stranger.ID)); !errors.As(err, &refusal) || asked.Load() != 1 {
		t.Errorf("a stranger's keys: got %v, asked %d times", err, asked.Load())
	}
}

func proof(t *testing.T, c *gateway.Core, key *ecdsa.PrivateKey, id ostiary.ClientID) client.Presented {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	claims, err2 := json.Marshal(map[string]any{
		"iss": id, "sub": id, "aud": c.Config.Server.PublicURL.String() + "/oauth/token", "exp": c.Clock.Now().Unix() + 60, "jti": ostiary.NewID("jti"),
	})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return client.Presented{AssertionType: client.AssertionType, Assertion: ostiary.Secret(text)}
}
