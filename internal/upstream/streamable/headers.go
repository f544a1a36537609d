package streamable

import (
	"context"
	"maps"
	"net/http"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	jsonType    = "application/json"
	eventStream = "text/event-stream"
)

var (
	jsonOnly   = []string{jsonType}
	eitherType = []string{jsonType + ", " + eventStream}
	streamOnly = []string{eventStream}
	agent      = []string{"ostiary"}
)

// prepared are the headers that all requests of a link have in common. They
// are made once and copied; the values are never changed.
type prepared struct {
	version string
	session *string
	header  http.Header
}

// common returns the headers for a protocol version.
func (l *link) common(version string) http.Header {
	p := l.ready.Load()
	if session := l.session.Load(); p == nil || p.version != version || p.session != session {
		p = &prepared{version: version, session: session, header: l.prepare(version, session)}
		l.ready.Store(p)
		l.version.Store(&p.version)
	}
	return p.header
}

func (l *link) prepare(version string, session *string) http.Header {
	h := maps.Clone(l.headers)
	h["User-Agent"] = agent
	h["Accept"] = eitherType
	h["Content-Type"] = jsonOnly
	if version != "" {
		h[wire.HeaderVersion] = []string{version}
	}
	if session != nil {
		h[wire.HeaderSession] = []string{*session}
	}
	return h
}

// request makes a request without body. What the gateway says itself wins
// over configured headers, and headers of the call over both.
func (l *link) request(ctx context.Context, method string, m *upstream.Message) *http.Request {
	h := maps.Clone(l.common(m.Version))
	if method != http.MethodPost {
		delete(h, "Content-Type")
		h["Accept"] = streamOnly
	}
	if m.Stateless() && m.Method != "" {
		h[wire.HeaderMethod] = []string{m.Method}
		if m.Name != "" {
			h[wire.HeaderName] = []string{wire.EncodeHeader(m.Name)}
		}
	}
	for _, header := range m.Header {
		h[http.CanonicalHeaderKey(header.Name)] = []string{header.Value.Reveal()}
	}
	req := &http.Request{Method: method, URL: l.url, Host: l.url.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	return req.WithContext(ctx)
}
