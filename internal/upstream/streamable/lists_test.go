package streamable_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/upstream/streamable"
)

func tools(names ...string) string {
	items := make([]string, len(names))
	for i, name := range names {
		items[i] = fmt.Sprintf(`{"name":%q}`, name)
	}
	return strings.Join(items, ",")
}

func names(items []upstream.Item) string {
	all := make([]string, len(items))
	for i, item := range items {
		all[i] = item.Name
	}
	return strings.Join(all, " ")
}

func TestAllPagesOfAListAreFetched(t *testing.T) {
	fleet, _ := open(t, &rawServer{caps: `{"tools":{}}`, tools: func(cursor string) string {
		return map[string]string{
			"":     `{"tools":[` + tools("a", "b") + `],"nextCursor":"p\"2"}`,
			`p"2`:  `{"tools":[{"name":"c", "odd" :1.0},{"title":"no name"},7],"nextCursor":"last"}`,
			"last": `{"tools":[` + tools("d") + `],"nextCursor":null}`,
		}[cursor]
	}})
	ready(t, fleet)
	lists, state := fleet.Lists("crm")
	if got, want := names(lists.Tools), "a b c d"; got != want || state.Err != nil {
		t.Errorf("got %q, %v, want %q", got, state.Err, want)
	}
	if got, want := string(lists.Tools[2].Raw), `{"name":"c", "odd" :1.0}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAListThatNeverEndsIsRefused(t *testing.T) {
	for name, list := range map[string]func(string) string{
		"one cursor":  func(string) string { return `{"tools":[],"nextCursor":"again"}` },
		"two cursors": func(c string) string { return `{"tools":[],"nextCursor":"` + map[string]string{"a": "b"}[c] + `a"}` },
		"many items": func(c string) string {
			return `{"tools":[` + strings.TrimSuffix(strings.Repeat(tools("x")+",", 4000), ",") + `],"nextCursor":"` + c + `x"}`
		},
		"no list":  func(string) string { return `{}` },
		"a string": func(string) string { return `{"tools":"all"}` },
	} {
		t.Run(name, func(t *testing.T) {
			fleet, _ := open(t, &rawServer{caps: `{"tools":{}}`, tools: list, call: replies(`{}`)})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := fleet.Ready(ctx, "crm")
			if err == nil || !strings.Contains(err.Error(), "crm: list: tools/list: ") {
				t.Errorf("got %v, want crm and tools/list", err)
			}
			call(t, fleet, alice, `{"name":"x"}`) // all the same
		})
	}
}

func TestAFailingUpstreamKeepsItsLastGoodLists(t *testing.T) {
	var broken atomic.Bool
	changes := make(chan struct{}, 100)
	raw := &rawServer{caps: `{"tools":{}}`, tools: func(string) string { return `{"tools":[` + tools("a") + `]}` }}
	fleet, _ := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
			return
		}
		raw.ServeHTTP(w, r)
	}), func(s *upstream.Spec, o *upstream.Options) {
		s.Refresh = 10 * time.Millisecond
		o.OnListChanged = func(string) { changes <- struct{}{} }
	})
	<-changes
	broken.Store(true)
	<-changes
	lists, state := fleet.Lists("crm")
	if got := names(lists.Tools); got != "a" || !state.Listed || state.Err == nil || !strings.Contains(state.Err.Error(), "503") {
		t.Errorf("got %q and %+v, want a, listed, failing with 503", got, state)
	}
	broken.Store(false)
	<-changes
	if _, state := fleet.Lists("crm"); state.Err != nil || !state.Listed {
		t.Errorf("got %+v, want it well again", state)
	}
}

func TestAnArgumentIsMirroredWhereTheSchemaSaysSo(t *testing.T) {
	server := mcp.NewServer(&mcp.Implementation{Name: "s", Version: "1"}, nil)
	schema := json.RawMessage(`{"type":"object","properties":{
		"region":{"type":"string","x-mcp-header":"Region"},
		"limit":{"type":"integer","x-mcp-header":"Limit"},
		"inner":{"type":"object","properties":{"dry":{"type":"boolean","x-mcp-header":"Dry"}}},
		"x-mcp-header":{"type":"string"}}}`)
	server.AddTool(&mcp.Tool{Name: "query", InputSchema: schema}, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "ok"}}}, nil
	})
	fleet, rec := open(t, sdkHandlers()["2026-07-28"](server))
	ready(t, fleet)
	reply := call(t, fleet, alice, `{"name":"query","arguments":{"region":"Zürich","limit":-7,"inner":{"dry":true},"x-mcp-header":"no"}}`)
	if reply.Err != nil {
		t.Fatalf("the official server refuses: %s", reply.Err)
	}
	sent := rec.about("tools/call")[0].header
	for header, want := range map[string]string{"Mcp-Param-Region": "=?base64?WsO8cmljaA==?=", "Mcp-Param-Limit": "-7", "Mcp-Param-Dry": "true"} {
		if got := sent.Get(header); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
	call(t, fleet, alice, `{"name":"query","arguments":{"region":null}}`)
	if got := rec.about("tools/call")[1].header.Values("Mcp-Param-Region"); got != nil {
		t.Errorf("null is mirrored as %q", got)
	}
}

func TestAToolWithWrongHeaderAnnotationsIsLeftOut(t *testing.T) {
	fleet, _ := open(t, &rawServer{caps: `{"tools":{}}`, tools: func(string) string {
		return `{"tools":[{"name":"good","inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}},
			{"name":"number","inputSchema":{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}},
			{"name":"twice","inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}},
			{"name":"injected","inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"A\r\nX: y"}}}},
			{"name":"empty","inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":""}}}},
			{"name":"items","inputSchema":{"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}},
			{"name":"choice","inputSchema":{"anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]}},
			{"name":"root","inputSchema":{"type":"string","x-mcp-header":"A"}}]}`
	}})
	ready(t, fleet)
	if lists, _ := fleet.Lists("crm"); names(lists.Tools) != "good" {
		t.Errorf("got %q, want good alone", names(lists.Tools))
	}
}

func TestEachKindOfListIsFetched(t *testing.T) {
	server := sdkServer()
	server.AddResource(&mcp.Resource{URI: "test://one", Name: "one"}, nil)
	server.AddResourceTemplate(&mcp.ResourceTemplate{URITemplate: "test://{id}", Name: "t"}, nil)
	server.AddPrompt(&mcp.Prompt{Name: "ask"}, nil)
	for _, name := range []string{"2026-07-28", "2025-11-25"} {
		fleet, _ := open(t, sdkHandlers()[name](server))
		ready(t, fleet)
		lists, _ := fleet.Lists("crm")
		got := strings.Join([]string{names(lists.Tools), names(lists.Resources), names(lists.Templates), names(lists.Prompts)}, ", ")
		if want := "greet, test://one, test://{id}, ask"; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestAppsGivenTwiceOrWithoutTransportAreRefused(t *testing.T) {
	for want, specs := range map[string][]upstream.Spec{
		"given twice":          {{App: "a", URL: "http://127.0.0.1:1"}, {App: "a", URL: "http://127.0.0.1:1"}},
		`no transport "stdio"`: {{App: "a", Command: []string{"x"}}},
		"want http or https":   {{App: "a", URL: "ftp://127.0.0.1"}},
	} {
		transports := map[string]upstream.Opener{upstream.Streamable: streamable.Open}
		_, err := upstream.Open(t.Context(), specs, upstream.Options{Transports: transports})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
