// Command idp is an identity provider for tests: OpenID Connect with discovery, codes
// with PKCE, ID tokens, userinfo and keys that change, and on demand as wrong
// as a test wants it. It prints "issuer URL" once it answers.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	p := &provider{issuer: "http://" + l.Addr().String(), codes: map[string]*code{}, access: map[string]map[string]any{}, counts: map[string]int{}}
	p.rotate()
	fmt.Println("issuer " + p.issuer)
	fmt.Fprintln(os.Stderr, http.Serve(l, p.handler()))
}

// A manner is how the provider answers until the next one is set. The zero
// manner is as it should be.
type manner struct {
	Claims   map[string]any `json:"claims"`   // of the next ID tokens; null takes one away
	Userinfo map[string]any `json:"userinfo"` // besides sub
	Sign     string         `json:"sign"`     // "", none, hs256, other: how ID tokens are signed
	ISS      string         `json:"iss"`      // of answers: "" the issuer, "-" none
	NoISS    bool           `json:"no_iss"`   // metadata doesn't announce iss
	Error    string         `json:"error"`    // people are sent back with it
	Metadata map[string]any `json:"metadata"` // differs in this
	Keep     bool           `json:"keep"`     // codes can be redeemed twice
}

type code struct {
	redirect, challenge, nonce string
	again                      bool
}

type provider struct {
	issuer string

	mu     sync.Mutex
	manner manner
	key    *ecdsa.PrivateKey
	number int
	codes  map[string]*code
	access map[string]map[string]any
	counts map[string]int
	asked  map[string]string // the last authorization request
}

func (p *provider) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.metadata)
	mux.HandleFunc("GET /jwks", p.jwks)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	mux.HandleFunc("POST /control/manner", p.setManner)
	mux.HandleFunc("POST /control/mint", p.mint)
	mux.HandleFunc("POST /control/rotate", func(http.ResponseWriter, *http.Request) { p.rotate() })
	mux.HandleFunc("GET /control/seen", p.seen)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.counts[r.URL.Path]++
		mux.ServeHTTP(w, r)
	})
}

func (p *provider) rotate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	p.key = key
	p.number++
}

func (p *provider) kid() string { return fmt.Sprint("key-", p.number) }

func (p *provider) metadata(w http.ResponseWriter, _ *http.Request) {
	m := map[string]any{
		"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token",
		"userinfo_endpoint": p.issuer + "/userinfo", "jwks_uri": p.issuer + "/jwks",
		"authorization_response_iss_parameter_supported": !p.manner.NoISS,
	}
	for name, v := range p.manner.Metadata {
		m[name] = v
	}
	answer(w, http.StatusOK, m)
}

func (p *provider) jwks(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.kid(), Use: "sig", Algorithm: "ES256"}}})
}

func (p *provider) setManner(w http.ResponseWriter, r *http.Request) {
	var m manner
	in := json.NewDecoder(r.Body)
	in.UseNumber()
	if err := in.Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.manner = m
}

// seen tells what was asked, and how often.
func (p *provider) seen(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"counts": p.counts, "asked": p.asked})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who is gone needs no answer
}
