package streamable_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/upstream"
)

func TestAResultIsPassedByteForByte(t *testing.T) {
	const odd = `{ "content" : [ ], "n":9223372036854775807,"x":1.0, "unknown" :{"a":1,"a":2},"half":"\ud83d","é":"\u00e9" }`
	for name, say := range map[string]func(http.ResponseWriter, *http.Request, string, []byte){
		"json":   replies(odd),
		"stream": says(200, "text/event-stream", `data: {"jsonrpc":"2.0","id":ID,"result":`+odd+"}\n\n"),
	} {
		t.Run(name, func(t *testing.T) {
			fleet, _ := open(t, &rawServer{call: say})
			if got := string(call(t, fleet, alice, `{"name":"x"}`).Result); got != odd {
				t.Errorf("got  %s\nwant %s", got, odd)
			}
		})
	}
}

func TestArgumentsArriveByteForByteAndWithALength(t *testing.T) {
	const odd = `{"n":9223372036854775807 ,"x":1.0,"s":"\u00e9 <&>"}`
	for _, sessions := range []bool{false, true} {
		fleet, rec := open(t, &rawServer{sessions: sessions, call: replies(`{}`)})
		call(t, fleet, alice, `{"name":"x","arguments":`+odd+`,"extra":[1]}`)
		sent := rec.about("tools/call")[0]
		if !strings.Contains(sent.body, `"arguments":`+odd) || !strings.Contains(sent.body, `"extra":[1]`) {
			t.Errorf("sessions=%v: got %s, want arguments %s", sessions, sent.body, odd)
		}
		if sent.length != int64(len(sent.body)) {
			t.Errorf("sessions=%v: Content-Length: got %d, want %d", sessions, sent.length, len(sent.body))
		}
	}
}

// A server may answer while it is still being written to; neither the answer
// nor the next call may suffer.
func TestLargeCallsAndAnswersPassTogether(t *testing.T) {
	big := strings.Repeat("x", 16<<20) // more than sockets buffer
	early := func(w http.ResponseWriter, r *http.Request, id string, _ []byte) { answer(w, id, `"`+big+`"`) }
	for name, server := range map[string]http.Handler{
		"read first": &rawServer{call: early},
		"answered early": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Mcp-Method") != "tools/call" {
				(&rawServer{}).ServeHTTP(w, r)
				return
			}
			part := make([]byte, 100)
			if _, err := io.ReadFull(r.Body, part); err != nil {
				t.Errorf("read the beginning: %v", err)
			}
			id, _, _ := strings.Cut(strings.TrimPrefix(string(part), `{"jsonrpc":"2.0","id":`), ",")
			if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
				t.Errorf("full duplex: %v", err)
			}
			early(w, r, id, nil)
			// A server that hung up now would reset the connection under an
			// answer that is not read yet.
			_ = http.NewResponseController(w).Flush()
			_, _ = io.Copy(io.Discard, r.Body)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			plain := httptest.NewServer(server)
			defer plain.Close()
			fleet := openURL(t, plain.URL)
			for range 3 {
				reply := call(t, fleet, alice, `{"name":"x","arguments":{"text":"`+big+`"}}`)
				if got, want := len(reply.Result), len(big)+2; got != want {
					t.Fatalf("got %d bytes, want %d", got, want)
				}
			}
		})
	}
}

func TestAStatelessCallSaysAllThereIsToKnow(t *testing.T) {
	fleet, rec := open(t, &rawServer{call: replies(`{}`)}, func(s *upstream.Spec, _ *upstream.Options) {
		s.Headers = map[string]string{"X-Env": "prod"}
	})
	call(t, fleet, alice, `{"name":"naïve","_meta":{"progressToken":1,"io.modelcontextprotocol/clientInfo":{"name":"theirs","version":"1"},"other":{"kept":1}}}`)
	sent := rec.about("tools/call")[0]
	for header, want := range map[string]string{
		"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "=?base64?bmHDr3Zl?=", "Mcp-Session-Id": "",
		"X-Env": "prod", "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
	} {
		if got := sent.header.Get(header); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
	var m struct {
		Params struct {
			Meta map[string]json.RawMessage `json:"_meta"`
		}
	}
	if err := json.Unmarshal([]byte(sent.body), &m); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"io.modelcontextprotocol/protocolVersion":    `"2026-07-28"`,
		"io.modelcontextprotocol/clientInfo":         `{"name":"ostiary","version":"0"}`,
		"io.modelcontextprotocol/clientCapabilities": `{}`,
		"other":         `{"kept":1}`,
		"progressToken": ``,
	} {
		if got := string(m.Params.Meta[key]); got != want {
			t.Errorf("_meta %s: got %s, want %s", key, got, want)
		}
	}
}

