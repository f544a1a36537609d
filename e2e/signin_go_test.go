package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// A gopher is a program made with the official Go SDK, which does the whole
// sign-in. Its person answers at once.
type gopher struct {
	n      *newcomer
	person *browser
	form   url.Values // what they answer
	links  []string   // where they were sent
	http   *hasty
}

func (h *house) gopher() *gopher {
	h.t.Helper()
	return &gopher{n: h.newcomer(), person: h.visitor(), form: ofCRM("read"), http: &hasty{grants: map[string]int{}}}
}

// connect connects as the client that a configuration makes it.
func (g *gopher) connect(version string, edit func(*auth.AuthorizationCodeHandlerConfig)) *mcp.ClientSession {
	t := g.n.h.t
	t.Helper()
	c := &auth.AuthorizationCodeHandlerConfig{
		RedirectURL: g.n.back, RequestRefreshToken: true, Client: &http.Client{Transport: g.http},
		AuthorizationCodeFetcher: func(_ context.Context, a *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			g.links = append(g.links, a.URL)
			g.person.answers("alice", a.URL, g.form)
			q := g.n.came()
			return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
		},
	}
	edit(c)
	handler, err := auth.NewAuthorizationCodeHandler(c)
	if err != nil {
		t.Fatal(err)
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "gopher", Version: "1"}, nil)
	s, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: g.n.h.url + "/mcp", OAuthHandler: handler}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (g *gopher) mustCall(s *mcp.ClientSession, tool, args string) {
	g.n.h.t.Helper()
	if got := goCall(g.n.h.t, s, tool, json.RawMessage(args)); strings.Contains(got, `"isError":true`) {
		g.n.h.t.Errorf("%s: got %s", tool, got)
	}
}

// hasty has tokens be over at once, counts which grants are used, and keeps
// what the token endpoint answered.
type hasty struct {
	mu      sync.Mutex
	grants  map[string]int
	refused []string
}

func (y *hasty) RoundTrip(r *http.Request) (*http.Response, error) {
	grant := ""
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, _ := url.ParseQuery(string(body))
		grant = form.Get("grant_type")
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || grant == "" {
		return resp, err
	}
	_, text, err := readAll(resp)
	y.mu.Lock()
	defer y.mu.Unlock()
	if resp.StatusCode == http.StatusOK {
		y.grants[grant]++
	} else {
		y.refused = append(y.refused, text)
	}
	text = strings.Replace(text, `"expires_in":3600`, `"expires_in":1`, 1)
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return resp, err
}

// used says how often a grant gave tokens.
func (y *hasty) used(grant string) int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.grants[grant]
}

func (g *gopher) registers(c *auth.AuthorizationCodeHandlerConfig) {
	c.DynamicClientRegistrationConfig = &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
		ClientName: "Gopher", RedirectURIs: []string{g.n.back}, GrantTypes: []string{"authorization_code", "refresh_token"}, TokenEndpointAuthMethod: "none",
	}}
}

func TestTheGoSDKClientSignsIn(t *testing.T) {
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			h := newHouse(t, "", samples(t)).start()
			g := h.gopher()
			s := g.connect(version, g.registers)
			g.mustCall(s, "crm__search", findContacts)
			if g.http.used("refresh_token") == 0 || len(g.links) != 1 {
				t.Errorf("it used %v, and asked its person %d times", g.http.grants, len(g.links))
			}
			g.form = ofCRM("write")
			g.mustCall(s, "crm__update_contact", updateContact)
			if len(g.links) != 2 || !strings.Contains(g.links[1], "mcp%3Awrite") {
				t.Errorf("to step up it sent its person to %q", g.links)
			}
			h.command("revoke", "-c", h.file, "--subject", "alice")
			g.mustCall(s, "crm__search", findContacts)
			if len(g.links) != 3 {
				t.Errorf("cut off, it asked its person %d times in all, want once more", len(g.links))
			}
		})
	}
}

func TestTheGoSDKClientIsAClientOfTheConfiguration(t *testing.T) {
	h := newHouse(t, "", samples(t))
	h.knowsAgent()
	g := h.start().gopher()
	s := g.connect(modern, func(c *auth.AuthorizationCodeHandlerConfig) {
		c.PreregisteredClient = &oauthex.ClientCredentials{ClientID: "mcp-agent"}
	})
	g.mustCall(s, "crm__search", findContacts)
	if g.http.used("refresh_token") == 0 || len(g.http.refused) > 0 {
		t.Errorf("it used %v, and was refused with %q", g.http.grants, g.http.refused)
	}
}

// As such a client it tries the header first, with no secret in it (x/oauth2
// finds out which way works).
func TestTheGoSDKClientHasAMetadataDocument(t *testing.T) {
	h := newHouse(t, "", samples(t))
	h.replace("\nauth:\n", "\nauth:\n  registration: {allow_private_networks: true}\n")
	document := documentServer(t)
	g := h.start().gopher()
	s := g.connect(modern, func(c *auth.AuthorizationCodeHandlerConfig) {
		c.ClientIDMetadataDocumentConfig = &auth.ClientIDMetadataDocumentConfig{URL: document}
	})
	g.mustCall(s, "crm__search", findContacts)
	if g.http.used("authorization_code") != 1 || g.http.used("refresh_token") == 0 || len(g.http.refused) > 0 {
		t.Errorf("it used %v, and was refused with %q", g.http.grants, g.http.refused)
	}
	if out := h.command("sessions", "list", "-c", h.file, "--json"); !strings.Contains(out, document) {
		t.Errorf("the agent is not that client: %s", out)
	}
}

// documentServer has a metadata document of a client, at a server whose
// certificate the gateway trusts that is started next.
func documentServer(t *testing.T) string {
	t.Helper()
	var address string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"client_id":%q,"client_name":"Gopher","redirect_uris":["http://127.0.0.1/callback"],"grant_types":["authorization_code","refresh_token"],"token_endpoint_auth_method":"none"}`, address)
	}))
	t.Cleanup(s.Close)
	address = s.URL + "/client.json"
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
	return address
}
