package config

import (
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
)

// ofKind are the keys that only one kind of credential has.
var ofKind = map[CredentialKind][]string{
	CredentialNone:   {},
	CredentialStatic: {"header", "prefix", "value"},
	CredentialSecret: {"header", "prefix", "prompt"},
	CredentialOAuth: {
		"header", "prefix", "provider", "discover", "authorize_url", "token_url", "revoke_url", "client_id",
		"client_secret", "scopes", "scope_separator", "auth_style", "body", "pkce", "extra_params",
		"user_scope_param", "token_path", "account_path", "base_url_path", "expiry", "rotation",
		"reuse_leeway", "send_scope_on_refresh", "allow_private_networks",
	},
}

// builtIn are the providers whose descriptors come with the gateway.
var builtIn = []string{
	"slack", "github", "google", "microsoft", "notion", "atlassian", "salesforce", "stripe", "hubspot", "linear",
}

func (c Credential) check(r *report, path string) {
	for key := range r.children(path) {
		if key != "kind" && !slices.Contains(ofKind[c.Kind], key) && knownKey(key) {
			r.refuse(under(path, key), "has no meaning for kind %s", c.Kind)
		}
	}
	switch c.Kind {
	case CredentialStatic:
		needs(r, path, c.Kind, "header", c.Header)
		needs(r, path, c.Kind, "value", c.Value.Reveal())
	case CredentialSecret:
		needs(r, path, c.Kind, "header", c.Header)
		needs(r, path, c.Kind, "prompt", c.Prompt)
	case CredentialOAuth:
		c.checkOAuth(r, path)
	}
	if c.Header != "" {
		checkHeader(r, path+".header", c.Header, c.Value)
	}
}

// knownKey tells keys of another kind from those that are no keys at all, which
// decode has reported.
func knownKey(key string) bool {
	for _, keys := range ofKind {
		if slices.Contains(keys, key) {
			return true
		}
	}
	return false
}

func needs(r *report, path string, kind CredentialKind, key, value string) {
	if value == "" {
		r.refuse(under(path, key), "is needed for kind %s", kind)
	}
}

func (c Credential) checkOAuth(r *report, path string) {
	if c.Provider != "" && !slices.Contains(builtIn, c.Provider) {
		r.refuse(path+".provider", "must be one of %s", strings.Join(builtIn, ", "))
	}
	if c.Provider == "" && !c.Discover && (c.AuthorizeURL == "" || c.TokenURL == "") {
		r.refuse(path, "needs provider, or authorize_url and token_url, or discover")
	}
	checkURL(r, path+".authorize_url", c.AuthorizeURL, true)
	checkURL(r, path+".token_url", c.TokenURL, true)
	checkURL(r, path+".revoke_url", c.RevokeURL, true)
	if life, ok := strings.CutPrefix(c.Expiry, "assume:"); ok {
		if d, err := parseDuration(life); err != nil || d == 0 {
			r.refuse(path+".expiry", "%q %v", life, errDuration)
		}
	}
}

func checkHeaders(r *report, path string, headers map[string]ostiary.Secret) {
	for name, value := range headers {
		checkHeader(r, under(path, name), name, value)
	}
}

func checkHeader(r *report, path, name string, value ostiary.Secret) {
	switch {
	case !headerName.MatchString(name):
		r.refuse(path, "%q is not a header name", name)
	case slices.Contains(ownHeaders, strings.ToLower(name)):
		r.refuse(path, "%s is a header that the gateway writes itself", name)
	case !validHeaderValue(value.Reveal()):
		r.refuse(path, "has a value with control characters")
	}
}
