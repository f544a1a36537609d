package ostiary

import (
	"crypto/subtle"
	"log/slog"
)

const redacted = "[redacted]"

// A Secret is a token, key or password. Every way of printing it writes
// "[redacted]"; Reveal is the one way to the value. The zero value is the
// empty secret.
type Secret string

// Reveal returns the value itself. Call it where the value is used, not
// where it is carried.
func (s Secret) Reveal() string { return string(s) }

// Equal compares in constant time. An empty secret equals nothing, itself
// included, so that a secret that was never set can't be matched.
func (s Secret) Equal(other Secret) bool {
	return len(s) > 0 && subtle.ConstantTimeCompare([]byte(s), []byte(other)) == 1
}

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