func TestACallInASessionHasNothingOfTheOtherEra(t *testing.T) {
	fleet, rec := open(t, &rawServer{sessions: true, call: replies(`{}`)})
	call(t, fleet, alice, `{"name":"x","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"other":1}}`)
	sent := rec.about("tools/call")[0]
	if strings.Contains(sent.body, "io.modelcontextprotocol") || !strings.Contains(sent.body, `"other":1`) {
		t.Errorf("got %s, want other alone in _meta", sent.body)
	}
	for header, want := range map[string]string{
		"Mcp-Protocol-Version": "2025-11-25", "Mcp-Session-Id": "session-0", "Mcp-Method": "", "Mcp-Name": "",
	} {
		if got := sent.header.Get(header); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
}

func TestAHeaderOfACallIsSentWithItAlone(t *testing.T) {
	fleet, rec := open(t, &rawServer{call: replies(`{}`)})
	req := upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`), Header: []upstream.Header{{Name: "x-api-key", Value: "s3cret"}}}
	if _, err := fleet.Call(t.Context(), "crm", alice, req); err != nil {
		t.Fatal(err)
	}
	call(t, fleet, alice, `{"name":"x"}`)
	sent := rec.about("tools/call")
	if got := sent[0].header.Get("X-Api-Key") + "," + sent[1].header.Get("X-Api-Key"); got != "s3cret," {
		t.Errorf("got %q, want the key on the first call alone", got)
	}
}

func TestPeopleShareASessionOnlyWhereTheAppIsShared(t *testing.T) {
	bob := upstream.Caller{Tenant: "acme", Subject: "bob"}
	elsewhere := upstream.Caller{Tenant: "other", Subject: "alice"}
	for shared, want := range map[bool]int{false: 4, true: 1} { // one lists
		fleet, rec := open(t, &rawServer{sessions: true, call: replies(`{}`)}, func(s *upstream.Spec, _ *upstream.Options) { s.Shared = shared })
		ready(t, fleet)
		for _, who := range []upstream.Caller{alice, bob, elsewhere, alice} {
			call(t, fleet, who, `{"name":"x"}`)
		}
		if got := len(rec.about("initialize")); got != want {
			t.Errorf("shared=%v: got %d sessions, want %d", shared, got, want)
		}
	}
}

func TestAnEndedSessionIsBegunAgainAndTheCallMadeOnce(t *testing.T) {
	for name, gone := range map[string]func(http.ResponseWriter){
		"404": func(w http.ResponseWriter) { http.Error(w, "no", http.StatusNotFound) },
		"400 that names the session": func(w http.ResponseWriter) {
			says(400, "application/json", `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}`)(w, nil, "", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			raw := &rawServer{sessions: true, call: replies(`{}`)}
			fleet, rec := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if id := r.Header.Get("Mcp-Session-Id"); id != "" && id != raw.id() {
					gone(w)
					return
				}
				raw.ServeHTTP(w, r)
			}))
			call(t, fleet, alice, `{"name":"first"}`)
			raw.session.Add(1) // as after a restart
			call(t, fleet, alice, `{"name":"second"}`)
			sent := rec.about("tools/call")
			if len(sent) != 3 || sent[2].header.Get("Mcp-Session-Id") != "session-1" {
				t.Errorf("got %d requests, want 3, the last with the new session", len(sent))
			}
		})
	}
}

func TestAServerThatForgetsEverySessionIsNotAskedForEver(t *testing.T) {
	raw := &rawServer{sessions: true, call: says(404, "", "")}
	fleet, rec := open(t, raw)
	err := failingCall(t, fleet)
	if !errors.Is(err, upstream.ErrSessionGone) {
		t.Errorf("got %v, want ErrSessionGone", err)
	}
	if got := len(rec.about("tools/call")); got != 2 {
		t.Errorf("requests: got %d, want 2", got)
	}
}

func TestAServerThatChangesItsEraIsFollowed(t *testing.T) {
	for _, before := range []bool{false, true} {
		t.Run(fmt.Sprintf("sessions=%v before", before), func(t *testing.T) {
			old := &rawServer{sessions: before, call: replies(`{"era":1}`)}
			new := &rawServer{sessions: !before, call: replies(`{"era":2}`)}
			new.session.Store(7)
			now := make(chan http.Handler, 1)
			now <- old
			fleet, _ := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				current := <-now
				now <- current
				if s := current.(*rawServer); !s.sessions && r.Header.Get("Mcp-Method") == "" && r.Method == http.MethodPost {
					says(400, "application/json", `{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"missing required Mcp-Method header"}}`)(w, r, "", nil)
					return
				}
				current.ServeHTTP(w, r)
			}))
			ready(t, fleet)
			if got := string(call(t, fleet, alice, `{"name":"x"}`).Result); got != `{"era":1}` {
				t.Fatalf("got %s", got)
			}
			<-now
			now <- new
			if got := string(call(t, fleet, alice, `{"name":"x"}`).Result); got != `{"era":2}` {
				t.Errorf("got %s, want the new server's", got)
			}
		})
	}
}

func TestACancelledCallIsCancelledUpstream(t *testing.T) {
	for _, sessions := range []bool{false, true} {
		t.Run(fmt.Sprintf("sessions=%v", sessions), func(t *testing.T) {
			running, over := make(chan struct{}), make(chan struct{})
			fleet, rec := open(t, &rawServer{sessions: sessions, call: func(_ http.ResponseWriter, r *http.Request, _ string, _ []byte) {
				close(running)
				<-r.Context().Done()
				close(over)
			}})
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-running
				cancel()
			}()
			_, err := fleet.Call(ctx, "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`)})
			if !errors.Is(err, context.Canceled) || upstream.NotSent(err) {
				t.Errorf("got %v, want canceled, and that it may have run", err)
			}
			<-over
			want := fmt.Sprintf(`"params":{"requestId":%s}`, idOf([]byte(rec.about("tools/call")[0].body)))
			if sessions && !strings.Contains(await(t, rec, "notifications/cancelled").body, want) {
				t.Errorf("got %v, want %s", rec.about("notifications/cancelled"), want)
			}
			if got := len(rec.about("notifications/cancelled")); !sessions && got != 0 {
				t.Errorf("notifications: got %d, want none: the end of the stream says it", got)
			}
		})
	}
}

