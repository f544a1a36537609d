package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/uri"
	"github.com/ostiary/ostiary/internal/wire"
)

// What a client may say of itself, in numbers.
const (
	maxRedirects = 10
	maxName      = 100      // bytes of a name
	maxScopes    = 50       // of which each is a word
	maxKeySet    = 16 << 10 // bytes of keys that stand in the metadata
	maxWord      = 200      // bytes of a scope
)

// A metadata is what a client says of itself (RFC 7591 section 2), as it said
// it. Members that we have no use for are passed over.
type metadata struct {
	ID              string          `json:"client_id"` // in documents; nobody who registers chooses one
	Redirects       []string        `json:"redirect_uris"`
	Method          string          `json:"token_endpoint_auth_method"`
	Methods         []string        `json:"token_endpoint_auth_methods_supported"` // of documents that offer several
	Grants          []string        `json:"grant_types"`
	Responses       []string        `json:"response_types"`
	Name            string          `json:"client_name"`
	Site            string          `json:"client_uri"`
	Logo            string          `json:"logo_uri"`
	Scope           string          `json:"scope"`
	KeysURL         string          `json:"jwks_uri"`
	Keys            json.RawMessage `json:"jwks"`
	ApplicationType string          `json:"application_type"`
}

var metadataKeys = wire.NewKnown("client_id", "redirect_uris", "token_endpoint_auth_method", "token_endpoint_auth_methods_supported",
	"grant_types", "response_types", "client_name", "client_uri", "logo_uri", "scope", "jwks_uri", "jwks", "application_type")

func parseMetadata(raw []byte) (metadata, error) {
	var m metadata
	if err := wire.Check(raw); err != nil {
		return m, badMetadata("it is not JSON that is read strictly: %v", err)
	}
	if err := wire.CheckTwins(raw, metadataKeys); err != nil {
		return m, badMetadata("%v", err)
	}
	if !wire.IsObject(raw) {
		return m, badMetadata("it is not a JSON object")
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, wrongType(err)
	}
	if string(m.Keys) == "null" {
		m.Keys = nil
	}
	return m, nil
}

// wrongType names the member that can't be what it is.
func wrongType(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return badMetadata("a member is of the wrong type")
	}
	want := "a text"
	if wrong.Type.Kind() == reflect.Slice {
		want = "a list of texts"
	}
	return badMetadata("%s: it has to be %s, and is of type %s", wrong.Field, want, wrong.Value)
}

// A Refused is a redirect URI that was left out, and why.
type Refused struct {
	URI    string `json:"redirect_uri"`
	Reason string `json:"reason"`
}

// narrow makes of what somebody says what they can have here: whatever we have
// not is left out, and only where nothing is left is an error. allow are the
// operator's exact URIs; ours are the methods that there are for such a client.
func (m metadata) narrow(allow []string, ours []Method) (c Client, refused []Refused, err error) {
	c = Client{
		Kind: Agent, Name: plainText(m.Name), Site: address(m.Site), Logo: address(m.Logo), Scopes: m.scopes(),
	}
	if c.Redirects.URIs, refused, err = m.redirects(allow); err != nil {
		return Client{}, refused, err
	}
	if c.Methods, err = m.methods(ours); err != nil {
		return Client{}, refused, err
	}
	if c.Grants, err = m.grants(); err != nil {
		return Client{}, refused, err
	}
	c.ApplicationType = m.applicationType(c.Redirects.URIs)
	c.credential.keys, err = m.keySource(c.Methods)
	return c, refused, err
}

func (m metadata) redirects(allow []string) (kept []string, refused []Refused, err error) {
	if len(m.Redirects) > maxRedirects {
		return nil, nil, badRedirects("there are more than %d", maxRedirects)
	}
	for _, text := range m.Redirects {
		if reason := unfit(text, allow); reason != "" {
			refused = append(refused, Refused{text, reason})
		} else if !slices.Contains(kept, text) {
			kept = append(kept, text)
		}
	}
	if len(kept) == 0 {
		if len(refused) > 0 {
			return nil, refused, badRedirects("%s", refused[0].Reason)
		}
		return nil, nil, badRedirects("there is none")
	}
	return kept, refused, nil
}

