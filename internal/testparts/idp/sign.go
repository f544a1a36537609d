package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// mint makes a JWT of any claims.
func (p *provider) mint(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Claims map[string]any `json:"claims"`
		Head   map[string]any `json:"head"`
		Sign   string         `json:"sign"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	now := time.Now().Unix()
	claims := merge(map[string]any{"iss": p.issuer, "iat": now, "exp": now + 300}, in.Claims)
	answer(w, http.StatusOK, map[string]string{"token": p.sign(in.Sign, in.Head, claims)})
}

// sign signs claims: as it should be; with none; with HMAC and the public key,
// which whoever takes any algorithm checks with that key; or with another key
// under the name of ours.
func (p *provider) sign(how string, head, claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	switch how {
	case "none":
		b64 := base64.RawURLEncoding.EncodeToString
		return b64([]byte(`{"alg":"none","kid":"`+p.kid()+`"}`)) + "." + b64(payload) + "."
	case "hs256":
		der, err := x509.MarshalPKIXPublicKey(p.key.Public())
		if err != nil {
			panic(err)
		}
		return p.signed(jose.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), head, payload)
	case "other":
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return p.signed(jose.ES256, other, head, payload)
	default:
		return p.signed(jose.ES256, p.key, head, payload)
	}
}

func (p *provider) signed(algorithm jose.SignatureAlgorithm, key any, head map[string]any, payload []byte) string {
	options := (&jose.SignerOptions{}).WithHeader("kid", p.kid())
	for name, v := range head {
		options = options.WithHeader(jose.HeaderKey(name), v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		panic(err)
	}
	object, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, err := object.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}
