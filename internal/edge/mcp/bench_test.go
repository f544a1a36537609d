package mcp_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/edge/mcp"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// nowhere is a response that costs nothing.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header       { return w.header }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

type instant []byte

func (r instant) Call(context.Context, string, upstream.Caller, upstream.Request) (upstream.Reply, error) {
	return upstream.Reply{Result: r, Era: wire.Version20260728}, nil
}

// BenchmarkCall is a stateless tools/call from the handler to the upstream
// and back, with the record in the background: what the door, the gates and
// the guard cost by themselves.
func BenchmarkCall(b *testing.B) {
	for name, size := range map[string]int{"200B": 0, "4KB": 3800} {
		b.Run(name, func(b *testing.B) {
			h := newHouse(b, func(c *mcp.Config) {
				c.Upstreams = instant(`{"resultType":"complete","content":[{"type":"text","text":"done"}]}`)
				c.MaxBody = 1 << 20
				inner := c.Guard.Config
				inner.Durability = guard.Relaxed
				inner.Log = silent{}
				c.Guard = guard.New(inner)
			})
			ctx, stop := context.WithCancel(b.Context())
			watched := make(chan struct{})
			go func() { defer close(watched); h.db.Watch(ctx) }()
			n := call("alice", "crm__get_contact", `{"id":"`+strings.Repeat("x", size)+`"}`)
			r := n.request(b.Context())
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				r.Body = io.NopCloser(strings.NewReader(n.body))
				h.handler.ServeHTTP(nowhere{http.Header{}}, r)
			}
			stop()
			<-watched
		})
	}
}

// silent is a log that costs nothing.
type silent struct{ *book }

func (silent) Background(audit.Entry) bool { return true }
