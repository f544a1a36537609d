package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client is the one client that the provider knows, with its secret.
const (
	Client = "ostiary"
	Secret = "s3cr3t/+:%"
)

// authorize signs whoever comes in at once and sends them back.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.asked = map[string]string{}
	for name := range q {
		p.asked[name] = q.Get(name)
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != Client || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	out := url.Values{"state": {q.Get("state")}}
	switch p.manner.ISS {
	case "":
		out.Set("iss", p.issuer)
	case "-":
	default:
		out.Set("iss", p.manner.ISS)
	}
	if p.manner.Error != "" {
		out.Set("error", p.manner.Error)
	} else {
		text := rand.Text()
		p.codes[text] = &code{q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce"), q.Get("prompt") == "login"}
		out.Set("code", text)
	}
	back.RawQuery = out.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	if !ok { // in the body, as plain OAuth has it
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != Client || secret != Secret {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	text := r.PostFormValue("code")
	c, known := p.codes[text]
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || c.redirect != r.PostFormValue("redirect_uri") || c.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	if !p.manner.Keep {
		delete(p.codes, text)
	}
	claims := p.idClaims(c)
	access := rand.Text()
	p.access[access] = claims
	answer(w, http.StatusOK, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": p.sign(p.manner.Sign, nil, claims),
	})
}

func (p *provider) idClaims(c *code) map[string]any {
	now := time.Now().Unix()
	claims := map[string]any{"iss": p.issuer, "sub": "alice-1", "aud": Client, "iat": now, "exp": now + 300, "nonce": c.nonce}
	if c.again {
		claims["auth_time"] = now
	}
	return merge(claims, p.manner.Claims)
}

func merge(into, from map[string]any) map[string]any {
	for name, v := range from {
		if into[name] = v; v == nil {
			delete(into, name)
		}
	}
	return into
}

func (p *provider) userinfo(w http.ResponseWriter, r *http.Request) {
	claims, ok := p.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	answer(w, http.StatusOK, merge(map[string]any{"sub": claims["sub"], "email": "alice@corp.example", "email_verified": true}, p.manner.Userinfo))
}
