package api

import (
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"unicode"

	"github.com/ostiary/ostiary/identity"
)

// maxWord bounds, in bytes, the texts that a grant keeps besides its reason.
const maxWord = 256

// A word is a text of a caller that is kept and shown.
type word struct{ name, text string }

// plain refuses texts that are too long, or would show as something else than
// they are. The reason's length is the domain's.
func (n newGrant) plain() error {
	words := []word{{"client", string(n.Client)}, {"site", string(n.Site)}, {"session", string(n.Session)}}
	if g := n.GrantedBy; g != nil {
		words = append(words, word{"granted_by.source", g.Source}, word{"granted_by.identifier", g.Identifier}, word{"granted_by.display_name", g.DisplayName})
	}
	for _, w := range words {
		if len(w.text) > maxWord {
			return invalid("%s is over %d bytes.", w.name, maxWord)
		}
	}
	for _, w := range append(words, word{"reason", n.Reason}) {
		if strings.ContainsFunc(w.text, disguises) {
			return invalid("%s has control or bidirectional characters.", w.name)
		}
	}
	return nil
}

func disguises(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// cidrs are prefixes, whose own errors speak of this program's insides.
type cidrs []netip.Prefix

// UnmarshalJSON reads a list of prefixes.
func (c *cidrs) UnmarshalJSON(raw []byte) error {
	var prefixes []netip.Prefix
	if err := json.Unmarshal(raw, &prefixes); err != nil {
		return identity.ErrTokenCIDR
	}
	*c = prefixes
	return nil
}

// misfit says in words of JSON why a body does not fit.
func misfit(err error) error {
	var e *json.UnmarshalTypeError
	if !errors.As(err, &e) || e.Field == "" {
		return invalid("The body does not fit: %s.", err)
	}
	return invalid("The body does not fit: %s must be %s.", e.Field, kindOf(e.Type))
}

// kindOf names what a member must be.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int64, reflect.Int:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	default:
		return "a text"
	}
}
