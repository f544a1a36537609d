package issuer

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	inBody   = "client_secret_post"
	inHeader = "client_secret_basic"
)

// issued is a token endpoint's answer.
type issued struct {
	Access ostiary.Secret `json:"access_token"`
	ID     string         `json:"id_token"`
}

// redeem takes the code to the token endpoint, once: a code that was sent twice
// may end everything it gave.
func (p *Provider) redeem(ctx context.Context, at metadata, a Attempt, code string) (issued, error) {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {p.config.Callback}, "code_verifier": {a.Verifier},
	}
	r := netguard.Request{Form: form}
	switch secret := p.config.ClientSecret; {
	case secret == "":
		form.Set("client_id", p.config.ClientID)
	case slices.Contains(at.AuthMethods, inBody) && !slices.Contains(at.AuthMethods, inHeader):
		form.Set("client_id", p.config.ClientID)
		form.Set("client_secret", secret.Reveal())
	default: // RFC 6749 section 2.3.1
		both := url.QueryEscape(p.config.ClientID) + ":" + url.QueryEscape(secret.Reveal())
		r.Authorization = ostiary.Secret("Basic " + base64.StdEncoding.EncodeToString([]byte(both)))
	}
	answer, err := p.from.Send(ctx, at.Token, r)
	if errors.Is(err, netguard.ErrAnswer) {
		return issued{}, refused("the code was not taken: %v", err)
	}
	if err != nil {
		return issued{}, err
	}
	var got issued
	if wire.Check(answer.Body) != nil || json.Unmarshal(answer.Body, &got) != nil {
		return issued{}, refused("the token endpoint's answer can't be read")
	}
	return got, nil
}

// openID reads the ID token (OpenID Connect Core section 3.1.3.7).
func (p *Provider) openID(ctx context.Context, at metadata, a Attempt, got issued) (identity.Arrival, error) {
	t, err := parse(got.ID)
	if err != nil {
		return identity.Arrival{}, err
	}
	if kind := t.kind(); kind != "" && kind != "jwt" {
		return identity.Arrival{}, refused("the ID token is of another type")
	}
	now := p.clock.Now()
	if err := t.proven(ctx, p.config.Issuer, p.config.ClientID, now, p.keys, at.Keys); err != nil {
		return identity.Arrival{}, err
	}
	if err := t.answers(a, p.config.ClientID); err != nil {
		return identity.Arrival{}, err
	}
	signedIn, err := p.when(t, a, now)
	if err != nil {
		return identity.Arrival{}, err
	}
	if err := p.more(ctx, at, got, t); err != nil {
		return identity.Arrival{}, err
	}
	return p.arrival(t.text("sub"), t.claims, signedIn)
}

// answers says whether an ID token is the answer to an attempt, and was made
// for this client alone.
func (t token) answers(a Attempt, client string) error {
	if t.text("nonce") == "" || t.text("nonce") != a.Nonce {
		return refused("the ID token is for another sign-in")
	}
	if azp, there := t.claims["azp"]; there && azp != client || !there && len(t.audience()) > 1 {
		return refused("the ID token was made for another client")
	}
	if _, ok, _ := t.moment("iat"); !ok {
		return refused("the ID token doesn't say when it was made")
	}
	return nil
}

// when is when the person showed who they are: what the provider says, else
// now. Who was to show it anew and didn't is refused.
func (p *Provider) when(t token, a Attempt, now time.Time) (time.Time, error) {
	at, ok, there := t.moment("auth_time")
	switch {
	case there && (!ok || at.After(now.Add(skew))):
		return time.Time{}, refused("the ID token's auth_time lies ahead, or is no time")
	case a.Again && (!there || now.Sub(at) > p.config.Reauth+skew):
		return time.Time{}, ErrStale
	case there && at.Before(now):
		return at, nil
	}
	return now, nil
}

// ErrStale means that the provider didn't ask its person anew, or doesn't say
// whether it did.
var ErrStale = fmt.Errorf("a sign-in that is not fresh %w", ErrRefused)

// more adds what the userinfo endpoint says and the ID token doesn't. One that
// answers with nothing of use adds nothing.
func (p *Provider) more(ctx context.Context, at metadata, got issued, t token) error {
	if at.Userinfo == "" || got.Access == "" {
		return nil
	}
	said, err := p.userinfo(ctx, at, got)
	if errors.Is(err, netguard.ErrAnswer) {
		return nil
	}
	if err != nil {
		return err
	}
	if said["sub"] != t.text("sub") { // OpenID Connect Core section 5.3.2
		return refused("the userinfo endpoint speaks of somebody else")
	}
	for name, v := range said {
		if _, there := t.claims[name]; !there {
			t.claims[name] = v
		}
	}
	return nil
}

func (p *Provider) userinfo(ctx context.Context, at metadata, got issued) (identity.Claims, error) {
	answer, err := p.from.Send(ctx, at.Userinfo, netguard.Request{Authorization: "Bearer " + got.Access})
	if err != nil {
		return nil, err
	}
	var said identity.Claims
	if wire.Check(answer.Body) != nil || said.UnmarshalJSON(answer.Body) != nil {
		return nil, refused("the userinfo endpoint's answer can't be read")
	}
	return said, nil
}

// plain asks who the access token is of: all that plain OAuth has. The subject
// is `sub`, or `id`: never a name, which its person can give away.
func (p *Provider) plain(ctx context.Context, at metadata, got issued) (identity.Arrival, error) {
	if got.Access == "" {
		return identity.Arrival{}, refused("the token endpoint's answer has no access token")
	}
	said, err := p.userinfo(ctx, at, got)
	if errors.Is(err, netguard.ErrAnswer) {
		return identity.Arrival{}, refused("the userinfo endpoint did not answer: %v", err)
	}
	if err != nil {
		return identity.Arrival{}, err
	}
	for _, name := range []string{"sub", "id"} {
		switch v := said[name].(type) {
		case string:
			return p.arrival(v, said, p.clock.Now())
		case json.Number:
			if strings.Trim(v.String(), "0123456789") == "" {
				return p.arrival(v.String(), said, p.clock.Now())
			}
		}
	}
	return identity.Arrival{}, refused("the userinfo endpoint doesn't say who it is")
}

func (p *Provider) arrival(sub string, said identity.Claims, signedIn time.Time) (identity.Arrival, error) {
	subject, err := subjectOf(p.config.ID, sub)
	if err != nil {
		return identity.Arrival{}, err
	}
	a := identity.Arrival{Provider: p.config.ID, Subject: subject, Claims: p.paths.Limit(said, p.config.Allow), SignedIn: signedIn}
	// People are recognised by it: one that nobody checked could be anybody's.
	if email, _ := said["email"].(string); said["email_verified"] == true && identity.CheckEmail(email) == nil {
		a.Email = email
	}
	return a, nil
}
