package upstream

import (
	"net/textproto"
	"strconv"

	"github.com/ostiary/ostiary/internal/wire"
)

// A Mirror is an argument of a tool that clients of the stateless era repeat
// in a header.
type Mirror struct{ binding }

// Mirrors returns those of a tool's definition. An error means that its
// annotations are wrong, and that no client will show the tool.
func Mirrors(tool []byte) ([]Mirror, error) {
	bound, err := bindingsOf(tool)
	if err != nil {
		return nil, err
	}
	var all []Mirror
	for _, b := range bound {
		b.header = textproto.CanonicalMIMEHeaderKey(b.header)
		all = append(all, Mirror{b})
	}
	return all, nil
}

// Header is the header's name, as net/http writes it.
func (m Mirror) Header() string { return m.header }

// Agrees says whether the values of the header repeat what stands in params:
// once where the argument is there, and not at all where it is not. "Servers
// SHOULD compare the header value and the body value numerically" (2026-07-28
// basic/transports/streamable-http, server validation).
func (m Mirror) Agrees(params []byte, values []string) bool {
	argument, ok := wire.Lookup(params, m.path...)
	text, mirrors := mirrored(argument)
	if !ok || !mirrors {
		return len(values) == 0
	}
	if len(values) != 1 {
		return false
	}
	value, ok := wire.DecodeHeader(values[0])
	if !ok || value == text {
		return ok
	}
	if _, isText := wire.Text(argument); isText {
		return false
	}
	said, err := strconv.ParseFloat(value, 64)
	meant, err2 := strconv.ParseFloat(text, 64)
	return err == nil && err2 == nil && said == meant
}
