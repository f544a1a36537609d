package mcpguard

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/guard"
)

// answering is how long a client may take to come back with what a tool asked
// it for.
const answering = 10 * time.Minute

// A state is what a client carries from a result that asks it for something to
// the round after it (requestState), around the handler's own.
type state struct {
	ID         string         `json:"id"`
	Call       ostiary.CallID `json:"call"`
	Number     int            `json:"number"`          // of the round that comes next; the first is 1
	Grant      string         `json:"grant,omitempty"` // that let the call through
	For        holder         `json:"for"`
	Method     string         `json:"method"`
	Tool       ostiary.ToolID `json:"tool"`
	Definition ostiary.Digest `json:"definition,omitzero"`
	Arguments  ostiary.Digest `json:"arguments"`
	Ends       time.Time      `json:"end"`
	Theirs     string         `json:"theirs,omitempty"` // the handler's own state
}

// A holder is to whom a state was given. Another who comes with it has got it
// from them.
type holder struct {
	Subject ostiary.Subject   `json:"sub,omitempty"`
	Tenant  ostiary.Tenant    `json:"ten,omitempty"`
	Client  ostiary.ClientID  `json:"cli,omitempty"`
	Session ostiary.SessionID `json:"ses,omitempty"`
}

func holderOf(p *ostiary.Principal) holder {
	return holder{p.Subject, p.Tenant, p.Client.ID, p.Session}
}

// newSealer makes the key for states: the same on every instance of a storage.
func newSealer(g *guard.Guard) cipher.AEAD {
	block, err := aes.NewCipher(g.DB.DeriveKey("mcpguard request state"))
	if err != nil {
		panic(err) // the key is not of the size that DeriveKey returns
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func (g *Guard) seal(s state) (string, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(g.states().Seal(nil, nil, plain, nil)), nil
}

func (g *Guard) open(text string) (s state, ok bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return s, false
	}
	plain, err := g.states().Open(nil, nil, sealed, nil)
	return s, err == nil && json.Unmarshal(plain, &s) == nil
}

// goOn reads the state that a client came back with. One that is not this
// caller's, for this very call, ends it here: "servers MUST treat requestState
// as an attacker-controlled input" (2026-07-28 basic/patterns/mrtr). Who can't
// be identified, and what is hidden, the guard answers for.
func (q *question) goOn(ctx context.Context, t *ostiary.Tool, arguments []byte) error {
	_, text := q.brought()
	if text == "" {
		return nil
	}
	if p, err := q.identify(ctx); err == nil && p != nil && q.visible(ctx, p, t) {
		return q.take(text, p, t, arguments)
	}
	return nil
}

func (q *question) take(text string, p *ostiary.Principal, t *ostiary.Tool, arguments []byte) error {
	s, ok := q.open(text)
	if !ok {
		return malformed("requestState: it is not one of ours, or was changed. Call again without it.")
	}
	if what := q.mismatch(s, p, t, arguments); what != "" {
		return malformed("requestState: " + what + " Call again without it.")
	}
	q.came = &s
	return nil
}

// mismatch says in words what a state is not good for; "" nothing.
func (q *question) mismatch(s state, p *ostiary.Principal, t *ostiary.Tool, arguments []byte) string {
	digest, err := ostiary.ArgumentsDigest(arguments)
	switch {
	case s.For != holderOf(p):
		return "it was given to somebody else."
	case s.Tool != t.ID || s.Method != q.method:
		return "it belongs to a call of something else."
	case err != nil || s.Arguments != digest:
		return "it belongs to a call with other arguments."
	case s.Definition != t.Digest:
		return "it belongs to a call of the tool as it was before."
	case !q.config.Guard.DB.Clock().Now().Before(s.Ends):
		return "it has expired."
	}
	return ""
}

// round is what the guard has to know of a call that goes on; nil for one that
// begins.
func (q *question) round() *guard.Round {
	if q.came == nil {
		return nil
	}
	return &guard.Round{Call: q.came.Call, Number: q.came.Number, Grant: q.came.Grant, State: q.came.ID, Ends: q.came.Ends}
}

// following is the state of the round after this one.
func (q *question) following(a guard.Answer, theirs string) (state, error) {
	digest, err := ostiary.ArgumentsDigest(a.Call.Arguments.Raw)
	s := state{
		ID: ostiary.NewID("rnd"), Call: a.Call.ID, Number: 2, Grant: a.Grant(), For: holderOf(a.Call.Principal), Method: q.method,
		Tool: a.Call.Tool.ID, Definition: a.Call.Tool.Digest, Arguments: digest,
		Ends: q.config.Guard.DB.Clock().Now().Add(answering), Theirs: theirs,
	}
	if q.came != nil {
		s.Number = q.came.Number + 1
	}
	return s, err
}
