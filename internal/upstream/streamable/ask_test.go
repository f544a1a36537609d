package streamable_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/internal/upstream"
)

// curious is a server whose tool asks for a name.
func curious() *mcp.Server {
	server := sdkServer()
	mcp.AddTool(server, &mcp.Tool{Name: "ask"}, func(ctx context.Context, req *mcp.CallToolRequest, _ any) (*mcp.CallToolResult, any, error) {
		got, err := req.Session.Elicit(ctx, &mcp.ElicitParams{Message: "Your name?", RequestedSchema: map[string]any{"type": "object"}})
		if err != nil {
			return nil, nil, err
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: fmt.Sprint(got.Action, got.Content["name"])}}}, nil, nil
	})
	return server
}

func TestAnOfficialServerAsksItsCaller(t *testing.T) {
	for name, c := range map[string]struct {
		asks upstream.Asks
		want string
	}{
		"2025-11-25 streams":          {upstream.AskForm, "acceptAlice"},
		"2025-11-25 streams, no form": {upstream.AskRoots, "does not support"},
		"both":                        {upstream.AskForm, "acceptAlice"},
		"2026-07-28 streams":          {upstream.AskForm, "2026-07-28"}, // its SDK has other means there
	} {
		t.Run(name, func(t *testing.T) {
			era, _, _ := strings.Cut(name, ",")
			fleet, _ := open(t, sdkHandlers()[era](curious()))
			ready(t, fleet)
			reply, err := fleet.Call(t.Context(), "crm", alice, upstream.Request{
				Method: "tools/call", Params: []byte(`{"name":"ask","arguments":{}}`), Sessions: true, Asks: c.asks,
				Ask: func(q *upstream.Question) {
					if q.Method != "elicitation/create" || !strings.Contains(string(q.Params), "Your name?") {
						t.Errorf("got %s %s", q.Method, q.Params)
					}
					q.Answer([]byte(`{"action":"accept","content":{"name":"Alice"}}`))
				},
			})
			if err != nil || !strings.Contains(string(reply.Result)+string(reply.Err), c.want) {
				t.Errorf("got %s %s, %v; want %s", reply.Result, reply.Err, err, c.want)
			}
		})
	}
}

// What comes on the stream of an upstream belongs to no call, whoever calls at
// the time.
func TestAQuestionOnTheStreamOfItsOwnIsRefused(t *testing.T) {
	called, asked, refused := make(chan struct{}), make(chan struct{}), make(chan string, 1)
	server := &rawServer{sessions: true, caps: `{"tools":{"listChanged":true}}`}
	server.listen = func(w http.ResponseWriter, r *http.Request) {
		<-called
		stream(w, `{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"mode":"form"}}`)
		close(asked)
		<-r.Context().Done()
	}
	server.call = func(w http.ResponseWriter, r *http.Request, id string, body []byte) {
		if methodOf(string(body)) == "" {
			refused <- string(body)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		close(called)
		<-asked
		stream(w)
		answer := <-refused
		stream(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"heard":%q}}`, id, answer))
	}
	fleet, _ := open(t, server)
	ready(t, fleet)
	reply, err := fleet.Call(t.Context(), "crm", alice, upstream.Request{
		Method: "tools/call", Params: []byte(`{"name":"x"}`), Sessions: true, Asks: upstream.AskElicitation,
		Ask: func(q *upstream.Question) { t.Errorf("got asked %s", q.Params); q.Answer([]byte(`{}`)) },
	})
	if err != nil || !strings.Contains(string(reply.Result), "-32601") {
		t.Errorf("got %s, %v; want the question refused", reply.Result, err)
	}
}
