package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A working server is made with the official Go SDK and tells of progress:
// `work` three times, `endless` once before it waits to be cancelled. `act`
// counts its calls; a gateway lets nobody call it without a yes.
type working struct {
	url                     string
	calls, begun, cancelled atomic.Int64
}

func newWorking(t *testing.T) *working {
	t.Helper()
	w := &working{}
	server := mcp.NewServer(&mcp.Implementation{Name: "working", Version: "1"}, nil)
	type input struct {
		What string `json:"what"`
	}
	add := func(name string, run func(context.Context, *mcp.CallToolRequest)) {
		mcp.AddTool(server, &mcp.Tool{Name: name}, func(ctx context.Context, r *mcp.CallToolRequest, in input) (*mcp.CallToolResult, any, error) {
			run(ctx, r)
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "did " + in.What}}}, nil, nil
		})
	}
	add("act", func(context.Context, *mcp.CallToolRequest) { w.calls.Add(1) })
	add("work", func(ctx context.Context, r *mcp.CallToolRequest) {
		for i := range 3 {
			tell(ctx, r, float64(i+1))
		}
	})
	over, gone := make(chan struct{}), make(chan struct{}, 100)
	add("endless", func(ctx context.Context, r *mcp.CallToolRequest) {
		w.begun.Add(1)
		tell(ctx, r, 1)
		select {
		case <-ctx.Done():
			w.cancelled.Add(1)
		case <-gone:
			w.cancelled.Add(1)
		case <-over:
		}
	})
	same := func(*http.Request) *mcp.Server { return server }
	s := httptest.NewServer(eraHandler{
		older: mcp.NewStreamableHTTPHandler(same, nil),
		newer: tellsOfHangups{mcp.NewStreamableHTTPHandler(same, &mcp.StreamableHTTPOptions{Stateless: true}), gone},
	})
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(over) })
	w.url = s.URL + "/mcp"
	return w
}

func tell(ctx context.Context, r *mcp.CallToolRequest, progress float64) {
	if token := r.Params.GetProgressToken(); token != nil {
		_ = r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token, Progress: progress, Total: 3})
	}
}

// tellsOfHangups tells of calls of `endless` that were hung up on, which is
// how clients of 2026-07-28 cancel: the SDK does not tell its tools.
type tellsOfHangups struct {
	http.Handler
	gone chan<- struct{}
}

func (h tellsOfHangups) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Mcp-Name") == "endless" {
		context.AfterFunc(r.Context(), func() { h.gone <- struct{}{} })
	}
	h.Handler.ServeHTTP(w, r)
}

// An eraHandler serves both eras at one URL.
type eraHandler struct{ older, newer http.Handler }

func (e eraHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Mcp-Protocol-Version") >= modern {
		e.newer.ServeHTTP(w, r)
		return
	}
	e.older.ServeHTTP(w, r)
}

// app is the configuration that puts the server behind a gateway.
func (w *working) app() string {
	return fmt.Sprintf(`
apps:
  - {id: small, name: Small, url: %q}
tools:
  - match: "small:act"
    approval: {required: true, default_scope: once, allowed_scopes: [once], message: "Do {{what}}?", approvers: {roles: [approver], allow_self: false}}
`, w.url)
}
