package mcp

import (
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/internal/wire"
)

// A state is what a client of the stateless era carries from an answer that
// wants something done to the call that comes after it (requestState). It
// approves nothing: it only says what the client was told to wait for.
type state struct {
	Kind   stateKind      `json:"kind"`
	Holder holder         `json:"for"`
	Method string         `json:"method"`
	Tool   ostiary.ToolID `json:"tool"`
	Digest ostiary.Digest `json:"arguments"`
	Ends   time.Time      `json:"end"`

	Request string `json:"request,omitempty"` // req_…, of a step
	Round   *round `json:"round,omitempty"`
}

// A stateKind says what a state stands for. Only a state that was made for one
// thing is good for it.
type stateKind string

// The kinds.
const (
	stateStep  stateKind = "step"  // the client was shown the link of an approval
	stateRound stateKind = "round" // the upstream asked for something
	statePin   stateKind = "pin"   // the upstream asked for something, and waits
)

// stateOf seals the state of a call that waits for an approval.
func (q *question) stateOf(t target, r approval.Request) (string, error) {
	return q.states.seal(state{
		Kind: stateStep, Holder: holderOf(q.who), Method: q.m.Method, Tool: t.tool.ID, Digest: r.ArgumentsDigest, Request: r.ID, Ends: r.ExpiresAt,
	})
}

// resumes says whether the question is the continuation of one that was told
// to wait. A state that is not this caller's, for this very call, ends it
// here: "servers MUST treat requestState as an attacker-controlled input"
// (2026-07-28 basic/patterns/mrtr).
func (q *question) resumes(t target) (retry bool, wrong *answer) {
	if q.m.RequestState == nil || !q.stateless() {
		return false, nil
	}
	if what := q.checkState(t); what != "" {
		a := q.errored(wire.CodeInvalidParams, "requestState: "+what+" Call again without it.", nil)
		return false, &a
	}
	return q.came.Kind == stateStep, nil
}

// checkState says in words what is wrong with the state; "" nothing.
func (q *question) checkState(t target) string {
	text, _ := wire.Text(q.m.RequestState)
	var s state
	if err := q.states.open(text, &s); err != nil {
		return "it is not one of ours, or was changed."
	}
	digest, err := ostiary.ArgumentsDigest(t.arguments)
	switch {
	case s.Kind != stateStep && (s.Kind != stateRound && s.Kind != statePin || s.Round == nil):
		return "it stands for something else."
	case s.Holder != holderOf(q.who):
		return "it was given to somebody else."
	case s.Tool != t.tool.ID || s.Method != q.m.Method:
		return "it belongs to a call of something else."
	case err != nil || s.Digest != digest:
		return "it belongs to a call with other arguments."
	case s.Round != nil && s.Round.Definition != t.tool.Digest:
		return "it belongs to a call of the tool as it was before."
	case !q.clock.Now().Before(s.Ends):
		return "it has expired."
	}
	q.came = &s
	return ""
}

// declined says whether the person closed or refused the link that the
// client showed. That decides nothing, but nobody needs to wait now. Without
// a state of that kind, an input of the same name is not ours.
func (q *question) declined() bool {
	if q.came == nil || q.came.Kind != stateStep {
		return false
	}
	action, ok := wire.LookupText(q.m.InputResponses, stepKey, "action")
	return ok && action != "accept"
}

// stepKey names the one input that the gateway asks for.
const stepKey = "step"
