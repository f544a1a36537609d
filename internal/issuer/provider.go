package issuer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
)

// ProviderConfig is an identity provider. Issuer is for OpenID Connect; without
// one, the three URLs are for plain OAuth.
type ProviderConfig struct {
	ID, Name                            string
	Issuer                              string
	AuthorizeURL, TokenURL, UserinfoURL string
	ClientID                            string
	ClientSecret                        ostiary.Secret
	Scopes                              []string
	Allow                               identity.Allow
	Callback                            string        // where it sends people back to
	Reauth                              time.Duration // how old a sign-in may be that was asked for anew
}

// A Provider is an identity provider that people sign in at. It is safe for
// concurrent use.
type Provider struct {
	config    ProviderConfig
	clock     ostiary.Clock
	paths     identity.ClaimPaths
	from      Fetcher
	keys      *client.IssuerKeys
	discovery *discovery
}

// NewProvider returns a provider; from reaches it.
func NewProvider(clock ostiary.Clock, from Fetcher, paths identity.ClaimPaths, c ProviderConfig) *Provider {
	return &Provider{
		config: c, clock: clock, paths: paths, from: from, keys: client.NewIssuerKeys(clock, from),
		discovery: &discovery{clock: clock, from: from, issuer: c.Issuer},
	}
}

// ID names the provider here.
func (p *Provider) ID() string { return p.config.ID }

// Name is what people call it.
func (p *Provider) Name() string {
	if p.config.Name == "" {
		return p.config.ID
	}
	return p.config.Name
}

// An Attempt is what has to be known of a sign-in while its person is at the
// provider. It is a secret of the browser that began.
type Attempt struct {
	Provider string    `json:"provider"`
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // PKCE, RFC 7636
	Begun    time.Time `json:"begun"`
	Again    bool      `json:"again,omitempty"` // the person has to show anew that it is them
}

// Begin returns where to send the browser.
func (p *Provider) Begin(ctx context.Context, again bool) (Attempt, string, error) {
	at, err := p.endpoints(ctx)
	if err != nil {
		return Attempt{}, "", err
	}
	a := Attempt{
		Provider: p.config.ID, State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text(),
		Begun: p.clock.Now(), Again: again,
	}
	u, err := url.Parse(at.Authorize)
	if err != nil {
		return Attempt{}, "", err
	}
	q := u.Query()
	for name, value := range p.question(a) {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	return a, u.String(), nil
}

// question is the authorization request (OpenID Connect Core section 3.1.2.1).
func (p *Provider) question(a Attempt) map[string]string {
	challenge := sha256.Sum256([]byte(a.Verifier))
	q := map[string]string{
		"response_type": "code", "client_id": p.config.ClientID, "redirect_uri": p.config.Callback,
		"scope": strings.Join(p.scopes(), " "), "state": a.State,
		"code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]), "code_challenge_method": "S256",
	}
	if p.config.Issuer != "" {
		q["nonce"] = a.Nonce
	}
	if a.Again {
		q["prompt"], q["max_age"] = "login", strconv.Itoa(int(p.config.Reauth/time.Second))
	}
	return q
}

// scopes hold openid where there is an issuer: without it nobody says who
// signed in.
func (p *Provider) scopes() []string {
	if p.config.Issuer == "" || slices.Contains(p.config.Scopes, "openid") {
		return p.config.Scopes
	}
	return append([]string{"openid"}, p.config.Scopes...)
}

func (p *Provider) endpoints(ctx context.Context) (metadata, error) {
	if p.config.Issuer == "" {
		c := p.config
		return metadata{Authorize: c.AuthorizeURL, Token: c.TokenURL, Userinfo: c.UserinfoURL, AuthMethods: []string{inBody}}, nil
	}
	return p.discovery.get(ctx)
}

// longest is how long a person may take at their provider.
const longest = 10 * time.Minute

// Finish reads what the browser came back with. What proves nothing wraps
// ErrRefused; other errors are faults. Whether it is the browser that began is
// for the caller to know, who kept the attempt in it.
func (p *Provider) Finish(ctx context.Context, a Attempt, answer url.Values) (identity.Arrival, error) {
	at, err := p.endpoints(ctx)
	if err != nil {
		return identity.Arrival{}, err
	}
	code, err := p.code(a, at, answer)
	if err != nil {
		return identity.Arrival{}, err
	}
	got, err := p.redeem(ctx, at, a, code)
	if err != nil {
		return identity.Arrival{}, err
	}
	if p.config.Issuer == "" {
		return p.plain(ctx, at, got)
	}
	return p.openID(ctx, at, a, got)
}

// code is that of an answer which is one to this attempt.
func (p *Provider) code(a Attempt, at metadata, answer url.Values) (string, error) {
	for name, values := range answer {
		if len(values) != 1 && slices.Contains([]string{"state", "code", "iss", "error"}, name) {
			return "", refused("the answer has %q more than once", name)
		}
	}
	switch iss := answer.Get("iss"); {
	case a.Provider != p.config.ID, a.State == "", !ostiary.Secret(a.State).Equal(ostiary.Secret(answer.Get("state"))):
		return "", refused("the answer is to another attempt")
	case p.clock.Now().Sub(a.Begun) >= longest:
		return "", refused("the answer comes too late")
	case p.config.Issuer != "" && (answer.Has("iss") || at.NamesItself) && iss != p.config.Issuer:
		// RFC 9207 section 2.4: or the code of one is given to another.
		return "", refused("the answer is another issuer's")
	case answer.Has("error"):
		return "", &Declined{errorCode(answer.Get("error"))}
	case answer.Get("code") == "":
		return "", refused("the answer has no code")
	}
	return answer.Get("code"), nil
}

// Declined means that the provider signed nobody in, and said so. It wraps
// ErrRefused.
type Declined struct{ Code string }

func (d *Declined) Error() string { return "the provider answered " + d.Code }

// Unwrap returns ErrRefused.
func (d *Declined) Unwrap() error { return ErrRefused }

// errorCode is an error's code as RFC 6749 section 4.1.2.1 has them; whoever
// writes anything else is not quoted.
func errorCode(text string) string {
	for _, r := range text {
		if (r < 'a' || r > 'z') && r != '_' {
			return "error"
		}
	}
	if len(text) > 40 {
		return "error"
	}
	return text
}
