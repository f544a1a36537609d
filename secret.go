package ostiary

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// A Secret is a token, key or password. Printing, encoding and logging it
// write "[redacted]"; Reveal is the one way to the value. (Not so in a field
// that is not exported, which fmt prints without asking its type: print no
// struct that has one; nor as the key of a map, which JSON writes as it is.)
// The zero value is the empty secret.
type Secret string

// Reveal returns the value itself. Call it where the value is used, not
// where it is carried.
func (s Secret) Reveal() string { return string(s) }

// Equal compares in constant time. An empty secret equals nothing, itself
// included, so that a secret that was never set can't be matched.
func (s Secret) Equal(other Secret) bool {
	return len(s) > 0 && subtle.ConstantTimeCompare([]byte(s), []byte(other)) == 1
}

// Format implements fmt.Formatter: a verb that is wrong for text would print
// the value to complain of it.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) } //nolint:errcheck // as fmt itself

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
