package mcp

import (
	"net/http"

	"github.com/ostiary/ostiary/internal/wire"
)

// batch takes several messages at once, which only 2025-03-26 has. Each is
// decided alone, one after the other; initialize "MUST NOT be part of a
// JSON-RPC batch" (2025-03-26 basic/lifecycle).
func (x *exchange) batch(body []byte) {
	// No header can agree with several messages.
	none := &wire.Message{Kind: wire.Notification}
	if version, err := wire.ProtocolVersion(x.values, none); err == nil && wire.Stateless(version) {
		x.write(x.malformed(nil, wire.ErrBatch))
		return
	}
	c, refusal := x.clientOf(none)
	if refusal != nil {
		x.write(*refusal)
		return
	}
	if c.version != wire.Version20250326 {
		x.write(x.malformed(nil, wire.ErrBatch))
		return
	}
	messages, err := wire.ParseBatch(body)
	if err != nil {
		x.write(x.malformed(nil, err))
		return
	}
	if x.stays(nil) {
		x.writeBatch(x.each(messages, c))
	}
}

// each answers those messages that get an answer.
func (x *exchange) each(messages []wire.Message, c client) []answer {
	var answers []answer
	for i := range messages {
		q := &question{exchange: x, m: &messages[i], client: c}
		if q.m.Kind != wire.Request {
			q.noted()
			continue
		}
		answers = append(answers, q.answer(q.lifetime()))
	}
	return answers
}

func (x *exchange) writeBatch(answers []answer) {
	if len(answers) == 0 {
		x.write(accepted)
		return
	}
	dst := []byte{'['}
	for i, a := range answers {
		if a.gone {
			return
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, a.message()...)
	}
	x.begun = true
	x.w.Header()["Content-Type"] = jsonType
	x.w.WriteHeader(http.StatusOK)
	_, _ = x.w.Write(append(dst, ']')) // a client that is gone can't be told so
}
