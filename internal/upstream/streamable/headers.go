package streamable

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	jsonType    = "application/json"
	eventStream = "text/event-stream"
)

// A field is one header of a request; its name is written canonically.
type field struct{ name, value string }

func has(fields []field, name string) bool {
	return slices.ContainsFunc(fields, func(f field) bool { return f.name == name })
}

// prepared are the headers that all POSTs of a link have in common.
type prepared struct {
	version string
	session *string
	fields  []field
}

// common returns the headers for a protocol version.
func (l *link) common(version string) *prepared {
	p := l.ready.Load()
	if session := l.session.Load(); p == nil || p.version != version || p.session != session {
		p = &prepared{version, session, l.prepare(http.MethodPost, version, session)}
		l.ready.Store(p)
		l.version.Store(&p.version)
	}
	return p
}

// prepare lists what all requests say. What the gateway says itself wins over
// configured headers.
func (l *link) prepare(method, version string, session *string) []field {
	ours := []field{{"User-Agent", "ostiary"}}
	if method == http.MethodPost {
		ours = append(ours, field{"Accept", jsonType + ", " + eventStream}, field{"Content-Type", jsonType})
	} else {
		ours = append(ours, field{"Accept", eventStream})
	}
	if version != "" {
		ours = append(ours, field{wire.HeaderVersion, version})
	}
	if session != nil {
		ours = append(ours, field{wire.HeaderSession, *session})
	}
	for _, name := range slices.Sorted(maps.Keys(l.headers)) {
		if !has(ours, name) {
			ours = append(ours, field{name, l.headers[name]})
		}
	}
	return ours
}

// A request is one HTTP request, ready to be sent.
type request struct {
	head    []byte
	body    []byte
	session bool // it names a transport session
}

// request writes the head of a request to dst. Headers of the call win over
// all others.
func (l *link) request(dst []byte, method string, m *upstream.Message) (request, error) {
	p := l.common(m.Version)
	all := p.fields
	if method != http.MethodPost {
		all = l.prepare(method, m.Version, p.session)
	}
	var room [8]field
	own := ownFields(room[:0], m)
	dst = append(append(append(append(dst, method...), ' '), l.place.target...), " HTTP/1.1\r\nHost: "...)
	dst = append(append(dst, l.place.host...), "\r\n"...)
	var err error
	for _, f := range all {
		if dst, err = appendField(dst, f, own); err != nil {
			return request{}, err
		}
	}
	for i, f := range own {
		if dst, err = appendField(dst, f, own[i+1:]); err != nil {
			return request{}, err
		}
	}
	if method == http.MethodPost {
		dst = strconv.AppendInt(append(dst, "Content-Length: "...), int64(len(m.Body)), 10)
		dst = append(dst, "\r\n"...)
	}
	return request{append(dst, "\r\n"...), m.Body, p.session != nil}, nil
}

// ownFields are the headers of one message alone.
func ownFields(own []field, m *upstream.Message) []field {
	if m.Stateless() && m.Method != "" {
		own = append(own, field{wire.HeaderMethod, m.Method})
		if m.Name != "" {
			own = append(own, field{wire.HeaderName, wire.EncodeHeader(m.Name)})
		}
	}
	for _, h := range m.Header {
		own = append(own, field{http.CanonicalHeaderKey(h.Name), h.Value.Reveal()})
	}
	return own
}

var errField = errors.New("a header can't be sent: it has characters that no header may")

// appendField writes a header, unless a later one has its name.
func appendField(dst []byte, f field, later []field) ([]byte, error) {
	if has(later, f.name) {
		return dst, nil
	}
	if !isText(f.name) || !isText(f.value) {
		return dst, fmt.Errorf("%w: %q", errField, f.name)
	}
	dst = append(append(dst, f.name...), ": "...)
	return append(append(dst, f.value...), "\r\n"...), nil
}

// isText says whether a value may stand in a header: nothing that ends a line
// or is a control character (RFC 9110 section 5.5).
func isText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
