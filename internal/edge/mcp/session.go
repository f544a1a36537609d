package mcp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

// sessionLife is how long a transport session is good: its client begins
// another when it is told that it doesn't exist.
const sessionLife = 30 * 24 * time.Hour

// A session is a transport session (Mcp-Session-Id): what initialize agreed
// on. Its id is the session itself, sealed.
type session struct {
	Key      string             `json:"key"` // names its end in storage
	Holder   holder             `json:"for"`
	Endpoint catalogue.Endpoint `json:"at,omitempty"`
	Version  string             `json:"ver"`
	Asks     upstream.Asks      `json:"ask,omitempty"` // what the client declared that it can be asked
	Ends     int64              `json:"end"`           // unix seconds

	record record // what storage says of it
	// by is the authorization session that whoever comes now has.
	by ostiary.SessionID
}

// sessions makes and knows transport sessions.
type sessions struct {
	*records
	clock  ostiary.Clock
	sealer sealer
	events sealer
}

func newSessions(db *store.DB) *sessions {
	return &sessions{
		newRecords(db), db.Clock(),
		newSealer(db.DeriveKey("transport session"), "transport session"), newSealer(db.DeriveKey("event id"), "event id"),
	}
}

func (s *sessions) create(p *ostiary.Principal, e catalogue.Endpoint, version string, asks upstream.Asks) (string, error) {
	return s.sealer.seal(session{
		Key: ostiary.NewID("mcp"), Holder: clientOf(p), Endpoint: e, Version: version, Asks: asks,
		Ends: s.clock.Now().Add(sessionLife).Unix(),
	})
}

// clientOf is a holder whatever their authorization session: an agent that was
// given more goes on with the token of another one, and that it knows the id
// shows that it is the same. Personal tokens are one client, and never change.
func clientOf(p *ostiary.Principal) holder {
	h := holderOf(p)
	if h.Client != identity.PersonalClient {
		h.Session = ""
	}
	return h
}

// errNoSession means that a session does not exist: never, no longer, or not
// for who asks. Which of these is told to nobody.
var errNoSession = errors.New("no such session")

// open returns the session of an id if it is the holder's own and goes on.
func (s *sessions) open(ctx context.Context, id string, p *ostiary.Principal, e catalogue.Endpoint) (*session, error) {
	var t session
	if err := s.sealer.open(id, &t); err != nil {
		return nil, errNoSession
	}
	if t.Holder != clientOf(p) || t.Endpoint != e || s.clock.Now().Unix() >= t.Ends {
		return nil, errNoSession
	}
	t.by = p.Session
	var err error
	t.record, err = s.check(ctx, t.Key)
	return &t, err
}

// check looks what is remembered of a session, and whether it was ended, here
// or elsewhere.
func (s *sessions) check(ctx context.Context, key string) (record, error) {
	rec, err := s.of(ctx, key)
	if err == nil && rec.Over {
		err = errNoSession
	}
	return rec, err
}

// end writes down that a session is over, for as long as its id could still
// be opened.
func (s *sessions) end(ctx context.Context, t *session) error {
	return s.change(ctx, t, func(r *record) bool {
		*r = record{Owner: r.Owner, Ends: r.Ends, Over: true}
		return true
	})
}

// session finds the transport session that a request belongs to. Without one
// a server that needs it answers 400, and 404 when it has ended (2025-11-25
// basic/transports, session management).
func (x *exchange) session(id []byte) (*session, string, *answer) {
	values := x.r.Header[wire.HeaderSession]
	if len(values) != 1 {
		a := x.failed(http.StatusBadRequest, id, wire.CodeInvalidRequest, "One Mcp-Session-Id header is needed: begin with initialize.")
		return nil, "", &a
	}
	s, err := x.sessions.open(x.r.Context(), values[0], x.who, x.endpoint)
	if err == nil {
		return s, s.Key, nil
	}
	a := x.failed(http.StatusNotFound, id, wire.CodeInvalidRequest, "There is no such session. Begin another with initialize.")
	if !errors.Is(err, errNoSession) {
		x.config.Logger.Error("a transport session could not be checked", "error", err)
		a = x.unavailable(id, "Ostiary can't check sessions just now. Nothing was called. Try again later.")
	}
	return nil, "", &a
}

// delete ends a transport session.
func (x *exchange) delete() {
	if values := x.r.Header[wire.HeaderVersion]; len(values) == 1 && wire.Stateless(values[0]) {
		x.notAllowed()
		return
	}
	if !x.admitted() {
		return
	}
	s, _, refusal := x.session(nil)
	if refusal != nil {
		x.write(*refusal)
		return
	}
	if err := x.sessions.end(x.r.Context(), s); err != nil {
		x.config.Logger.Error("a transport session could not be ended", "error", err)
		x.write(x.unavailable(nil, "The session could not be ended just now."))
		return
	}
	x.write(answer{status: http.StatusNoContent})
}
