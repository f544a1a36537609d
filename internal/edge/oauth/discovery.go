package oauth

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/session"
)

// Scopes are those that metadata names. With the first its person chooses how
// far an agent reaches; the last says nothing here, and some clients look for it.
var Scopes = []string{session.AnyScope, "mcp:read", "mcp:write", "mcp:admin", "offline_access"}

// A metadata document tells clients where everything is (RFC 8414 section 2).
// What OpenID Connect wants besides is there because some clients read the
// document by its rules; no ID tokens are made.
type metadata struct {
	Issuer               string   `json:"issuer"`
	Authorization        string   `json:"authorization_endpoint"`
	Token                string   `json:"token_endpoint"`
	Registration         string   `json:"registration_endpoint,omitempty"`
	Revocation           string   `json:"revocation_endpoint"`
	Introspection        string   `json:"introspection_endpoint"`
	Keys                 string   `json:"jwks_uri"`
	Documentation        string   `json:"service_documentation"`
	Scopes               []string `json:"scopes_supported"`
	Responses            []string `json:"response_types_supported"`
	ResponseModes        []string `json:"response_modes_supported"`
	Grants               []string `json:"grant_types_supported"`
	Challenges           []string `json:"code_challenge_methods_supported"`
	TokenMethods         []string `json:"token_endpoint_auth_methods_supported"`
	TokenAlgorithms      []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	RevocationMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	Issues               bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	Documents            bool     `json:"client_id_metadata_document_supported"`
	Subjects             []string `json:"subject_types_supported"`
	IDAlgorithms         []string `json:"id_token_signing_alg_values_supported"`
}

// Metadata is GET /.well-known/oauth-authorization-server and its kin. There is
// one issuer, wherever it is asked for; below the path of an app's own endpoint,
// who authorizes without naming a resource gets that app's.
func (s *Server) Metadata(w http.ResponseWriter, r *http.Request) error {
	base, prefix := s.URL.String(), ""
	if app := r.PathValue("app"); app != "" {
		if !s.Standalone(app) {
			return visit.NotFound()
		}
		prefix = "/" + app
	}
	methods := []string{string(client.None), string(client.Basic), string(client.Post), string(client.PrivateKey)}
	m := metadata{
		Issuer: base, Authorization: base + prefix + "/oauth/authorize", Token: base + "/oauth/token", Revocation: base + "/oauth/revoke",
		Introspection: base + "/oauth/introspect", Keys: base + "/.well-known/jwks.json", Documentation: base + "/account/agents",
		Scopes: Scopes, Responses: []string{"code"}, ResponseModes: []string{"query"},
		Grants:     []string{client.GrantCode, client.GrantRefresh, client.GrantCredentials},
		Challenges: []string{"S256"}, TokenMethods: methods, TokenAlgorithms: []string{"ES256", "RS256", "EdDSA"},
		RevocationMethods: methods, IntrospectionMethods: methods[1:], Issues: true, Documents: s.Documents,
		Subjects: []string{"public"}, IDAlgorithms: []string{},
	}
	if s.Dynamic {
		m.Registration = base + "/oauth/register"
	}
	write(w, http.StatusOK, m)
	return nil
}

// Keys is GET /.well-known/jwks.json: tokens are opaque, so there are none.
func (s *Server) Keys(w http.ResponseWriter, _ *http.Request) error {
	write(w, http.StatusOK, struct {
		Keys []string `json:"keys"`
	}{[]string{}})
	return nil
}

// Resources tells which endpoint a resource indicator (RFC 8707) means, of a
// gateway at a URL. Case of the host and a slash at the end make no difference.
func Resources(public *url.URL, standalone func(app string) bool) func(indicator string) (path string, ok bool) {
	return func(indicator string) (string, bool) {
		scheme, rest, _ := strings.Cut(indicator, "://")
		host, path, _ := strings.Cut(rest, "/")
		path = strings.TrimSuffix(path, "/")
		if !strings.EqualFold(scheme, public.Scheme) || !strings.EqualFold(host, public.Host) {
			return "", false
		}
		app, last, alone := strings.Cut(path, "/")
		return "/" + path, path == "mcp" || alone && last == "mcp" && standalone(app)
	}
}
