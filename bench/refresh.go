package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ostiary/ostiary"
)

// A refresh redeems a session's refresh token and goes on with the one that it
// gets for it, again and again.
type refresh struct {
	made  int
	token ostiary.Secret
	place []byte // where the token stands in wire
	wire  []byte
}

func newRefresh(ctx context.Context, tokens string, a agent) (*refresh, error) {
	token := a.Refresh
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {a.Client}, "refresh_token": {token}}
	body := form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, tokens, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a refresh at %s: %w", tokens, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		return nil, fmt.Errorf("write a refresh at %s: %w", tokens, err)
	}
	at := bytes.LastIndex(wire.Bytes(), []byte(token))
	if token == "" || at < 0 {
		return nil, fmt.Errorf("refresh token of %d bytes: no token that stands in a form as it is", len(token))
	}
	return &refresh{token: ostiary.Secret(token), wire: wire.Bytes(), place: wire.Bytes()[at : at+len(token)]}, nil
}

func (r *refresh) next() []byte {
	r.made++
	copy(r.place, r.token.Reveal())
	return r.wire
}

// answered takes the next refresh token from the answer. It has to have the
// length of the one before: it stands in its place.
func (r *refresh) answered(status int, body []byte) error {
	var got struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	switch err := json.Unmarshal(body, &got); {
	case status != http.StatusOK:
		return fmt.Errorf("status %d: %.300s", status, body)
	case err != nil:
		return fmt.Errorf("read the tokens: %w", err)
	case got.Access == "" || len(got.Refresh) != len(r.place) || got.Refresh == r.token.Reveal():
		return fmt.Errorf("an answer without a new refresh token of %d bytes", len(r.place))
	}
	r.token = ostiary.Secret(got.Refresh)
	return nil
}

func (r *refresh) String() string { return fmt.Sprintf("refresh %d", r.made) }
