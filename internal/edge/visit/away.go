package visit

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// awayCookie holds what a browser carries for us while its person is at an
// identity provider.
const awayCookie = "ostiary_away"

// away seals that cookie: nobody else can read, change or make one.
func (b *Browsers) away() cipher.AEAD {
	key, err := hkdf.Expand(sha256.New, b.key, "ostiary/v1/"+awayCookie, 32)
	if err != nil {
		panic(err) // only for impossible lengths
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// SendAway has the browser carry v, which Back takes from it. Whatever it
// carried before is lost: the last attempt counts.
func (b *Browsers) SendAway(w http.ResponseWriter, v any) error {
	plain, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("seal what a browser carries: %w", err)
	}
	sealed := b.away().Seal(nil, nil, plain, []byte(awayCookie))
	b.set(w, awayCookie, base64.RawURLEncoding.EncodeToString(sealed), 10*time.Minute)
	return nil
}

// Back takes from the browser what it carries into v; false: nothing of ours.
func (b *Browsers) Back(w http.ResponseWriter, r *http.Request, v any) bool {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(b.cookie(r, awayCookie).Reveal())
	if err != nil {
		return false
	}
	plain, err := b.away().Open(nil, nil, sealed, []byte(awayCookie))
	if err != nil {
		return false
	}
	b.set(w, awayCookie, "", -1)
	return json.Unmarshal(plain, v) == nil
}
