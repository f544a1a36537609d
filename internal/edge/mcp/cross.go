package mcp

import (
	"context"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// firstPause is how long an upstream is left alone that asks for nothing
	// but to be called again; each further pause is twice as long.
	firstPause = time.Second
	maxPauses  = 4
)

// askAndGoOn asks a client with a transport session, on the stream of its
// call, what a stateless upstream wants, and goes on with the call as a client
// of that era would: decided anew, in a further round.
func (q *question) askAndGoOn(ctx context.Context, t target, a guard.Answer, in input) answer {
	brought, why := q.gather(ctx, a, in)
	if why != "" {
		return q.toldPlainly(why)
	}
	if ctx.Err() != nil {
		return q.abandoned(ctx)
	}
	q.came, q.brought = &state{Kind: stateRound, Round: q.next(a, in.state)}, brought
	return q.goOn(ctx, t, q.config.Guard.Admit(ctx, q.request(t)))
}

// gather brings the answers of the client, as inputResponses; or says why
// there are none.
func (q *question) gather(ctx context.Context, a guard.Answer, in input) (responses []byte, why string) {
	if len(in.requests) == 0 {
		return nil, q.pause(ctx, a)
	}
	asker := newAsker(q)
	all := make([]*inquiry, len(in.requests))
	for i, r := range in.requests {
		all[i] = newInquiry()
		defer context.AfterFunc(ctx, all[i].end)()
		asker.put(all[i], r.method, crossed(r))
	}
	asker.open.Wait()
	dst := []byte{'{'}
	for i, r := range in.requests {
		if all[i].refused != "" {
			return nil, "The app " + a.Call.Tool.App + " asked for something, and " + all[i].refused + ". The call ends here. (" + string(a.Call.ID) + ")"
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(wire.AppendString(dst, r.key), ':'), all[i].answer...)
	}
	return append(dst, '}'), ""
}

// pause waits where an upstream gave nothing but a state.
func (q *question) pause(ctx context.Context, a guard.Answer) (why string) {
	q.pauses++
	if q.pauses > maxPauses {
		return "The app " + a.Call.Tool.App + " is too busy for this call just now. Try again later. (" + string(a.Call.ID) + ")"
	}
	timer := time.NewTimer(firstPause << (q.pauses - 1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ""
}

// crossed are the params of a question as a client with a transport session
// reads them. There an elicitation by a link has an id; nothing is ever said
// of it, since the upstream has no such id.
func crossed(r inputRequest) []byte {
	params := ownless(r.params)
	if r.needs != upstream.AskURL {
		return params
	}
	with, err := wire.NewEdit(params).SetText(ostiary.NewID("eli"), "elicitationId").Bytes()
	if err != nil {
		return params
	}
	return with
}

// An inquiry is what the gateway asks a client in an upstream's stead.
type inquiry struct {
	once    sync.Once
	gone    chan struct{}
	answer  []byte // valid once gone is closed
	refused string // why there is no answer; "" there is one
}

func newInquiry() *inquiry { return &inquiry{gone: make(chan struct{})} }

func (i *inquiry) settle(answer []byte, refused string) (first bool) {
	i.once.Do(func() {
		first = true
		i.answer, i.refused = answer, refused
		close(i.gone)
	})
	return first
}

// Gone implements query.
func (i *inquiry) Gone() <-chan struct{} { return i.gone }

// Answer implements query.
func (i *inquiry) Answer(result []byte) bool { return i.settle(result, "") }

// Fail implements query. Input responses have no errors: a client that fails
// to ask its person is as one whose person gave no answer.
func (i *inquiry) Fail([]byte) bool { return i.settle([]byte(`{"action":"cancel"}`), "") }

// Refuse implements query.
func (i *inquiry) Refuse(_ int, why string) bool { return i.settle(nil, why) }

// end is the end of the call.
func (i *inquiry) end() { i.settle(nil, "the call has ended") }
