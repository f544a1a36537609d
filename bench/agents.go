package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// An agent is one that a person has connected, as a job carries it.
type agent struct {
	Client  string
	Refresh string // in the clear: a pipe between two of our processes
}

// callback is where agents listen; nobody does, and nobody has to.
const callback = "http://127.0.0.1:4711/callback"

// A person is signed in at the gateway in a browser of their own.
type person struct {
	gateway string
	browser *http.Client
}

var formToken = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func signIn(ctx context.Context, gateway, name, password string) (*person, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	p := &person{gateway, &http.Client{Jar: jar, Timeout: patience, CheckRedirect: stopAtCallback}}
	page, _, err := p.do(ctx, http.MethodGet, gateway+"/login", nil, nil)
	if err != nil {
		return nil, err
	}
	csrf := formToken.FindSubmatch(page)
	if csrf == nil {
		return nil, errors.New("sign in: the page has no form")
	}
	form := url.Values{"username": {name}, "password": {password}, "csrf": {string(csrf[1])}}
	_, _, err = p.do(ctx, http.MethodPost, gateway+"/login", []byte(form.Encode()),
		http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {gateway}})
	return p, err
}

func stopAtCallback(r *http.Request, _ []*http.Request) error {
	if strings.HasPrefix(r.URL.String(), callback) {
		return http.ErrUseLastResponse
	}
	return nil
}

// register makes one client for all agents, as installations of a product
// share theirs.
func (p *person) register(ctx context.Context) (client string, err error) {
	text, _, err := p.do(ctx, http.MethodPost, p.gateway+"/oauth/register",
		[]byte(`{"client_name":"Bench","redirect_uris":["`+callback+`"]}`), http.Header{"Content-Type": {"application/json"}})
	if err != nil {
		return "", err
	}
	var made struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal(text, &made); err != nil {
		return "", fmt.Errorf("read the registration: %w", err)
	}
	return made.ID, nil
}

// connect lets the agent in: authorization, consent, code, tokens.
func (p *person) connect(ctx context.Context, client string) (agent, error) {
	verifier := rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	ask := url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {callback}, "scope": {"mcp-agent"}, "state": {rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	code, err := p.consent(ctx, p.gateway+"/oauth/authorize?"+ask.Encode())
	if err != nil {
		return agent{}, err
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {client}, "code": {code},
		"redirect_uri": {callback}, "code_verifier": {verifier},
	}
	text, _, err := p.do(ctx, http.MethodPost, p.gateway+"/oauth/token", []byte(form.Encode()),
		http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	if err != nil {
		return agent{}, err
	}
	var tokens struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(text, &tokens); err != nil {
		return agent{}, fmt.Errorf("read the tokens: %w", err)
	}
	return agent{client, tokens.Refresh}, nil
}

// consent agrees to what the agent asks for, and returns the code.
func (p *person) consent(ctx context.Context, ask string) (code string, err error) {
	asJSON := http.Header{"Accept": {"application/json"}}
	text, route, err := p.do(ctx, http.MethodGet, ask, nil, asJSON)
	if err != nil {
		return "", err
	}
	var shown struct{ CSRF string }
	if err := json.Unmarshal(text, &shown); err != nil {
		return "", fmt.Errorf("read the consent: %w", err)
	}
	agreed := fmt.Appendf(nil, `{"decision":"allow","apps":[%q],"tools":["%s:*"],"tier":"write"}`, app, app)
	text, _, err = p.do(ctx, http.MethodPost, route, agreed, http.Header{
		"Accept": asJSON["Accept"], "Content-Type": {"application/json"}, "X-Csrf-Token": {shown.CSRF}, "Origin": {p.gateway},
	})
	if err != nil {
		return "", err
	}
	var answer struct {
		To string `json:"redirect_to"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return "", fmt.Errorf("read the answer to the consent: %w", err)
	}
	to, err := url.Parse(answer.To)
	if err != nil {
		return "", fmt.Errorf("read where the consent leads: %w", err)
	}
	return to.Query().Get("code"), nil
}

// do makes a request, and returns the answer's body and where it was found.
func (p *person) do(ctx context.Context, method, to string, body []byte, header http.Header) (text []byte, at string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, "", fmt.Errorf("%s %s: %w", method, to, err)
	}
	if header != nil {
		req.Header = header
	}
	resp, err := p.browser.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s: %.300s", method, resp.Request.URL.Path, resp.Status, text)
	}
	return text, resp.Request.URL.String(), err
}
