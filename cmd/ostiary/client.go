package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

// A client calls the JSON API of a running gateway.
type client struct {
	remote config.Remote
	http   *http.Client
}

func newClient(r config.Remote) *client {
	r.URL = strings.TrimRight(r.URL, "/")
	return &client{r, &http.Client{
		// A redirect would carry the operator token somewhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the gateway answered with a redirect: is the URL right?")
		},
	}}
}

const (
	maxAnswer = 64 << 20 // what is read of one answer
	patience  = 60 * time.Second
)

// do calls the API and decodes the answer into out, where out is not nil.
func (c *client) do(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	body, err := c.open(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(out); err != nil {
		return unreachable(fmt.Errorf("read the answer to %s %s (is that a gateway?): %w", method, path, err))
	}
	return nil
}

// open calls the API and returns the body of a good answer, however long it
// takes.
func (c *client) open(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.remote.URL+"/api/v1"+path, body)
	if err != nil {
		return nil, usage(err)
	}
	r.Header.Set("User-Agent", gateway.TerminalAgent())
	r.Header.Set("Authorization", "Bearer "+c.remote.Token.Reveal())
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, unreachable(fmt.Errorf("reach the gateway: %w", err))
	}
	if answer.StatusCode < 300 {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	return nil, refusal(answer)
}

// A refused is what the gateway said against a request.
type refused struct {
	status        int
	code, message string
}

func (r *refused) Error() string { return fmt.Sprintf("%s (%s)", r.message, r.code) }

// exit: what can't be right is wrong usage; all else depends on what is
// there, and on who asks.
func (r *refused) exit() int {
	switch {
	case r.status >= http.StatusInternalServerError:
		return exitUnreachable
	case r.status == http.StatusBadRequest, r.status == http.StatusUnprocessableEntity:
		return exitUsage
	default:
		return exitNot
	}
}

func refusal(answer *http.Response) error {
	var said struct {
		Error struct{ Code, Message string }
	}
	data, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if json.Unmarshal(data, &said) != nil || said.Error.Code == "" {
		return unreachable(fmt.Errorf("%s answered %s: is a gateway there?", answer.Request.URL.Host, answer.Status))
	}
	return &refused{answer.StatusCode, said.Error.Code, said.Error.Message}
}

// list fetches all pages of a list.
func list[T any](ctx context.Context, c *client, path string, query url.Values) ([]T, error) {
	var all []T
	for cursor := ""; ; {
		q := url.Values{"limit": {"200"}}
		for k, v := range query {
			q[k] = v
		}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		var page struct {
			Items []T
			Next  string
		}
		if err := c.do(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		cursor = page.Next
	}
}
