package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/wire"
)

// ErrRefused means that what somebody brought proves nothing: it is not
// signed, not for us, not for now. It is no fault, and says nothing of whoever
// it names.
var ErrRefused = errors.New("is not believed")

const (
	maxToken = 16 << 10 // bytes
	maxName  = 255      // of a subject or client (OpenID Connect Core section 2)
	// skew is by how much an issuer's clock may differ from ours.
	skew = time.Minute
)

// A token is a JWT that was read. Until it is proven nobody said what it says.
type token struct {
	signed *jose.JSONWebSignature
	claims identity.Claims
}

// parse reads a JWT strictly: a claim that stands there twice could be read as
// either.
func parse(text string) (token, error) {
	if len(text) > maxToken {
		return token{}, refused("the token is longer than %d bytes", maxToken)
	}
	signed, ok := client.ParseJWT(text)
	if !ok {
		return token{}, refused("the token is no JWT signed with ES256, RS256 or EdDSA")
	}
	t := token{signed: signed}
	payload := signed.UnsafePayloadWithoutVerification()
	if wire.Check(payload) != nil || t.claims.UnmarshalJSON(payload) != nil {
		return token{}, refused("the token's claims are not a JSON object that is read strictly")
	}
	return t, nil
}

func refused(text string, args ...any) error {
	return fmt.Errorf("%w: "+text, append([]any{ErrRefused}, args...)...)
}

// kind is the type that a token's head names (RFC 7515 section 4.1.9).
func (t token) kind() string {
	kind, _ := t.signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string)
	return strings.TrimPrefix(strings.ToLower(kind), "application/")
}

// text is a claim that is a text; "" where it isn't one.
func (t token) text(name string) string {
	s, _ := t.claims[name].(string)
	return s
}

// audience is one text or several (RFC 7519 section 4.1.3); nil for anything
// else.
func (t token) audience() []string {
	return texts(t.claims["aud"])
}

func texts(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			return nil
		}
		out = append(out, s)
	}
	return out
}

// moment is a claim that is a time. there: it stands there, as whatever.
func (t token) moment(name string) (at time.Time, ok, there bool) {
	v, there := t.claims[name]
	n, _ := v.(json.Number)
	seconds, err := n.Float64()
	if err != nil || math.Abs(seconds) > 1<<40 {
		return time.Time{}, false, there
	}
	return time.UnixMilli(int64(1000 * seconds)), true, there
}

// timely holds a token to its times. One without an end is not taken.
func (t token) timely(now time.Time) error {
	expires, ok, _ := t.moment("exp")
	if !ok || !now.Before(expires.Add(skew)) {
		return refused("the token has expired, or has no end")
	}
	for _, name := range []string{"nbf", "iat"} {
		if at, ok, there := t.moment(name); there && (!ok || at.After(now.Add(skew))) {
			return refused("the token's %s lies ahead, or is no time", name)
		}
	}
	return nil
}

// proven holds a token to who issued it, for whom, for now and with whose key:
// that last, since it is the dearest.
func (t token) proven(ctx context.Context, issuer, audience string, now time.Time, keys *client.IssuerKeys, keysURL string) error {
	switch {
	case t.text("iss") != issuer:
		return refused("another issuer's token")
	case audience == "" || !slices.Contains(t.audience(), audience):
		return refused("the token is not for us")
	case t.claims["cnf"] != nil:
		// RFC 9449 section 7.2: a token that is bound to a key is not one for
		// whoever bears it.
		return refused("the token is bound to a key, which is not shown")
	}
	if err := t.timely(now); err != nil {
		return err
	}
	ok, err := keys.Signed(ctx, keysURL, t.signed)
	if err != nil {
		return fmt.Errorf("keys of %q: %w", issuer, err)
	}
	if !ok {
		return refused("no key of the issuer's signed the token")
	}
	return nil
}

// subjectOf names a person of an issuer here: "corp|248289761001".
func subjectOf(id, sub string) (ostiary.Subject, error) {
	bad := sub == "" || len(sub) > maxName || strings.TrimSpace(sub) != sub || !utf8.ValidString(sub)
	if bad || strings.ContainsFunc(sub, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", refused("the subject is no name of at most %d bytes", maxName)
	}
	return ostiary.Subject(id + "|" + sub), nil
}
