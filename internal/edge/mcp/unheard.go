package mcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

const (
	// keepingUnheard is how long an answer is kept that nobody heard, and the
	// time in which so many of one person are.
	keepingUnheard = 5 * time.Minute
	maxUnheard     = 32
	// maxUnheardBytes bounds one of them.
	maxUnheardBytes = 512 << 10
)

// An unheardAnswer is one whose stream broke before it was heard.
type unheardAnswer struct {
	Owner   ostiary.Subject `json:"sub,omitempty"`
	N       int             `json:"n"`   // its number in the stream
	Message []byte          `json:"msg"` // byte for byte
	Ends    time.Time       `json:"end"`
}

const kindUnheard store.Kind = "mcp-unheard"

// Row implements store.Rower.
func (u unheardAnswer) Row() store.Row { return store.Row{Owner: u.Owner, Expires: u.Ends} }

// unheard keeps such answers where every instance finds them: the client comes
// back to any.
type unheard struct {
	*Handler
	table store.Table[unheardAnswer]
	bells bells
}

func newUnheard(h *Handler) *unheard {
	return &unheard{Handler: h, table: store.NewTable[unheardAnswer](h.config.DB, kindUnheard)}
}

func unheardKey(t *session, stream string) string { return t.Key + " " + stream }

// keep writes an answer down. One that has no room is lost, as it would be
// without all this: that the call has ended is recorded elsewhere.
func (u *unheard) keep(ctx context.Context, t *session, at eventID, message []byte) {
	if err := u.tryKeep(ctx, t, at, message); err != nil {
		u.config.Logger.Warn("an answer that its client did not hear could not be kept", "error", err)
	}
}

func (u *unheard) tryKeep(ctx context.Context, t *session, at eventID, message []byte) error {
	if len(message) > maxUnheardBytes {
		return fmt.Errorf("%d bytes are more than %d", len(message), maxUnheardBytes)
	}
	var tx store.Tx
	ends := u.clock.Now().Add(keepingUnheard)
	err := u.table.Put(ctx, &tx, unheardKey(t, at.Stream), unheardAnswer{Owner: t.Holder.Subject, N: at.N, Message: message, Ends: ends})
	if err != nil {
		return err
	}
	tx.Add(store.Add{Counter: fmt.Sprintf("unheard %q %q", t.Holder.Tenant, t.Holder.Subject), Delta: 1, Max: maxUnheard, Expires: ends})
	_, err = u.config.DB.Commit(ctx, tx)
	return err
}

// awaiting is how long a stream waits for an answer of another instance. Its
// client may then come back once more.
const awaiting = 2 * time.Minute

// resume goes on with the stream of an answer: here where the call is under
// way, else with what is or will be kept of it.
func (x *exchange) resume(t *session, from eventID) {
	whose := ownerOf(x.who)
	if !x.changes.join(whose) {
		x.write(x.failed(http.StatusServiceUnavailable, nil, wire.CodeInternalError, "No more streams can be held open."))
		return
	}
	defer x.changes.leave(whose)
	kept, stop := x.unheard.bells.listen(x.unheard.table.Key(unheardKey(t, from.Stream)))
	defer stop()
	x.beginEvents()
	if !x.pushWithin(wire.AppendComment(nil), hearing) {
		return
	}
	var ended <-chan struct{}
	if r := x.replays.find(t, from.Stream); r != nil {
		ended = r.ended
		r.attach(x, from.N)
		defer r.detach(x)
	}
	if ended != nil || !x.sayUnheard(t, from) {
		x.await(t, from, ended, kept)
	}
}

// await stays until the answer was said, the client may hear it no longer, or
// it has waited for long enough.
func (x *exchange) await(t *session, from eventID, ended, kept <-chan struct{}) {
	recheck := time.NewTicker(rechecking)
	defer recheck.Stop()
	for beat := 1; ended != nil || time.Duration(beat)*rechecking < awaiting; {
		select {
		case <-x.r.Context().Done():
			return
		case <-x.changes.closed:
			return
		case <-ended:
			return
		case <-kept:
			if x.sayUnheard(t, from) {
				return
			}
		case <-recheck.C:
			beat++
			if !x.mayListen(t) {
				x.cutOff()
				return
			}
		}
	}
}

// sayUnheard says the answer that was kept, if there is one.
func (x *exchange) sayUnheard(t *session, from eventID) bool {
	u, _, err := x.unheard.table.Get(x.r.Context(), unheardKey(t, from.Stream))
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			x.config.Logger.Error("an answer that its client did not hear could not be read", "error", err)
		}
		return false
	}
	if u.N > from.N {
		x.push(x.sessions.event(t.inAnswer(from.Stream, u.N), u.Message, 0))
	}
	return true
}
