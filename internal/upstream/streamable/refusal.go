package streamable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// unsuccessful reads a response that is no 200. The stateless era sends
// JSON-RPC errors with such a status, and they are answers like any other.
func (x *exchange) unsuccessful() (wire.Message, error) {
	body, err := io.ReadAll(io.LimitReader(x.resp.Body, maxRefusal))
	if err != nil {
		body = nil // the status says enough
	}
	if answer, err := wire.ParseReply(body); err == nil && x.m.Stateless() && x.isError(answer) {
		return answer, nil
	}
	return wire.Message{}, refused(x.m, x.resp, body)
}

// isError tells whether a message is the JSON-RPC error of this request; "the
// body MAY comprise a JSON-RPC error response that has no id".
func (x *exchange) isError(m wire.Message) bool {
	return m.Kind == wire.Response && m.Error != nil && (x.answers(m) || m.ID == nil || m.ID[0] == 'n')
}

// refused says in an error what a response without success was.
func refused(m *upstream.Message, resp *response, body []byte) error {
	err := &upstream.Error{Status: resp.StatusCode, Err: describe(resp, body)}
	if lost(m, resp, body) {
		err.Err = fmt.Errorf("%w: %w", upstream.ErrSessionGone, err.Err)
	}
	return err
}

// lost tells whether a refusal says that the server knows the session, or the
// era, no longer. With a session, 404 is what it "MUST respond" then; many
// servers answer 400 and name the session, or, become stateless, miss their
// headers. Without sessions, what is no "recognized modern JSON-RPC error" is
// of an older server (2026-07-28 transports, backward compatibility). In no
// case was the request executed.
func lost(m *upstream.Message, resp *response, body []byte) bool {
	code := resp.StatusCode
	switch {
	case m.Version == "":
		return false
	case m.Stateless():
		return code == http.StatusBadRequest || code == http.StatusNotFound || code == http.StatusMethodNotAllowed
	case !resp.session:
		return false
	case code == http.StatusNotFound:
		return true
	}
	return code == http.StatusBadRequest && namesSession(body)
}

func namesSession(body []byte) bool {
	answer, err := wire.ParseReply(body)
	if err != nil {
		return bytes.Contains(bytes.ToLower(body), []byte("session"))
	}
	message, _ := wire.LookupText(answer.Error, "message")
	return strings.Contains(strings.ToLower(message), "session") || strings.Contains(message, wire.HeaderMethod)
}

// describe puts a response into words.
func describe(resp *response, body []byte) error {
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fmt.Errorf("answered %s: redirects are not followed", resp.Status)
	case resp.StatusCode < 300:
		return fmt.Errorf("answered %s, and no result", resp.Status)
	case len(body) == 0:
		return errors.New("answered " + resp.Status)
	default:
		return fmt.Errorf("answered %s: %s", resp.Status, upstream.Excerpt(body))
	}
}

// strange describes a 200 with something that is no answer.
func (x *exchange) strange() error {
	body, err := io.ReadAll(io.LimitReader(x.resp.Body, maxRefusal))
	if err != nil {
		body = nil // the type says enough
	}
	kind := x.resp.Header.Get("Content-Type")
	return fmt.Errorf("answered 200 with %q, neither %s nor %s: %s", kind, jsonType, eventStream, upstream.Excerpt(body))
}
