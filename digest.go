package ostiary

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// A Digest is a SHA-256 over a canonical form. Two digests are compared with
// ==. The zero Digest stands for "none" and is written as the empty string.
type Digest [sha256.Size]byte

const digestPrefix = "sha256:"

// String returns "sha256:" and 64 hex digits, or "" for the zero Digest.
func (d Digest) String() string {
	if d == (Digest{}) {
		return ""
	}
	var text [len(digestPrefix) + 2*sha256.Size]byte // on the stack: every entry of the log has one
	copy(text[:], digestPrefix)
	hex.Encode(text[len(digestPrefix):], d[:])
	return string(text[:])
}

// ParseDigest reads what String writes. The empty string is refused: "none"
// is never what somebody meant to type.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	digits, ok := strings.CutPrefix(s, digestPrefix)
	if !ok || len(digits) != hex.EncodedLen(len(d)) {
		return Digest{}, fmt.Errorf("parse digest: want %s and %d hex digits", digestPrefix, hex.EncodedLen(len(d)))
	}
	if _, err := hex.Decode(d[:], []byte(digits)); err != nil {
		return Digest{}, fmt.Errorf("parse digest: %w", err)
	}
	if d == (Digest{}) {
		return Digest{}, errors.New("parse digest: nothing has a digest of zeros")
	}
	return d, nil
}

// MarshalText writes the digest as String does.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote, the zero Digest included.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Digest{}
		return nil
	}
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// ArgumentsDigest binds an approval to the exact arguments of a call. Order
// of members, white space and ways of escaping don't matter; every digit of
// a number does (1 and 1.0 differ). Absent arguments count as {}. An error
// wraps ErrNotCanonical.
func ArgumentsDigest(raw []byte) (Digest, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = []byte("{}")
	}
	canonical, err := AppendCanonical(make([]byte, 0, len(raw)), raw)
	if err != nil {
		return Digest{}, fmt.Errorf("arguments digest: %w", err)
	}
	return sha256.Sum256(canonical), nil
}

// A Definition is the part of a tool's definition that a person agrees to
// when they agree to the tool. Each field is JSON as the upstream wrote it;
// nil where it wrote none.
type Definition struct {
	Name, Title, Description, InputSchema, OutputSchema, Annotations []byte
}

// DefinitionDigest covers the six fields in the order of the struct, with
// an absent field different from an empty one or null. An error wraps
// ErrNotCanonical.
func DefinitionDigest(d Definition) (Digest, error) {
	// An array whose elements are one-element arrays, or empty ones for
	// absent fields, can be read in one way only.
	dst := []byte{'['}
	for _, field := range [][]byte{d.Name, d.Title, d.Description, d.InputSchema, d.OutputSchema, d.Annotations} {
		dst = append(dst, '[')
		if field != nil {
			var err error
			if dst, err = AppendCanonical(dst, field); err != nil {
				return Digest{}, fmt.Errorf("definition digest: %w", err)
			}
		}
		dst = append(dst, "],"...)
	}
	dst[len(dst)-1] = ']'
	return sha256.Sum256(dst), nil
}