func TestARequestOfTheUpstreamIsRefusedAndPingAnswered(t *testing.T) {
	answers := make(chan string, 2)
	server := &rawServer{sessions: true, call: func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) {
		if id == `"s1"` || id == "2" { // it is an answer
			return
		}
		stream(w, `{"jsonrpc":"2.0","id":"s1","method":"sampling/createMessage","params":{}}`, `{"jsonrpc":"2.0","id":2,"method":"ping"}`,
			`{"jsonrpc":"2.0","id":`+id+`,"result":{}}`)
	}}
	fleet, _ := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct{ ID, Method, Result, Error json.RawMessage }
		body := readAll(t, r)
		if json.Unmarshal(body, &m) == nil && m.Method == nil && r.Method == http.MethodPost {
			answers <- fmt.Sprintf("%s %s %s", m.ID, m.Result, m.Error)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		server.ServeHTTP(w, r)
	}))
	call(t, fleet, alice, `{"name":"x"}`)
	got := map[string]bool{<-answers: true, <-answers: true}
	for _, want := range []string{`2 {} `, `"s1"  {"code":-32601,"message":"sampling/createMessage is not offered here"}`} {
		if !got[want] {
			t.Errorf("got %v, want %s among them", got, want)
		}
	}
	if got := fleet.Counts("crm").Refused.Load(); got != 1 {
		t.Errorf("refused: got %d, want 1", got)
	}
}
