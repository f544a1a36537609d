package mcp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// inputRequired is the result type of an upstream that asks for something
	// (2026-07-28 basic/patterns/mrtr).
	inputRequired = "input_required"
	// maxRounds bounds how often a call goes on, and maxInputs what one round
	// may ask for.
	maxRounds = 16
	maxInputs = 16
	// maxState bounds, in bytes, what an upstream gives a client to carry.
	maxState = 64 << 10
)

// A round is what a client carries of a call whose upstream asked for
// something: enough for any instance to go on with it, once.
type round struct {
	ID         string         `json:"id"`
	Call       ostiary.CallID `json:"call"`
	Definition ostiary.Digest `json:"definition,omitzero"` // of the tool
	Grant      string         `json:"grant,omitempty"`     // that let the call through
	Number     int            `json:"number"`              // of the round that comes next; the first is 1
	Theirs     []byte         `json:"theirs,omitempty"`    // the upstream's own state, as JSON; nil: it gave none
	Pin        string         `json:"pin,omitempty"`       // the call that waits; "" none does
}

// round is what the guard has to know of a call that goes on; nil for one that
// begins.
func (q *question) round() *guard.Round {
	if q.came == nil || q.came.Round == nil {
		return nil
	}
	r := q.came.Round
	return &guard.Round{Call: r.Call, Number: r.Number, Grant: r.Grant, State: r.ID, Ends: q.came.Ends}
}

// inputParams puts the upstream's own state back, and lets what the client
// brought pass as it is. What it brings unasked passes too, unless somebody
// had to approve the call: they would have seen it.
func (q *question) inputParams(e *wire.Edit, a guard.Answer) {
	r := q.round()
	if q.m.RequestState != nil {
		e.Drop("requestState")
	}
	if r != nil && q.came.Round.Theirs != nil {
		e.Set(q.came.Round.Theirs, "requestState")
	}
	unasked := r == nil && (q.came != nil || a.Grant() != "")
	switch {
	case q.brought != nil:
		e.Set(q.brought, "inputResponses")
	case q.m.InputResponses != nil && (unasked || !q.stateless()):
		e.Drop("inputResponses")
	}
}

// mayAsk says whether a result that says to be complete could be read as one
// that asks, by somebody who takes another of two equal keys.
func mayAsk(result []byte) bool {
	return bytes.Contains(result, []byte(inputRequired)) || bytes.Contains(result, []byte(`\u`))
}

// inputRequired takes what a stateless upstream asks for to the client. One of
// its era gets it in the answer, with a state of ours around the upstream's
// own; for one with a transport session in is what to ask on its stream.
func (q *question) inputRequired(a guard.Answer, reply upstream.Reply) (out answer, in *input, ended audit.Status) {
	read, err := readInput(reply.Result)
	if err != nil {
		return q.strange(a, err), nil, audit.StatusError
	}
	if refusal := q.mayNotBeAsked(a, read); refusal != nil {
		return *refusal, nil, audit.StatusError
	}
	if !q.stateless() {
		return answer{}, &read, audit.StatusOK
	}
	result, err := q.withOurState(a, reply.Result, read)
	if err != nil {
		return q.strange(a, err), nil, audit.StatusError
	}
	return q.answered(result), nil, audit.StatusOK
}

func (q *question) withOurState(a guard.Answer, result []byte, in input) ([]byte, error) {
	sealed, err := q.seal(a, stateRound, q.next(a, in.state))
	if err != nil {
		return nil, err
	}
	e := wire.NewEdit(result)
	e.SetText(sealed, "requestState")
	for _, key := range in.marked {
		e.Drop("inputRequests", key, "params", "_meta", wire.MetaDecision)
	}
	q.ownMeta(e, a, result)
	return e.Bytes()
}

// seal makes the state of a round that a client comes back with.
func (q *question) seal(a guard.Answer, kind stateKind, r *round) (string, error) {
	digest, err := ostiary.ArgumentsDigest(a.Call.Arguments.Raw)
	if err != nil {
		return "", err
	}
	r.ID = ostiary.NewID("rnd")
	return q.states.seal(state{
		Kind: kind, Holder: holderOf(a.Call.Principal), Method: q.m.Method, Tool: a.Call.Tool.ID, Digest: digest,
		Ends: q.clock.Now().Add(answering), Round: r,
	})
}

// next is the round that comes after this one.
func (q *question) next(a guard.Answer, theirs []byte) *round {
	r := &round{Call: a.Call.ID, Definition: a.Call.Tool.Digest, Grant: a.Grant(), Number: 2, Theirs: theirs}
	if before := q.round(); before != nil {
		r.Number = before.Number + 1
	}
	return r
}

func (q *question) nextPin(a guard.Answer, id string) *round {
	r := q.next(a, nil)
	r.Pin = id
	return r
}

