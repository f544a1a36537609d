package streamable_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/examples/sampleserver"
	"github.com/ostiary/ostiary/internal/upstream"
)

type greeting struct {
	Name string `json:"name"`
}

// sdkServer has a tool that greets and reports progress.
func sdkServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "greeter", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "greet", Description: "greets"},
		func(ctx context.Context, req *mcp.CallToolRequest, in greeting) (*mcp.CallToolResult, any, error) {
			if token := req.Params.GetProgressToken(); token != nil {
				err := req.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token, Progress: 1, Message: "half"})
				if err != nil {
					return nil, nil, err
				}
			}
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "hello " + in.Name}}}, nil, nil
		})
	return server
}

func sdkHandlers() map[string]func(*mcp.Server) http.Handler {
	serve := func(o *mcp.StreamableHTTPOptions) func(*mcp.Server) http.Handler {
		return func(s *mcp.Server) http.Handler {
			return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, o)
		}
	}
	return map[string]func(*mcp.Server) http.Handler{
		"2026-07-28":         serve(&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true}),
		"2026-07-28 streams": serve(&mcp.StreamableHTTPOptions{Stateless: true}),
		"2025-11-25":         serve(&mcp.StreamableHTTPOptions{JSONResponse: true}),
		"2025-11-25 streams": serve(nil),
		"both":               sampleserver.Handler,
	}
}

func TestACallOfAnOfficialServerGoesThroughInEachEra(t *testing.T) {
	for name, handler := range sdkHandlers() {
		t.Run(name, func(t *testing.T) {
			fleet, rec := open(t, handler(sdkServer()))
			ready(t, fleet)
			for range 3 {
				reply := call(t, fleet, alice, `{"name":"greet","arguments":{"name":"bob"}}`)
				if got := text(t, reply.Result); got != "hello bob" {
					t.Errorf("got %q, want %q", got, "hello bob")
				}
				if want := name[:min(len(name), 10)]; name != "both" && reply.Era != want {
					t.Errorf("era: got %q, want %q", reply.Era, want)
				}
			}
			if got := len(rec.about("tools/call")); got != 3 {
				t.Errorf("upstream requests for 3 calls: got %d", got)
			}
			lists, state := fleet.Lists("crm")
			if len(lists.Tools) != 1 || lists.Tools[0].Name != "greet" || !state.Listed {
				t.Errorf("lists: got %d tools, state %+v, want greet", len(lists.Tools), state)
			}
		})
	}
}

func TestAnErrorOfAnOfficialServerIsAReply(t *testing.T) {
	for name, handler := range sdkHandlers() {
		t.Run(name, func(t *testing.T) {
			fleet, _ := open(t, handler(sdkServer()))
			ready(t, fleet) // or the server keeps a session that was begun when the test ended
			reply := call(t, fleet, alice, `{"name":"nothing","arguments":{}}`)
			var e struct{ Code int }
			if err := json.Unmarshal(reply.Err, &e); err != nil || e.Code != -32602 {
				t.Errorf("got error %s, want code -32602", reply.Err)
			}
		})
	}
}

func TestProgressOfAnOfficialServerReachesItsCallerUnderTheirOwnToken(t *testing.T) {
	for name, handler := range sdkHandlers() {
		if name == "2026-07-28" || name == "2025-11-25" || name == "both" {
			continue // single JSON answers have no place for progress
		}
		t.Run(name, func(t *testing.T) {
			fleet, rec := open(t, handler(sdkServer()))
			ready(t, fleet)
			var heard []string
			_, err := fleet.Call(t.Context(), "crm", alice, upstream.Request{
				Method: "tools/call",
				Params: []byte(`{"name":"greet","arguments":{"name":"x"},"_meta":{"progressToken":"mine"}}`),
				Notify: func(raw []byte) { heard = append(heard, progressToken(t, raw)) },
			})
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{`"mine"`}; !slices.Equal(heard, want) {
				t.Errorf("tokens heard: got %q, want %q", heard, want)
			}
			if sent := rec.about("tools/call")[0].body; strings.Contains(sent, `"mine"`) {
				t.Errorf("the caller's token went upstream: %s", sent)
			}
		})
	}
}

// A change that comes before the server knows that somebody listens is lost,
// so the server adds tools until one is noticed. The lists are not fetched
// again by themselves within the test.
func TestAToolThatAnOfficialServerAddsIsListedSoon(t *testing.T) {
	for name, handler := range sdkHandlers() {
		if name == "2026-07-28" || name == "both" {
			continue // single JSON answers have no place for changes
		}
		t.Run(name, func(t *testing.T) {
			changes := make(chan string, 100)
			server := sdkServer()
			fleet, _ := open(t, handler(server), func(_ *upstream.Spec, o *upstream.Options) {
				o.OnListChanged = func(app string) { changes <- app }
			})
			<-changes
			addTools(t, server, changes)
			if lists, _ := fleet.Lists("crm"); len(lists.Tools) < 2 {
				t.Errorf("got %d tools, want more than 1", len(lists.Tools))
			}
		})
	}
}

func addTools(t *testing.T, server *mcp.Server, changes <-chan string) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for i := 0; ; i++ {
		select {
		case <-changes:
			return
		case <-deadline.C:
			t.Fatal("nobody noticed the new tools")
		case <-tick.C:
			mcp.AddTool(server, &mcp.Tool{Name: fmt.Sprint("more", i)}, func(context.Context, *mcp.CallToolRequest, greeting) (*mcp.CallToolResult, any, error) {
				return &mcp.CallToolResult{}, nil, nil
			})
		}
	}
}

func text(t *testing.T, result []byte) string {
	t.Helper()
	var r struct{ Content []struct{ Text string } }
	if err := json.Unmarshal(result, &r); err != nil || len(r.Content) != 1 {
		t.Fatalf("result %s: %v", result, err)
	}
	return r.Content[0].Text
}

func progressToken(t *testing.T, raw []byte) string {
	t.Helper()
	var n struct {
		Params struct{ ProgressToken json.RawMessage }
	}
	if err := json.Unmarshal(raw, &n); err != nil {
		t.Fatalf("notification %s: %v", raw, err)
	}
	return string(n.Params.ProgressToken)
}
