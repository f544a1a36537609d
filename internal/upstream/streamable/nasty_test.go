package streamable_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
)

// Each of these answers names the app and what is wrong, is not repeated, and
// leaves it open whether the call ran.
func TestNonsenseIsAClearErrorAndAskedForOnce(t *testing.T) {
	const result = `{"jsonrpc":"2.0","id":ID,"result":{"content":[]}}`
	for name, c := range map[string]struct {
		status     int
		kind, body string
		want       string
	}{
		"a page of a proxy":         {502, "text/html", "<html>Bad Gateway</html>", "502 Bad Gateway"},
		"a page with success":       {200, "text/html", "<html>hello</html>", `"text/html"`},
		"no type":                   {200, "", result, "neither application/json"},
		"broken JSON":               {200, "application/json", `{"jsonrpc":"2.0","id":ID,"result":`, "not JSON"},
		"nothing":                   {200, "application/json", ``, "not JSON"},
		"another id":                {200, "application/json", `{"jsonrpc":"2.0","id":99999,"result":{}}`, "another id"},
		"an id as a string":         {200, "application/json", `{"jsonrpc":"2.0","id":"ID","result":{}}`, "another id"},
		"two answers in one":        {200, "application/json", result + result, "not JSON"},
		"a batch":                   {200, "application/json", "[" + result + "]", "batch"},
		"a result and an error":     {200, "application/json", `{"jsonrpc":"2.0","id":ID,"result":{},"error":{}}`, "both a result and an error"},
		"two results":               {200, "application/json", `{"jsonrpc":"2.0","id":ID,"result":{},"result":{}}`, "duplicate key"},
		"a member twice":            {200, "application/json", `{"jsonrpc":"2.0","id":ID,"result":{"isError":false,"isError":true}}`, "duplicate key"},
		"a member twice, as event":  {200, "text/event-stream", "data: " + `{"jsonrpc":"2.0","id":ID,"result":{"content":[],"content":[]}}` + "\n\n", "duplicate key"},
		"no UTF-8":                  {200, "application/json", `{"jsonrpc":"2.0","id":ID,"result":{"x":"` + "\xff" + `"}}`, "broken Unicode"},
		"a request for an answer":   {200, "application/json", `{"jsonrpc":"2.0","id":ID,"method":"ping"}`, "another id"},
		"a notification's answer":   {202, "", "", "202 Accepted, and no result"},
		"a redirect":                {307, "", "", "redirects are not followed"},
		"unauthorized":              {401, "text/plain", "who are you", "401 Unauthorized"},
		"a stream without answer":   {200, "text/event-stream", ": hello\n\n", "without an answer"},
		"a stream of other answers": {200, "text/event-stream", "data: {\"jsonrpc\":\"2.0\",\"id\":99999,\"result\":{}}\n\n", "without an answer"},
		"a stream of garbage":       {200, "text/event-stream", "data: hello\n\n", "an event \"hello\""},
		"a stream cut short":        {200, "text/event-stream", "data: " + result, "unexpected EOF"},
	} {
		for _, sessions := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s sessions=%v", name, sessions), func(t *testing.T) {
				server := &rawServer{sessions: sessions, call: says(c.status, c.kind, c.body)}
				fleet, rec := open(t, server)
				err := failingCall(t, fleet)
				if !strings.Contains(err.Error(), "crm: tools/call: ") || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %q, want crm, tools/call and %q", err, c.want)
				}
				if upstream.NotSent(err) {
					t.Errorf("the call is said not to have left: %v", err)
				}
				if got := len(rec.about("tools/call")); got != 1 {
					t.Errorf("requests: got %d, want 1", got)
				}
			})
		}
	}
}

