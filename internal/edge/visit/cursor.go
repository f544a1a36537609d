package visit

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
)

// Cursors seal the domain's cursors, so that nobody can make one up, and each
// is good for its list only.
type Cursors struct{ aead cipher.AEAD }

// NewCursors returns the cursors of a key of 32 bytes.
func NewCursors(key []byte) *Cursors {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key is not of the size that DeriveKey returns
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &Cursors{aead}
}

// Seal makes a cursor that callers see. bind is the list that it is good for:
// who reads which list, filtered how.
func (c *Cursors) Seal(cursor, bind string) string {
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nil, nil, []byte(cursor), []byte(bind)))
}

// Open is the domain's cursor; ok false: it is none of this list.
func (c *Cursors) Open(text, bind string) (cursor string, ok bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return "", false
	}
	plain, err := c.aead.Open(nil, nil, sealed, []byte(bind))
	return string(plain), err == nil
}
