package mcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/wire"
)

// readingTime is how long a client may take to send a body.
const readingTime = 30 * time.Second

// An exchange is one HTTP request and its response.
type exchange struct {
	*Handler
	w        http.ResponseWriter
	r        *http.Request
	endpoint catalogue.Endpoint
	resource string // what a token must be for: "/mcp"

	leash    leash
	begun    bool // something of the response was written
	hasToken bool
	token    string
	addr     netip.Addr
	who      *ostiary.Principal // as they came to the door
	// absent identifies who is no longer at the door: the call of a task goes
	// on without its client. nil: they are there.
	absent func(context.Context) (*ostiary.Principal, error)
}

// post takes one message, or a batch of the one revision that has them. Who may
// come in is asked first: what looks for the 401 sends nothing in particular.
func (x *exchange) post() {
	if !x.admitted() || !x.acceptable() {
		return
	}
	body, ok := x.body()
	if !ok {
		return
	}
	m, err := wire.Parse(body)
	switch {
	case errors.Is(err, wire.ErrBatch):
		x.batch(body)
	case err != nil:
		x.write(x.malformed(m.ID, err))
	default:
		x.message(&m)
	}
}

// acceptable refuses bodies that say they are no JSON, and clients that say
// they can't read any.
func (x *exchange) acceptable() bool {
	if types := x.r.Header["Content-Type"]; len(types) != 1 || !isJSON(types[0]) {
		x.write(x.failed(http.StatusUnsupportedMediaType, nil, wire.CodeInvalidRequest, "Content-Type must be application/json, once."))
		return false
	}
	// Who decodes the body on the way would see another message than we do.
	if codings := x.r.Header["Content-Encoding"]; len(codings) > 0 {
		x.write(x.failed(http.StatusUnsupportedMediaType, nil, wire.CodeInvalidRequest, "Content-Encoding is not supported: send the message as it is."))
		return false
	}
	if accepts := x.r.Header["Accept"]; len(accepts) > 0 && !x.accepts("application/json") {
		x.write(x.failed(http.StatusNotAcceptable, nil, wire.CodeInvalidRequest, "Accept must list application/json and text/event-stream."))
		return false
	}
	return true
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	kind, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return err == nil && kind == "application/json" && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// accepts says whether the client lists a media type; parameters don't count.
func (x *exchange) accepts(kind string) bool {
	group, _, _ := strings.Cut(kind, "/")
	for _, value := range x.r.Header["Accept"] {
		for item := range strings.SplitSeq(value, ",") {
			item, _, _ = strings.Cut(item, ";")
			item = strings.TrimSpace(item)
			if strings.EqualFold(item, kind) || item == "*/*" || strings.EqualFold(item, group+"/*") {
				return true
			}
		}
	}
	return false
}

// admitted finds out who is asking and turns away who may not come in at all.
func (x *exchange) admitted() bool {
	x.readToken()
	x.addr = x.config.ClientAddr(x.r)
	p, err := x.identify(x.r.Context())
	if err != nil {
		x.config.Logger.Error("a caller could not be identified", "error", err)
		x.write(x.unavailable(nil, "Ostiary can't check tokens just now. Nothing was called. Try again later."))
		return false
	}
	if p == nil || !p.For(x.resource) {
		x.turnAway(p)
		return false
	}
	x.who = p
	return true
}

// stays turns away who may not come in any more by what storage has now: a call
// is held to that when it is committed, and nothing else is committed.
func (x *exchange) stays(id []byte) bool {
	p, err := x.config.Guard.Present(x.r.Context(), x.who, x.identify)
	if err != nil {
		x.config.Logger.Error("a caller could not be looked up again", "error", err)
		x.write(x.unavailable(id, "Ostiary can't check tokens just now. Nothing was called. Try again later."))
		return false
	}
	if p == nil || !p.For(x.resource) {
		x.write(x.unauthenticated(id))
		return false
	}
	x.who = p
	return true
}

// turnAway answers who may not come in: nobody, or somebody whose token is
// for another endpoint, which identity can't know.
func (x *exchange) turnAway(p *ostiary.Principal) {
	if p != nil && x.hasToken {
		if err := x.config.Identity.Elsewhere(x.r.Context(), x.token, x.addr); err != nil {
			x.config.Logger.Error("a token for another endpoint could not be recorded", "error", err)
		}
	}
	x.write(x.unauthenticated(nil))
}

// readToken takes the bearer token. What is not exactly one of the form of
// RFC 6750 section 2.1 is a token that is not good.
func (x *exchange) readToken() {
	values := x.r.Header["Authorization"]
	if len(values) == 0 {
		return
	}
	x.hasToken = true
	scheme, token, ok := strings.Cut(values[0], " ")
	if ok && len(values) == 1 && strings.EqualFold(scheme, "Bearer") {
		x.token = token
	}
}

// identify builds the principal; nil means that nobody is there.
func (x *exchange) identify(ctx context.Context) (*ostiary.Principal, error) {
	if x.absent != nil {
		return x.absent(ctx)
	}
	if !x.hasToken {
		return x.config.Identity.Anonymous(ctx)
	}
	p, err := x.config.Identity.Bearer(ctx, x.token, x.addr)
	if errors.Is(err, identity.ErrInvalidToken) {
		return nil, nil
	}
	return p, err
}

// body reads the whole body, before anything is done about it.
func (x *exchange) body() ([]byte, bool) {
	limit := x.config.MaxBody
	if x.r.ContentLength > limit {
		x.write(x.tooLarge())
		return nil, false
	}
	control := http.NewResponseController(x.w)
	// Deadlines of sockets are the machine's; without one a client could
	// hold this goroutine for ever. Some writers know none: then the
	// listener has to bound reading.
	_ = control.SetReadDeadline(ostiary.SystemClock{}.Now().Add(readingTime))
	body, err := x.readAll(limit)
	if err != nil {
		x.unreadable(err)
		return nil, false
	}
	_ = control.SetReadDeadline(time.Time{})
	return body, true
}

// unreadable answers a body that did not come as it should. What is left of it
// is not waited for, neither before the answer nor behind it, where net/http
// would read on: the connection ends, and the deadline stays.
func (x *exchange) unreadable(err error) {
	x.w.Header().Set("Connection", "close")
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		x.write(x.tooLarge())
		return
	}
	x.write(x.failed(http.StatusBadRequest, nil, wire.CodeInvalidRequest, "The body could not be read."))
}

func (x *exchange) tooLarge() answer {
	return x.failed(http.StatusRequestEntityTooLarge, nil, wire.CodeInvalidRequest, fmt.Sprintf("The message is larger than %d bytes.", x.config.MaxBody))
}

// readAll reads in one piece where the length is known.
func (x *exchange) readAll(limit int64) ([]byte, error) {
	if x.r.ContentLength < 0 {
		return io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, limit))
	}
	body := make([]byte, x.r.ContentLength)
	_, err := io.ReadFull(x.r.Body, body)
	return body, err
}

// values returns all values of a header whose name is written canonically.
func (x *exchange) values(name string) []string { return x.r.Header[name] }
