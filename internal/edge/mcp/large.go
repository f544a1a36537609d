package mcp

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/wire"
)

// complete is the result type of what came of a call.
const complete = "complete"

var errNobodyReads = errors.New("the client is gone or reads too slowly")

// A large result is on its way to the client while it is read: as JSON, or as
// the last event of a stream. What is written stays no JSON, and no event,
// until all of it was found to be good.
type large struct {
	q      *question
	p      *wire.Passage
	failed *bool   // what the tool says of itself; nil: nothing yet
	kind   *string // of the result, as the upstream says; nil: nothing yet
	events bool
	replay *replay // of the stream of a session; nil: there is none
	to     *exchange
	lost   bool // nobody reads any more
	broken bool // it can't be brought to its end
	// spoken is the whole message, as far as it can be kept for who comes back.
	spoken []byte
}

// Pass implements upstream.Passer. It is left whole what asks for something,
// or may.
func (q *question) Pass(p *wire.Passage, version string) (taken bool, err error) {
	l := &large{q: q, p: p}
	typed := wire.Stateless(version)
	if typed && asks(p) {
		return false, nil
	}
	q.large = l
	l.edit(typed)
	l.begin()
	err = p.Copy(l)
	if err == nil {
		err = l.finish()
	}
	l.broken = err != nil || l.lost
	return true, err
}

// asks says whether a result is something else than what came of a call, as
// far as its head tells.
func asks(p *wire.Passage) bool {
	kind, ok := p.Text("resultType")
	if ok {
		return kind != complete
	}
	return slices.ContainsFunc(p.Names(), func(key string) bool {
		return key == "resultType" || key == "inputRequests" || key == "requestState" || key == "taskId"
	})
}

// edit has the same changed as ownResult does.
func (l *large) edit(typed bool) {
	l.p.Edit("isError", func(old []byte) ([]byte, error) {
		if old != nil {
			if err := l.q.checkFailed(old); err != nil {
				return nil, err
			}
		}
		if old != nil && l.failed == nil {
			l.failed = new(string(old) == "true")
		}
		return old, nil
	})
	if typed || l.q.stateless() {
		l.p.Edit("resultType", func(old []byte) ([]byte, error) { return l.typed(old, typed) })
	}
	if l.q.stateless() && l.q.m.Method == wire.MethodResourcesRead {
		l.p.Edit("cacheScope", func([]byte) ([]byte, error) { return []byte(`"private"`), nil })
		l.p.Edit("ttlMs", func(old []byte) ([]byte, error) {
			if old == nil {
				return []byte("0"), nil
			}
			return old, nil
		})
	}
	l.p.Edit("_meta", l.meta)
}

// typed holds the upstream to the type that was taken for granted.
func (l *large) typed(old []byte, typed bool) ([]byte, error) {
	if old != nil && l.kind == nil && typed {
		kind, _ := wire.Text(old)
		l.kind = &kind
		if kind != complete {
			return nil, errInput
		}
	}
	if !l.q.stateless() {
		return old, nil
	}
	return []byte(`"` + complete + `"`), nil
}

// meta does what ownMeta does.
func (l *large) meta(old []byte) ([]byte, error) {
	trace := l.q.m.Meta.Trace
	if old == nil && !trace {
		return nil, nil
	}
	if old == nil {
		old = []byte("{}")
	}
	if err := checkMeta(old); err != nil || !wire.IsObject(old) {
		return old, err
	}
	e := wire.NewEdit(old)
	if mentionsUs(old) {
		e.Drop(wire.MetaDecision)
	}
	if trace {
		e.Set(append(wire.AppendString([]byte(`{"call_id":`), string(l.q.callID)), '}'), wire.MetaDecision)
	}
	return e.Bytes()
}

// begin writes what stands before the result.
func (l *large) begin() {
	x := l.q.exchange
	l.to = x
	head, _ := answer{id: l.q.m.ID, result: []byte("{}")}.parts()
	l.events = l.q.events != nil && l.q.events.drain()
	if !l.events {
		x.begun = true
		x.w.Header()["Content-Type"] = jsonType
		x.w.WriteHeader(http.StatusOK)
		x.keepAsking()
		_, _ = l.Write(head) // whether anybody reads is seen with the rest
		return
	}
	if l.replay = l.q.events.replay; l.replay != nil {
		var id []byte
		l.to, id = l.replay.next()
		l.lost = l.to == nil
		l.raw(id)
	}
	l.raw([]byte("data: "))
	_, _ = l.Write(head)
}

// Write implements io.Writer for what was found to be good. Where a client may
// come back, its going away is no error: the call runs to its end.
func (l *large) Write(piece []byte) (int, error) {
	if l.replay != nil && len(l.spoken) <= maxUnheardBytes {
		l.spoken = append(l.spoken, piece...)
	}
	out := piece
	if l.events && bytes.ContainsAny(piece, "\r\n") { // between tokens only
		out = inLines(piece)
	}
	l.raw(out)
	if l.lost && l.q.client.session == nil {
		return 0, errNobodyReads
	}
	return len(piece), nil
}

// inLines writes line breaks as those between lines of an event's data.
func inLines(piece []byte) []byte {
	piece = bytes.ReplaceAll(piece, []byte("\r"), nil)
	return bytes.ReplaceAll(piece, []byte("\n"), []byte("\ndata: "))
}

// raw writes bytes as they are, to whoever hears them.
func (l *large) raw(piece []byte) {
	switch {
	case l.lost || len(piece) == 0:
	case l.replay != nil:
		l.lost = !l.replay.pour(l.to, piece)
	default:
		l.lost = !l.to.pour(piece)
	}
}

// finish writes what stands behind the result.
func (l *large) finish() error {
	_, err := l.Write(closing)
	if err == nil && l.events {
		l.raw([]byte("\n\n"))
	}
	if l.lost && l.q.client.session == nil {
		return errNobodyReads
	}
	return err
}

// pour writes a piece of an answer. A client may take its time for the whole,
// and no more than so much for a piece.
func (x *exchange) pour(piece []byte) bool {
	control := http.NewResponseController(x.w)
	if !x.mayWrite(control, ostiary.SystemClock{}.Now().Add(writingTime)) {
		return false
	}
	_, err := x.w.Write(piece)
	if err == nil && len(piece) < buffered {
		err = control.Flush()
	}
	_ = control.SetWriteDeadline(time.Time{})
	return err == nil && x.r.Context().Err() == nil
}

// passedOn ends a call whose result was passed on while it came, whole or not.
func (q *question) passedOn(ctx context.Context, t target, a guard.Answer, err error, end *ending) answer {
	l := q.large
	end.bytes = l.p.Bytes()
	if err != nil {
		end.status = statusOf(err)
		if errors.Is(err, errNobodyReads) {
			return answer{gone: true} // that was not the upstream's fault
		}
		out := q.failedUpstream(ctx, t, a, err)
		if l.replay == nil {
			return answer{gone: true} // what was said can't be taken back
		}
		l.replay.detach(l.to)
		return out
	}
	end.status = audit.StatusOK
	if l.failed != nil && *l.failed {
		end.status = audit.StatusError
	}
	if l.replay != nil {
		l.replay.poured(ctx, l)
	}
	return answer{gone: true}
}

// breakOff ends a response that can't be brought to its end, so that nobody
// takes it for whole.
func (q *question) breakOff() {
	if q.large != nil && q.large.broken {
		panic(http.ErrAbortHandler)
	}
}
