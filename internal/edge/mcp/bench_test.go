package mcp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

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

func (instant) Era(string) string { return wire.Version20260728 }

func (instant) Tasks(string) bool { return false }

func (instant) Watch(string, upstream.Caller, upstream.Watch) upstream.Watching { return nil }

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
				inner.Log = silent{&book{}}
				c.Guard = guard.New(inner)
			})
			ctx, stop := context.WithCancel(b.Context())
			watched := make(chan struct{})
			go func() { defer close(watched); h.db.Watch(ctx) }()
			n := call("alice", "crm__get_contact", `{"id":"`+strings.Repeat("x", size)+`"}`)
			r := n.request(b.Context())
			for !h.db.ConfirmedWithin(time.Second) {
				runtime.Gosched()
			}
			b.ReportAllocs()
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

// BenchmarkList is tools/list of one caller among so many tools.
func BenchmarkList(b *testing.B) {
	for _, tools := range []int{100, 1000, 10_000} {
		b.Run(strconv.Itoa(tools), func(b *testing.B) {
			h := newHouse(b)
			var raw []string
			for i := range tools {
				raw = append(raw, fmt.Sprintf(`{"name":"get_%05d","description":"Reads one of many things that there are","inputSchema":{"type":"object","properties":{"id":{"type":"string"}}}}`, i))
			}
			h.upstreams.lists["crm"] = upstream.Lists{Tools: items(raw...)}
			if err := h.catalogue.Refresh(b.Context()); err != nil {
				b.Fatal(err)
			}
			n := stateless("alice", "tools/list", "", "")
			r := n.request(b.Context())
			b.ReportAllocs()
			for b.Loop() {
				r.Body = io.NopCloser(strings.NewReader(n.body))
				h.handler.ServeHTTP(nowhere{http.Header{}}, r)
			}
		})
	}
}
