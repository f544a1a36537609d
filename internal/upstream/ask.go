package upstream

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"

	"github.com/ostiary/ostiary/internal/wire"
)

// maxQuestions is how often an upstream may ask while it works on one call.
const maxQuestions = 16

// A Question is a request of an upstream that belongs to a call under way. It
// is answered once at most: by its receiver, by the upstream that takes it
// back, or by the end of the call.
type Question struct {
	Method string
	Params []byte // JSON, as it came; nil: none

	id   string // the upstream's, as JSON
	conn *conn
	in   *call
	over atomic.Bool
	gone chan struct{}
}

// Gone is closed when nobody waits for an answer any more, for whatever
// reason: it was given, the upstream took the question back, or the call has
// ended.
func (q *Question) Gone() <-chan struct{} { return q.gone }

// Answer sends a result, which is JSON and not to be changed afterwards. It
// does not wait for the upstream; false means that nobody waits for it.
func (q *Question) Answer(result []byte) bool {
	return q.settle(wire.AppendResult(nil, []byte(q.id), result))
}

// Fail sends an error object of the client's, which is JSON.
func (q *Question) Fail(object []byte) bool {
	return q.settle(wire.AppendErrorResponse(nil, []byte(q.id), object))
}

// Refuse sends an error of ours.
func (q *Question) Refuse(code int, message string) bool {
	return q.settle(wire.AppendError(nil, []byte(q.id), code, message, nil))
}

// settle ends the question, with an answer unless that is nil.
func (q *Question) settle(body []byte) bool {
	if q.over.Swap(true) {
		return false
	}
	q.conn.forget(q)
	if body != nil {
		q.conn.say(q.Method, body)
	}
	q.in.wait.resume()
	close(q.gone)
	return true
}

// asked takes a request of the upstream. It may ask only what was declared,
// and only while it works on a call whose caller can be asked: what belongs
// to no call is refused, since there is nobody who could answer it.
func (c *conn) asked(m wire.Message, in *call) {
	if wire.Stateless(c.version) { // servers must not ask, and clients not answer
		c.app.counts.Refused.Add(1)
		return
	}
	switch need := Needed(m.Method, m.Params); {
	case m.Method == wire.MethodPing:
		c.answer(m.Method, wire.AppendResult(nil, m.ID, []byte("{}")))
	case in == nil || in.asks&need != need || need == 0:
		c.refuse(m, codeFor(m.Method, in), m.Method+" is not offered here")
	default:
		c.pass(m, in)
	}
}

// codeFor tells a method that is not there from a mode that was not declared
// ("clients MUST return -32602", 2025-11-25 client/elicitation).
func codeFor(method string, in *call) int {
	if method == wire.MethodElicit && in != nil && in.asks&AskElicitation != 0 {
		return wire.CodeInvalidParams
	}
	return wire.CodeMethodNotFound
}

// pass hands a question to the caller.
func (c *conn) pass(m wire.Message, in *call) {
	q := &Question{Method: m.Method, Params: bytes.Clone(m.Params), id: string(m.ID), conn: c, in: in, gone: make(chan struct{})}
	if !in.mayAskMore() {
		c.refuse(m, wire.CodeInternalError, fmt.Sprintf("one call may ask %d times, and did", maxQuestions))
		return
	}
	if !c.remember(q) {
		c.refuse(m, wire.CodeInvalidRequest, "another question has this id")
		return
	}
	in.wait.pause()
	if !in.open(q) {
		q.settle(nil) // the call has returned
		return
	}
	in.ask(q)
}

// remember keeps an open question under its id; false where another has it.
func (c *conn) remember(q *Question) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[q.id] != nil {
		return false
	}
	if c.open == nil {
		c.open = make(map[string]*Question)
	}
	c.open[q.id] = q
	return true
}

func (c *conn) forget(q *Question) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[q.id] == q {
		delete(c.open, q.id)
	}
}

// withdrawn ends a question that the upstream takes back.
func (c *conn) withdrawn(m wire.Message) {
	id, ok := wire.Lookup(m.Params, "requestId")
	if !ok {
		return
	}
	c.mu.Lock()
	q := c.open[string(id)]
	c.mu.Unlock()
	if q != nil {
		q.settle(nil)
	}
}

func (c *conn) refuse(m wire.Message, code int, message string) {
	c.app.counts.Refused.Add(1)
	c.answer(m.Method, wire.AppendError(nil, m.ID, code, message, nil))
}

// answer sends what the gateway itself answers, a bounded number at a time.
func (c *conn) answer(method string, body []byte) {
	select {
	case c.answering <- struct{}{}:
	default:
		c.app.counts.Strays.Add(1)
		return
	}
	begun := c.beside.Go(func() {
		defer func() { <-c.answering }()
		c.post(method, body)
	})
	if !begun {
		<-c.answering
	}
}

// say sends an answer that somebody waits for.
func (c *conn) say(method string, body []byte) {
	c.beside.Go(func() { c.post(method, body) })
}

func (c *conn) post(method string, body []byte) {
	ctx, cancel := context.WithTimeout(c.ctx, c.app.spec.Timeout)
	defer cancel()
	if err := c.link.Post(ctx, &Message{Version: c.version, Body: body}); err != nil {
		c.app.log.Warn("answer a request of the upstream", "method", method, "error", err)
	}
}

// mayAskMore counts a question of the call.
func (in *call) mayAskMore() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.asked++
	return in.asked <= maxQuestions
}

// open keeps a question, to end with the call; false: that has ended.
func (in *call) open(q *Question) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.over {
		in.questions = append(in.questions, q)
	}
	return !in.over
}