func failingCall(t *testing.T, fleet *upstream.Fleet) error {
	t.Helper()
	reply, err := fleet.Call(t.Context(), "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`)})
	if err == nil {
		t.Fatalf("got %s, want an error", reply.Result)
	}
	return err
}

func TestARefusalsStatusCanBeRead(t *testing.T) {
	fleet, _ := open(t, &rawServer{call: says(403, "text/plain", "no")})
	var e *upstream.Error
	if err := failingCall(t, fleet); !errors.As(err, &e) || e.Status != 403 {
		t.Errorf("got %v, want status 403", err)
	}
}

func TestAHugeAnswerIsCutOff(t *testing.T) {
	huge := `{"jsonrpc":"2.0","id":ID,"result":{"x":"` + strings.Repeat("x", 4000) + `"}}`
	for name, say := range map[string]func(http.ResponseWriter, *http.Request, string, []byte){
		"of known length": says(200, "application/json", huge),
		"of unknown length": func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) {
			w.Header().Set("Content-Type", "application/json")
			w.(http.Flusher).Flush() // and so without a length
			fmt.Fprint(w, strings.ReplaceAll(huge, "ID", id))
		},
		"in a stream": says(200, "text/event-stream", "data: "+huge+"\n\n"),
	} {
		t.Run(name, func(t *testing.T) {
			for limit, want := range map[int64]bool{2000: false, 5000: true} {
				fleet, _ := open(t, &rawServer{call: say}, func(s *upstream.Spec, _ *upstream.Options) { s.MaxResult = limit })
				_, err := fleet.Call(t.Context(), "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`)})
				if got := err == nil; got != want {
					t.Errorf("limit %d: got %v, want success %v", limit, err, want)
				}
			}
		})
	}
}

func TestAnUpstreamThatNeverAnswersIsGivenUp(t *testing.T) {
	for name, say := range map[string]string{"silent": "", "an infinite stream": `{"jsonrpc":"2.0","method":"notifications/message","params":{}}`} {
		t.Run(name, func(t *testing.T) {
			over := make(chan struct{})
			fleet, _ := open(t, &rawServer{call: func(w http.ResponseWriter, r *http.Request, _ string, _ []byte) {
				defer close(over)
				if say == "" {
					<-r.Context().Done()
					return
				}
				for r.Context().Err() == nil {
					stream(w, say)
				}
			}}, func(s *upstream.Spec, _ *upstream.Options) { s.Timeout = time.Second })
			err := failingCall(t, fleet)
			if want := "no answer within 1s"; !strings.Contains(err.Error(), want) || upstream.NotSent(err) {
				t.Errorf("got %v (not sent: %v), want %q", err, upstream.NotSent(err), want)
			}
			<-over
		})
	}
}

func TestACallThatReachesNobodyIsProvenNotSent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	fleet := openURL(t, "http://"+address)
	if err := failingCall(t, fleet); !upstream.NotSent(err) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v (not sent: %v), want connection refused, not sent", err, upstream.NotSent(err))
	}
	if _, state := fleet.Lists("crm"); state.Listed {
		t.Error("lists were never fetched, and are said to be")
	}
}

// An upstream of a known era that closes its door afterwards: the connection
// of the caller needs no handshake, so it is the call itself that fails.
func TestACallToAStoppedServerIsProvenNotSent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: &rawServer{call: replies(`{}`)}, ReadHeaderTimeout: patience}
	server.SetKeepAlivesEnabled(false) // or it is a matter of luck who notices first
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fleet := openURL(t, "http://"+listener.Addr().String())
	ready(t, fleet)
	call(t, fleet, alice, `{"name":"x"}`)
	server.Close()
	<-served
	if err := failingCall(t, fleet); !upstream.NotSent(err) {
		t.Errorf("got %v, want it proven not sent", err)
	}
}

func TestAConnectionThatBreaksAfterTheRequestLeavesItOpen(t *testing.T) {
	fleet, rec := open(t, &rawServer{call: func(http.ResponseWriter, *http.Request, string, []byte) {
		panic(http.ErrAbortHandler)
	}})
	if err := failingCall(t, fleet); upstream.NotSent(err) {
		t.Errorf("got %v, said not to have left", err)
	}
	if got := len(rec.about("tools/call")); got != 1 {
		t.Errorf("requests: got %d, want 1", got)
	}
}

func TestACallerWhoIsGoneBeforehandSendsNothing(t *testing.T) {
	fleet, rec := open(t, &rawServer{call: replies(`{}`)})
	ready(t, fleet)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := fleet.Call(ctx, "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`)})
	if !upstream.NotSent(err) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled and not sent", err)
	}
	if got := rec.about("tools/call"); len(got) != 0 {
		t.Errorf("the call was sent: %v", got)
	}
}

func TestAnUnknownAppIsAnErrorThatSaysSo(t *testing.T) {
	fleet, _ := open(t, &rawServer{call: replies(`{}`)})
	_, err := fleet.Call(t.Context(), "shop", alice, upstream.Request{Method: "tools/call"})
	if !errors.Is(err, upstream.ErrUnknownApp) || !upstream.NotSent(err) {
		t.Errorf("got %v, want ErrUnknownApp, not sent", err)
	}
}