// mayNotBeAsked is the answer to a client that can't be asked what the
// upstream wants; nil: it can.
func (q *question) mayNotBeAsked(a guard.Answer, in input) *answer {
	app := a.Call.Tool.App
	allowed, declared := q.allowed(app), q.declared()
	var out answer
	switch {
	case q.m.Method == wire.MethodComplete || q.absent != nil:
		out = q.unanswered(a, "asks its client for input, which is not passed on here")
	case in.unknown != "":
		out = q.unanswered(a, "asks its client for what no client has: "+in.unknown)
	case in.needs&^allowed != 0:
		out = q.unanswered(a, "asks its client for what the operator does not allow it to: "+in.named(in.needs&^allowed))
	case !q.stateless() && in.needs&^upstream.AskElicitation != 0:
		out = q.unanswered(a, "asks its client for what does not pass between their eras of the protocol: "+in.named(in.needs&^upstream.AskElicitation))
	case in.needs&^declared != 0:
		out = q.undeclared(a, in, in.needs&^declared)
	case q.round() != nil && q.round().Number >= maxRounds:
		out = q.unanswered(a, fmt.Sprintf("asked %d times in one call, which is as often as it may", maxRounds))
	default:
		return nil
	}
	return &out
}

// undeclared answers a client that did not say that it can be asked this.
func (q *question) undeclared(a guard.Answer, in input, lacking upstream.Asks) answer {
	if !q.stateless() {
		return q.unanswered(a, "asks for what this client did not declare, or can't be asked here: "+in.named(lacking))
	}
	data := append([]byte(`{"requiredCapabilities":`), lacking.Capabilities()...)
	text := "The app " + a.Call.Tool.App + " asks for what this client did not declare: " + in.named(lacking) + "."
	return q.errored(wire.CodeMissingCapability, text, append(data, '}'))
}

// unanswered ends a call whose upstream wants what it can't have.
func (q *question) unanswered(a guard.Answer, why string) answer {
	return q.toldPlainly("The app " + a.Call.Tool.App + " " + why + ". The call ends here. (" + string(a.Call.ID) + ")")
}

// declared is what the client said that it can be asked, if there is a way to
// ask it. Nobody can be asked anything while a task of theirs makes a call.
func (q *question) declared() upstream.Asks {
	switch {
	case q.absent != nil:
		return 0
	case q.stateless():
		return upstream.Declared(q.m.Meta.ClientCapabilities, q.client.version)
	case q.client.session.Asks == 0 || !q.streams || !q.accepts("text/event-stream"):
		return 0
	}
	return q.client.session.Asks
}

// An input is what an upstream asks for in one round.
type input struct {
	requests []inputRequest
	state    []byte        // its own, as JSON; nil: none
	needs    upstream.Asks // what the client must be able to do
	unknown  string        // a method that no client has; "" none
	marked   []string      // keys of requests that say what only the gateway may
}

type inputRequest struct {
	key, method string
	params      []byte
	needs       upstream.Asks
}

// What is read of a result that asks, where other readers must read the same.
var (
	resultKeys  = wire.NewKnown("resultType", "inputRequests", "requestState", "_meta")
	requestKeys = wire.NewKnown("method", "params")
	paramsKeys  = wire.NewKnown("mode", "tools", "toolChoice", "_meta")
)

var errInput = errors.New("a result of type input_required")

// readInput reads such a result strictly: what is asked of a client is
// decided on.
func readInput(result []byte) (input, error) {
	var in input
	if err := errors.Join(wire.Check(result), wire.CheckTwins(result, resultKeys)); err != nil {
		return in, fmt.Errorf("%w: %w", errInput, err)
	}
	requests, has := wire.Lookup(result, "inputRequests")
	state, carries := wire.Lookup(result, "requestState")
	if text, ok := wire.Text(state); carries && (!ok || len(text) > maxState) {
		return in, fmt.Errorf("%w: its requestState is no text, or longer than %d bytes", errInput, maxState)
	}
	if !has && !carries || has && !wire.IsObject(requests) {
		return in, fmt.Errorf("%w: neither inputRequests nor requestState", errInput)
	}
	in.state = slices.Clone(state)
	keys := wire.Names(requests)
	if len(keys) > maxInputs {
		return in, fmt.Errorf("%w: it asks for %d things at once", errInput, len(keys))
	}
	for _, key := range keys {
		if err := in.add(requests, key); err != nil {
			return in, fmt.Errorf("%w: %s: %w", errInput, key, err)
		}
	}
	return in, nil
}

func (in *input) add(requests []byte, key string) error {
	raw, _ := wire.Lookup(requests, key)
	r := inputRequest{key: key}
	r.method, _ = wire.LookupText(raw, "method")
	r.params, _ = wire.Lookup(raw, "params")
	if err := errors.Join(wire.CheckTwins(raw, requestKeys), wire.CheckTwins(r.params, paramsKeys)); err != nil {
		return err
	}
	r.needs = upstream.Needed(r.method, r.params)
	if r.needs == 0 {
		in.unknown = r.method
	}
	in.needs |= r.needs
	if meta, has := wire.Lookup(r.params, "_meta"); has && mentionsUs(meta) && wire.IsObject(meta) {
		in.marked = append(in.marked, key)
	}
	in.requests = append(in.requests, r)
	return nil
}

// named names a method that takes some of these.
func (in *input) named(some upstream.Asks) string {
	i := slices.IndexFunc(in.requests, func(r inputRequest) bool { return r.needs&some != 0 })
	return in.requests[i].method
}
