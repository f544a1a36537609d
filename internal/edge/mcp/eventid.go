package mcp

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/wire"
)

// An eventID says of an event of a session what its client has heard by then,
// so that it can go on from there, at any instance. It is sealed: nobody can
// make one, and another session's is good for nothing.
type eventID struct {
	Session string `json:"s"`
	// Stream is that of an answer, N the number of the message in it, and For
	// the authorization session that asked: nobody else hears the answer.
	Stream string            `json:"r,omitempty"`
	N      int               `json:"n,omitempty"`
	For    ostiary.SessionID `json:"f,omitempty"`
	// Lists are those that the client knows, on a stream that belongs to no
	// request.
	Lists []fingerprint `json:"l,omitempty"`
}

// MarshalText implements encoding.TextMarshaler.
func (f fingerprint) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, f[:]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *fingerprint) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.AppendDecode(nil, text)
	if err != nil || len(raw) != len(f) {
		return fmt.Errorf("fingerprint %q: %w", text, errSeal)
	}
	copy(f[:], raw)
	return nil
}

// event is a message as an event with an id. Without a message it only tells
// the client from where it may go on, and with retry when.
func (s *sessions) event(id eventID, message []byte, retry time.Duration) []byte {
	sealed, err := s.events.seal(id)
	if err != nil {
		sealed = "" // of strings and numbers; without it the client can't go on from here
	}
	raw, _ := wire.AppendEvent(nil, wire.Event{ID: sealed, Data: message, Retry: retry}) // there is no line break in it
	return raw
}

// lastEvent reads what the client heard last; not ok for what is none of the
// session's own.
func (x *exchange) lastEvent(t *session) (id eventID, ok bool) {
	values := x.r.Header[wire.HeaderLastEvent]
	if len(values) == 0 {
		return eventID{}, true
	}
	if len(values) > 1 || x.sessions.events.open(values[0], &id) != nil || id.Session != t.Key || id.Stream != "" && id.For != t.by {
		return eventID{}, false
	}
	return id, true
}

// inAnswer is the id of a message of an answer.
func (t *session) inAnswer(stream string, n int) eventID {
	return eventID{Session: t.Key, Stream: stream, N: n, For: t.by}
}
