package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

// AssertionType is the only client_assertion_type (RFC 7523 section 2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const (
	maxAssertion = 8 << 10 // bytes
	maxProofID   = 256     // bytes of a jti
	// skew is by how much a client's clock may differ from ours.
	skew = time.Minute
	// longestProof is how far off the end of an assertion may lie: so long its
	// jti has to be remembered.
	longestProof = time.Hour
)

// An assertion is a signed statement by a client that it is it, read and not
// yet believed.
type assertion struct {
	signed *jose.JSONWebSignature
	claims claims
}

// claims of an assertion. Times are numbers of seconds, with fractions maybe.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Expires  *float64 `json:"exp"`
	Before   *float64 `json:"nbf"`
	Issued   *float64 `json:"iat"`
	ID       string   `json:"jti"`
}

var claimNames = wire.NewKnown("iss", "sub", "aud", "exp", "nbf", "iat", "jti")

// An audience is one text or several.
type audience []string

func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// proofUsed stands where an assertion was used.
type proofUsed struct {
	Until time.Time `json:"until"`
}

// Row implements store.Rower.
func (p proofUsed) Row() store.Row { return store.Row{Expires: p.Until} }

func parseAssertion(text string) (assertion, error) {
	if len(text) > maxAssertion {
		return assertion{}, errors.New("it is too long")
	}
	signed, err := jose.ParseSignedCompact(text, algorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return assertion{}, errors.New("it is no JWT signed with ES256, RS256 or EdDSA")
	}
	a := assertion{signed: signed}
	unsafe := signed.UnsafePayloadWithoutVerification()
	if err := wire.Check(unsafe); err != nil {
		return assertion{}, errors.New("its claims are not JSON that is read strictly")
	}
	// encoding/json takes a name in other letters for the claim, too.
	if err := wire.CheckTwins(unsafe, claimNames); err != nil {
		return assertion{}, errors.New("a claim's name is in other letters than the claim's")
	}
	if err := json.Unmarshal(unsafe, &a.claims); err != nil {
		return assertion{}, errors.New("a claim is of the wrong type")
	}
	return a, nil
}

// of is the client that the assertion speaks of.
func (a assertion) of() (ostiary.ClientID, error) {
	if a.claims.Issuer == "" || a.claims.Issuer != a.claims.Subject {
		return "", errors.New("iss and sub are not both the client id")
	}
	return ostiary.ClientID(a.claims.Issuer), nil
}

// prove believes an assertion, once: it was signed by the client, for us, for
// now. Refusals are text for the client; errors are faults.
func (r *Registry) prove(ctx context.Context, c *Client, a assertion) (refusal string, err error) {
	if why := a.claims.wrong(r.config.Audiences, r.db.Clock().Now()); why != "" {
		return why, nil
	}
	head := a.signed.Signatures[0].Protected
	keys, err := r.keys.fit(ctx, c.credential.keys, head)
	if errors.Is(err, errNoKeys) {
		return "its keys can't be had where they should be", nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: keys of %q: %w", ErrUnreachable, c.ID, err)
	}
	if !a.signedBy(keys) {
		return "no key of the client's signed it", nil
	}
	return r.useProof(ctx, c.ID, a.claims)
}

func (a assertion) signedBy(keys []verifyKey) bool {
	for _, k := range keys {
		if _, err := a.signed.Verify(k.public); err == nil {
			return true
		}
	}
	return false
}

// wrong says what is wrong with claims, whoever signed them; "": nothing.
func (c claims) wrong(audiences []string, now time.Time) string {
	switch {
	case !c.Audience.only(audiences):
		return "aud is neither the issuer nor the token endpoint, or somebody else besides"
	case c.Expires == nil:
		return "it has no exp"
	case !now.Before(moment(*c.Expires).Add(skew)):
		return "it has expired"
	case moment(*c.Expires).After(now.Add(longestProof + skew)):
		return "exp is more than an hour off"
	case c.Before != nil && moment(*c.Before).After(now.Add(skew)):
		return "nbf lies ahead"
	case c.Issued != nil && moment(*c.Issued).After(now.Add(skew)):
		return "iat lies ahead"
	case c.ID == "" || len(c.ID) > maxProofID:
		return "it has no jti, or one that is too long"
	}
	return ""
}

// only: an assertion that somebody else would take, too, could be theirs to
// pass on.
func (a audience) only(ours []string) bool {
	for _, name := range a {
		found := false
		for _, o := range ours {
			found = found || o == name
		}
		if !found {
			return false
		}
	}
	return len(a) > 0
}

// moment of a number of seconds since 1970. Beyond what a clock can show, it is
// the furthest that lies in that direction.
func moment(seconds float64) time.Time {
	const furthest = 1 << 40
	return time.UnixMilli(int64(1000 * min(max(seconds, -furthest), furthest)))
}

// useProof makes an assertion good for nothing more, on every instance.
func (r *Registry) useProof(ctx context.Context, id ostiary.ClientID, c claims) (refusal string, err error) {
	sum := sha256.Sum256([]byte(c.ID))
	name := string(id) + " " + hex.EncodeToString(sum[:])
	var tx store.Tx
	if err := r.proofs.Create(ctx, &tx, name, proofUsed{moment(*c.Expires).Add(skew + time.Second)}); err != nil {
		return "", err
	}
	_, err = r.db.Commit(ctx, tx)
	if errors.Is(err, store.ErrConflict) {
		return "it was used before", nil
	}
	if err != nil {
		return "", fmt.Errorf("remember an assertion: %w", err)
	}
	return "", nil
}
