package mcp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// maxPins bounds the calls of this process that wait for their clients to
	// come back, and maxOwnPins those of one person.
	maxPins    = 1000
	maxOwnPins = 20
)

// errAway is why a call ended whose client did not come back.
var errAway = errors.New("the client did not come back in time")

// A pin is a call of an upstream with sessions, made for a client without:
// when the upstream asks something, the client is sent away with the question,
// and the call waits here until it comes back.
type pin struct {
	id     string
	owner  owner
	cancel context.CancelCauseFunc
	wake   chan struct{} // has room for one: something was asked
	done   chan struct{} // closed once the call has ended, and that is recorded

	mu    sync.Mutex
	asked int
	open  []pinned
	first *guard.Pass // of the round that began the call, once its client is away
	over  bool
	reply upstream.Reply // valid once done is closed
	err   error
	away  *time.Timer // while the client is away
}

// A pinned is a question that the upstream waits with.
type pinned struct {
	key      string
	question *upstream.Question
}

func newPin(o owner, cancel context.CancelCauseFunc) *pin {
	return &pin{owner: o, cancel: cancel, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// ask takes a question of the upstream. It does not block.
func (p *pin) ask(u *upstream.Question) {
	p.mu.Lock()
	p.asked++
	p.open = append(p.open, pinned{"elicitation-" + strconv.Itoa(p.asked), u})
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// end takes what came of the call. Nobody else may be there to record it.
func (p *pin) end(ctx context.Context, reply upstream.Reply, err error) {
	p.mu.Lock()
	p.over, p.reply, p.err = true, reply, err
	first := p.first
	p.mu.Unlock()
	if first != nil {
		first.Done(ctx, endOf(reply, err), reply.Bytes)
	}
	close(p.done)
}

// endOf tells how a call ended.
func endOf(reply upstream.Reply, err error) audit.Status {
	switch {
	case err != nil:
		return statusOf(err)
	case reply.Err != nil || isError(reply.Result):
		return audit.StatusError
	}
	return audit.StatusOK
}

// next waits until the upstream asks something, or the call has ended: then
// there is nothing to ask. A client that hangs up ends the call.
func (p *pin) next(ctx context.Context) []pinned {
	for {
		if open := p.waiting(); len(open) > 0 && ctx.Err() == nil {
			return open
		}
		select {
		case <-p.wake:
		case <-p.done:
			return nil
		case <-ctx.Done():
			p.cancel(context.Cause(ctx))
			<-p.done
			return nil
		}
	}
}

// waiting are the questions that the upstream waits with.
func (p *pin) waiting() []pinned {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = slices.DeleteFunc(p.open, func(o pinned) bool { return isOver(o.question) })
	return slices.Clone(p.open)
}

func isOver(u *upstream.Question) bool {
	select {
	case <-u.Gone():
		return true
	default:
		return false
	}
}

// answer hands over what the client brought. What it did not bring is asked
// again.
func (p *pin) answer(responses []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = slices.DeleteFunc(p.open, func(o pinned) bool {
		raw, has := wire.Lookup(responses, o.key)
		return has && o.question.Answer(raw)
	})
}

// pins are the calls that wait for their clients. The zero value is ready.
type pins struct {
	mu     sync.Mutex
	byID   map[string]*pin
	own    map[owner]int
	closed bool
}

// hold keeps a call while its client is away. first is the pass of the round
// that sends it away; that of the first counts for the whole call. false: the
// call has ended by now, or too many wait already.
func (h *pins) hold(p *pin, id string, first *guard.Pass) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || h.closed || len(h.byID) >= maxPins || h.own[p.owner] >= maxOwnPins {
		return false
	}
	if h.byID == nil {
		h.byID, h.own = map[string]*pin{}, map[owner]int{}
	}
	p.id = id
	if p.first == nil {
		p.first = first
	}
	h.byID[id] = p
	h.own[p.owner]++
	p.away = time.AfterFunc(answering, func() { h.lose(id, errAway) })
	return true
}

// take gives the call to the client that came back for it; nil: it is not
// here, or no longer.
func (h *pins) take(id string) *pin {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.byID[id]
	if p != nil {
		h.remove(p)
	}
	return p
}

// remove is called with the lock held.
func (h *pins) remove(p *pin) {
	p.away.Stop()
	delete(h.byID, p.id)
	if h.own[p.owner]--; h.own[p.owner] == 0 {
		delete(h.own, p.owner)
	}
}

// lose ends a call whose client is away, unless that has just come back.
func (h *pins) lose(id string, why error) {
	if p := h.take(id); p != nil {
		p.cancel(why)
		<-p.done
	}
}

// close ends the calls whose clients are away, and waits for them.
func (h *pins) close() {
	h.mu.Lock()
	h.closed = true
	away := slices.Collect(maps.Keys(h.byID))
	h.mu.Unlock()
	for _, id := range away {
		h.lose(id, errStopping)
	}
}

// pinnable says whether a call may have to wait for its client to come back:
// the client is of the era without sessions, and the upstream, for all that is
// known, is not.
func (q *question) pinnable(app string) bool {
	return q.stateless() && q.m.Method != wire.MethodComplete &&
		q.asks(app)&upstream.AskElicitation != 0 && !wire.Stateless(q.config.Upstreams.Era(app))
}

// beginPin makes a call that goes on without its client.
func (q *question) beginPin(ctx context.Context, req upstream.Request, t target, a guard.Answer) *pin {
	life, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	p := newPin(ownerOf(q.who), cancel)
	req.Ask = p.ask
	go func() {
		defer cancel(nil)
		defer func() {
			if cause := recover(); cause != nil {
				q.config.Logger.Error("a call made the gateway panic", "call_id", a.Call.ID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
				p.end(life, upstream.Reply{}, errors.New("the gateway panicked"))
			}
		}()
		reply, err := q.config.Upstreams.Call(life, t.tool.App, callerOf(a), req)
		p.end(life, reply, err)
	}()
	return p
}

// sendPinned makes a call whose upstream may ask something in between, or goes
// on with one. A client whose call is not here any more hears that nobody
// knows what became of it: it is not made a second time.
func (q *question) sendPinned(ctx context.Context, t target, a guard.Answer, req upstream.Request, end *ending) (answer, *input) {
	p := q.pinOf(ctx, t, a, req)
	if p == nil {
		end.status = audit.StatusNotSent
		return q.toldPlainly("The app " + t.tool.App + " no longer waits for an answer to this call. Whether " + string(t.tool.ID) + " has run is not known: look before calling again. (" + string(a.Call.ID) + ")"), nil
	}
	for {
		open := p.next(ctx)
		if open == nil {
			return q.arrived(ctx, t, a, p.reply, p.err, end)
		}
		if out, ok := q.sendAway(a, p, open, end); ok {
			return out, nil
		}
	}
}

func (q *question) pinOf(ctx context.Context, t target, a guard.Answer, req upstream.Request) *pin {
	if q.came == nil || q.came.Kind != statePin {
		return q.beginPin(ctx, req, t, a)
	}
	p := q.pins.take(q.came.Round.Pin)
	if p != nil {
		p.answer(q.m.InputResponses)
	}
	return p
}

// sendAway answers a client with what its upstream asks, and keeps the call.
// Where that can't be, the upstream is told so.
func (q *question) sendAway(a guard.Answer, p *pin, open []pinned, end *ending) (answer, bool) {
	id := ostiary.NewID("pin")
	sealed, err := q.seal(a, statePin, q.nextPin(a, id))
	if err != nil {
		q.config.Logger.Error("a request state could not be sealed", "call_id", a.Call.ID, "error", err)
	}
	began := q.came == nil || q.came.Kind != statePin
	if err != nil || !q.pins.hold(p, id, a.Pass) {
		for _, o := range open {
			o.question.Refuse(wire.CodeInternalError, "the client can't be asked just now")
		}
		return answer{}, false
	}
	end.status = audit.StatusOK
	if began {
		end.pass = nil // the pin has it
	}
	dst := []byte(`{"inputRequests":{`)
	for i, o := range open {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(wire.AppendString(dst, o.key), `:{"method":`...)
		dst = append(wire.AppendString(dst, o.question.Method), `,"params":`...)
		dst = append(append(dst, uncrossed(o.question.Params)...), '}')
	}
	dst = wire.AppendString(append(dst, `},"requestState":`...), sealed)
	return q.answered(q.typed(dst, inputRequired)), true
}

// uncrossed are the params of a question as a client without a transport
// session reads them.
func uncrossed(params []byte) []byte {
	if params == nil {
		return []byte("{}")
	}
	without, err := wire.NewEdit(params).Drop("elicitationId").Drop("task").Drop("_meta").Bytes()
	if err != nil {
		return []byte("{}")
	}
	return without
}