// unfit says why nobody but the operator can say that answers go to a URI; "":
// anybody can.
func unfit(text string, allow []string) string {
	u, err := uri.Parse(text)
	switch {
	case err != nil:
		return err.Error()
	case answersIn(u) != "":
		return "its own query has " + answersIn(u) + ", which answers have"
	case u.Scheme == "https" || u.Loopback() || slices.Contains(allow, text):
		return ""
	case u.Scheme == "http":
		return "http is for 127.0.0.1, [::1] and localhost"
	}
	return "a program's own scheme needs an entry of auth.registration.redirect_allow"
}

// methods are those offered that we have, in the order of ours; without any
// offer, none at all: what a public client is.
func (m metadata) methods(ours []Method) ([]Method, error) {
	offered := m.Methods
	if m.Method != "" {
		offered = append(slices.Clone(offered), m.Method)
	}
	if len(offered) == 0 {
		return []Method{None}, nil
	}
	var both []Method
	for _, o := range ours {
		keyless := o == PrivateKey && m.KeysURL == "" && m.Keys == nil
		if slices.Contains(offered, string(o)) && !keyless {
			both = append(both, o)
		}
	}
	if both == nil {
		return nil, badMetadata("token_endpoint_auth_method: none of what it offers can be taken; %s needs jwks or jwks_uri", PrivateKey)
	}
	return both, nil
}

// grants are those asked for that an agent can have; without any word, all.
func (m metadata) grants() ([]string, error) {
	if m.Responses != nil && !slices.Contains(m.Responses, "code") {
		return nil, badMetadata("response_types: there is only code")
	}
	ours := Agent.Rules().Grants
	if m.Grants == nil {
		return ours, nil
	}
	both := slices.DeleteFunc(slices.Clone(ours), func(g string) bool { return !slices.Contains(m.Grants, g) })
	if !slices.Contains(both, GrantCode) {
		return nil, badMetadata("grant_types: an agent needs %s", GrantCode)
	}
	return both, nil
}

// scopes are what it says it will ask for, where it says less than everything.
func (m metadata) scopes() []string {
	var kept []string
	for _, word := range strings.Fields(m.Scope) {
		if word == AgentScope {
			return []string{AgentScope}
		}
		if _, what, ok := strings.Cut(word, ":"); ok && what != "" && len(word) <= maxWord && !slices.Contains(kept, word) {
			kept = append(kept, word)
		}
	}
	if kept == nil || len(kept) > maxScopes {
		return []string{AgentScope}
	}
	return kept
}

func (m metadata) applicationType(redirects []string) string {
	if m.ApplicationType == "native" || m.ApplicationType == "web" {
		return m.ApplicationType
	}
	web := func(text string) bool { return strings.HasPrefix(text, "https://") }
	if slices.ContainsFunc(redirects, web) {
		return "web"
	}
	return "native"
}

func (m metadata) keySource(methods []Method) (keySource, error) {
	if !slices.Contains(methods, PrivateKey) {
		return keySource{}, nil
	}
	switch {
	case m.Keys != nil && m.KeysURL != "":
		return keySource{}, badMetadata("jwks stands beside jwks_uri; one of them says where the keys are")
	case len(m.Keys) > maxKeySet:
		return keySource{}, badMetadata("jwks is longer than %d bytes", maxKeySet)
	case m.Keys != nil:
		_, err := parseKeys(m.Keys)
		return keySource{set: m.Keys}, err
	case address(m.KeysURL) == "":
		return keySource{}, badMetadata("jwks_uri is not an https address")
	}
	return keySource{url: m.KeysURL}, nil
}

// address is an https address that can be shown and opened, else nothing.
func address(text string) string {
	if u, err := uri.Parse(text); err != nil || u.Scheme != "https" {
		return ""
	}
	return text
}

// plainText is a text that shows as what it is, in every list, log and message
// that it comes to: not long, on one line, and with a mark for each control
// character and for what turns the direction or takes no room.
func plainText(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
	if len(text) > maxName {
		text = strings.TrimSpace(strings.ToValidUTF8(text[:maxName], ""))
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r) // as pages do
		}
	}
	return b.String()
}

// hostOf is the host of a client id that is a URL.
func hostOf(id ostiary.ClientID) string {
	u, err := uri.Parse(string(id))
	if err != nil {
		return ""
	}
	return u.Host
}
