package identity

import (
	"context"
	"errors"
)

// Inspect says of a personal token what it is, and why it is not good now: ""
// where it is. A token that nobody has is ErrTokenNotFound; one that is
// malformed or of another kind, ErrInvalidToken. It is not taken for a use, nor
// told to the record: an operator asks, not the token's bearer. From which
// addresses the token is good stands in it.
func (r *Resolver) Inspect(ctx context.Context, text string) (t Personal, why string, err error) {
	if !CheckToken(text, KindPersonal) {
		return Personal{}, "", ErrInvalidToken
	}
	if t, err = r.tokens.find(ctx, text); err != nil {
		return Personal{}, "", err
	}
	if t.ID == "" {
		return Personal{}, "", ErrTokenNotFound
	}
	k, err := r.read(ctx, bearer(r.tokens, text))
	if err != nil {
		return Personal{}, "", err
	}
	if now := r.tokens.db.Clock().Now(); k.principal == nil || !k.held.Alive(now) {
		why = k.refusedAs(now)
	}
	return t, why, nil
}

// Malformed says what is wrong with the text of a token: nil where its form is
// that of a kind.
func Malformed(text string, kind TokenKind) error {
	switch of := KindOf(text); of {
	case kind:
		return nil
	case "":
		return errors.New("it is no token, or was not copied whole: its checksum is wrong")
	default:
		return errors.New("it is a token of another kind: " + of.words())
	}
}

func (k TokenKind) words() string {
	switch k {
	case KindCode:
		return "an authorization code"
	case KindAccess:
		return "an access token"
	case KindRefresh:
		return "a refresh token"
	case KindOperator:
		return "an operator token"
	case KindClientSecret:
		return "a client's secret"
	default:
		return "a personal token"
	}
}
