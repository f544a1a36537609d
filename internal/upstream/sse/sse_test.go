package sse_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/internal/upstream"
)

func TestAnOfficialServerOfGoAnswers(t *testing.T) {
	server := mcp.NewServer(&mcp.Implementation{Name: "greeter", Version: "1"}, nil)
	type greeting struct {
		Name string `json:"name"`
	}
	mcp.AddTool(server, &mcp.Tool{Name: "greet"}, func(ctx context.Context, req *mcp.CallToolRequest, in greeting) (*mcp.CallToolResult, any, error) {
		if token := req.Params.GetProgressToken(); token != nil {
			if err := req.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token, Progress: 1}); err != nil {
				return nil, nil, err
			}
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "hello " + in.Name}}}, nil, nil
	})
	fleet := open(t, mcp.NewSSEHandler(func(*http.Request) *mcp.Server { return server }, nil))
	if err := fleet.Ready(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	if lists, _ := fleet.Lists("old"); len(lists.Tools) != 1 || lists.Tools[0].Name != "greet" {
		t.Errorf("got %v, want greet", lists.Tools)
	}
	var heard []string
	reply, err := fleet.Call(t.Context(), "old", alice, upstream.Request{
		Method: "tools/call", Params: []byte(`{"name":"greet","arguments":{"name":"bob"},"_meta":{"progressToken":"mine"}}`),
		Notify: func(raw []byte) { heard = append(heard, string(raw)) },
	})
	if err != nil || !strings.Contains(string(reply.Result), "hello bob") {
		t.Errorf("got %s, %v, want hello bob", reply.Result, err)
	}
	if len(heard) != 1 || !strings.Contains(heard[0], `"progressToken":"mine"`) {
		t.Errorf("heard %q, want progress under the caller's own token", heard)
	}
	if got := call(t, fleet, alice, `{"name":"nothing"}`); !strings.Contains(got, "-32602") {
		t.Errorf("got %s, want the server's error", got)
	}
}

func TestTheOfficialServerOfTypeScriptAnswers(t *testing.T) {
	fleet := openURL(t, testparts.EverythingSSE(t))
	if err := fleet.Ready(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	if got := call(t, fleet, alice, `{"name":"echo","arguments":{"message":"to and fro"}}`); !strings.Contains(got, "to and fro") {
		t.Errorf("got %s, want an echo", got)
	}
	if got := call(t, fleet, bob, `{"name":"get-sum","arguments":{"a":2,"b":40}}`); !strings.Contains(got, "42") {
		t.Errorf("got %s, want 42", got)
	}
}

func TestArgumentsAndResultsPassByteForByte(t *testing.T) {
	const odd = `{ "n":9223372036854775807 ,"x":1.0,"a":{"a":1,"a":2},"s":"\u00e9 <&>","half":"\ud83d" }`
	fleet := open(t, &rawServer{posted: calls(func(s *stream, w http.ResponseWriter, m message) {
		w.WriteHeader(http.StatusAccepted)
		var p struct{ Arguments json.RawMessage }
		if err := json.Unmarshal(m.Params, &p); err != nil {
			t.Error(err)
		}
		s.answer(m.ID, string(p.Arguments))
	})})
	if got := call(t, fleet, alice, `{"name":"x","arguments":`+odd+`}`); got != odd {
		t.Errorf("got  %s\nwant %s", got, odd)
	}
}

func TestAServerOfThisTransportIsNotAskedForWhatItNeverHas(t *testing.T) {
	raw := &rawServer{}
	fleet := open(t, raw)
	call(t, fleet, alice, `{"name":"x"}`)
	if got := raw.about("server/discover"); len(got) != 0 {
		t.Errorf("server/discover was posted: %v", got)
	}
	if got := raw.about("initialize"); len(got) == 0 {
		t.Error("initialize was never posted")
	}
}

func TestPeopleShareAStreamOnlyWhereTheAppIsShared(t *testing.T) {
	for shared, want := range map[bool]int{false: 3, true: 1} { // one lists
		raw := &rawServer{}
		fleet := open(t, raw, func(s *upstream.Spec) { s.Shared = shared })
		if err := fleet.Ready(t.Context(), "old"); err != nil {
			t.Fatal(err)
		}
		for _, who := range []upstream.Caller{alice, bob, alice} {
			call(t, fleet, who, `{"name":"x"}`)
		}
		if got := raw.opening(); got != want {
			t.Errorf("shared=%v: %d streams, want %d", shared, got, want)
		}
	}
}

// Whoever can name another endpoint gets the headers, the credential and the
// arguments of all calls.
func TestAnEndpointOfAnotherOriginIsRefused(t *testing.T) {
	var elsewhere atomic.Int64
	other := &rawServer{opened: func(http.ResponseWriter, *http.Request) bool { elsewhere.Add(1); return true }}
	otherURL := serve(t, other)
	_, port, _ := strings.Cut(strings.TrimPrefix(otherURL, "http://"), ":")
	for _, said := range []string{
		otherURL + "/message", "//127.0.0.1:" + port + "/message", "https://HOST/message?session=SESSION", "http://u:p@HOST/message?session=SESSION",
		"http://localhost:PORT/message?session=SESSION", "http://HOST.example/message", "file:///etc/passwd", "http:message", "http:///message",
		"http://HOST%2f@127.0.0.1:" + port + "/message", "\\\\127.0.0.1:" + port + "/message", "http://[::1/", "mailto:root@localhost",
	} {
		raw := &rawServer{}
		url := serve(t, raw)
		host := strings.TrimPrefix(url, "http://")
		_, ours, _ := strings.Cut(host, ":")
		raw.endpoint = strings.NewReplacer("HOST", host, "PORT", ours).Replace(said)
		_, err := try(t, openURL(t, url+"/sse"), alice, `{"name":"x"}`)
		if !upstream.NotSent(err) || !strings.Contains(err.Error(), "endpoint") && !strings.Contains(err.Error(), "418") {
			t.Errorf("%s: got %v, want it refused, and nothing sent", said, err)
		}
	}
	if got := elsewhere.Load(); got != 0 || len(other.posts) != 0 {
		t.Errorf("another origin got %d requests and %d messages", got, len(other.posts))
	}
}

func TestAnEndpointOfTheSameOriginIsTakenInEachForm(t *testing.T) {
	for _, said := range []string{
		"/message?session=SESSION", "message?session=SESSION", "http://HOST/message?session=SESSION", "//HOST/message?session=SESSION",
		"HTTP://HOST/message?session=SESSION#fragment", " /message?session=SESSION ", "./x/../message?session=SESSION",
	} {
		raw := &rawServer{}
		url := serve(t, raw)
		raw.endpoint = strings.ReplaceAll(said, "HOST", strings.TrimPrefix(url, "http://"))
		if got := call(t, openURL(t, url+"/sse"), alice, `{"name":"x"}`); got != "{}" {
			t.Errorf("%s: got %s, want {}", said, got)
		}
	}
}

func TestAStreamThatEndedIsOpenedAgain(t *testing.T) {
	raw := &rawServer{}
	fleet := open(t, raw, func(s *upstream.Spec) { s.Shared = true })
	call(t, fleet, alice, `{"name":"x"}`)
	raw.stream("1").drop()
	await(t, "the end of the stream", func() bool { return raw.stream("1") == nil })
	await(t, "a call after the end of the stream", func() bool {
		got, err := try(t, fleet, alice, `{"name":"x"}`)
		if err != nil && !strings.Contains(err.Error(), "the stream has ended") { // it met the end
			t.Fatal(err)
		}
		return got == "{}"
	})
	if got := raw.opening(); got != 2 {
		t.Errorf("%d streams, want 2", got)
	}
}

func TestAStreamThatEndsUnderACallLeavesItOpenWhatRan(t *testing.T) {
	raw := &rawServer{}
	raw.posted = calls(func(s *stream, w http.ResponseWriter, _ message) {
		w.WriteHeader(http.StatusAccepted)
		s.drop()
	})
	_, err := try(t, open(t, raw), alice, `{"name":"x"}`)
	if err == nil || upstream.NotSent(err) || !strings.Contains(err.Error(), "the stream has ended") {
		t.Errorf("got %v (not sent: %v), want that the stream has ended, and that it may have run", err, upstream.NotSent(err))
	}
	if got := len(raw.about("tools/call")); got != 1 {
		t.Errorf("the call was posted %d times, want once", got)
	}
}

// A server that was restarted does not know its sessions, though a proxy may
// keep their streams open.
func TestASessionThatIsGoneIsBegunAgainAndTheCallMadeOnce(t *testing.T) {
	for name, gone := range map[string]struct {
		status int
		text   string
	}{"404": {404, "no"}, "400 that names the session": {400, "No transport found for sessionId"}} {
		t.Run(name, func(t *testing.T) {
			var refused atomic.Int64
			raw := &rawServer{}
			raw.posted = calls(func(s *stream, w http.ResponseWriter, m message) {
				if refused.Add(1) == 1 {
					http.Error(w, gone.text, gone.status)
					return
				}
				w.WriteHeader(http.StatusAccepted)
				s.answer(m.ID, `{"ran":true}`)
			})
			fleet := open(t, raw, func(s *upstream.Spec) { s.Shared = true })
			if got := call(t, fleet, alice, `{"name":"x"}`); got != `{"ran":true}` {
				t.Errorf("got %s", got)
			}
			if streams, posts := raw.opening(), len(raw.about("tools/call")); streams != 2 || posts != 2 {
				t.Errorf("%d streams and %d posts, want 2 and 2", streams, posts)
			}
			await(t, "the first stream is closed", func() bool { return raw.stream("1") == nil })
		})
	}
}

// A stream that is given up for new calls still brings the answers of those
// that are under way.
func TestACallUnderWayFinishesOnAStreamThatIsGivenUp(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	raw := &rawServer{}
	raw.posted = calls(func(s *stream, w http.ResponseWriter, m message) {
		if strings.Contains(string(m.Params), "slow") {
			w.WriteHeader(http.StatusAccepted)
			close(begun)
			<-release
			s.answer(m.ID, `"slow"`)
			return
		}
		http.Error(w, "no", http.StatusBadRequest)
	})
	fleet := open(t, raw, func(s *upstream.Spec) { s.Shared = true })
	var slow sync.WaitGroup
	slow.Go(func() {
		if got, err := try(t, fleet, alice, `{"name":"slow"}`); got != `"slow"` || err != nil {
			t.Errorf("got %s, %v, want slow", got, err)
		}
	})
	<-begun
	if _, err := try(t, fleet, alice, `{"name":"bad"}`); err == nil || upstream.NotSent(err) {
		t.Errorf("got %v, want the refusal", err)
	}
	close(release)
	slow.Wait()
	await(t, "the stream that was given up is closed", func() bool { return raw.stream("1") == nil })
}

func TestAnAnswerCountsThatComesBeforeThePostHasEnded(t *testing.T) {
	release := make(chan struct{})
	fleet := open(t, &rawServer{posted: calls(func(s *stream, _ http.ResponseWriter, m message) {
		s.answer(m.ID, `"early"`)
		<-release // the post doesn't end before the test
	})})
	t.Cleanup(func() { close(release) })
	if got := call(t, fleet, alice, `{"name":"x"}`); got != `"early"` {
		t.Errorf("got %s", got)
	}
}

func TestARefusedPostIsAClearErrorAndMadeOnce(t *testing.T) {
	for status, want := range map[int]string{
		400: "400 Bad Request", 401: "401 Unauthorized", 413: "413", 302: "redirects are not followed", 500: "500",
	} {
		raw := &rawServer{posted: calls(func(_ *stream, w http.ResponseWriter, _ message) {
			w.Header().Set("Location", "/message")
			http.Error(w, "", status)
		})}
		_, err := try(t, open(t, raw), alice, `{"name":"x"}`)
		var e *upstream.Error
		if !errors.As(err, &e) || e.Status != status || upstream.NotSent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: got %v, want %q", status, err, want)
		}
		if got := len(raw.about("tools/call")); got != 1 {
			t.Errorf("%d: posted %d times, want once", status, got)
		}
	}
}

func TestWhatIsNoStreamIsAClearErrorAndNothingIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		say  func(w http.ResponseWriter)
		want string
	}{
		"a page":        {func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") }, "not text/event-stream"},
		"unauthorized":  {func(w http.ResponseWriter) { http.Error(w, "who", http.StatusUnauthorized) }, "401 Unauthorized"},
		"a redirect":    {func(w http.ResponseWriter) { w.Header().Set("Location", "/x"); w.WriteHeader(307) }, "redirects"},
		"no endpoint":   {events(": hello\n\n"), "wait for the endpoint"},
		"only messages": {events("data: {}\n\ndata: {}\n\n"), "wait for the endpoint"},
		"too long":      {events("event: endpoint\ndata: /" + strings.Repeat("x", 5000) + "\n\n"), "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := &rawServer{opened: func(w http.ResponseWriter, _ *http.Request) bool { c.say(w); return true }}
			fleet := open(t, raw, func(s *upstream.Spec) { s.MaxResult = 4000 })
			_, err := try(t, fleet, alice, `{"name":"x"}`)
			if !upstream.NotSent(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v (not sent: %v), want %q", err, upstream.NotSent(err), c.want)
			}
			if len(raw.posts) != 0 {
				t.Errorf("posted %v", raw.posts)
			}
		})
	}
}

func events(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, text)
	}
}

func TestAServerThatNeverNamesItsEndpointIsGivenUp(t *testing.T) {
	raw := &rawServer{opened: func(w http.ResponseWriter, r *http.Request) bool {
		events(": hello\n\n")(w)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}}
	_, err := try(t, open(t, raw, func(s *upstream.Spec) { s.Timeout = 100 * time.Millisecond }), alice, `{"name":"x"}`)
	if !upstream.NotSent(err) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want deadline exceeded, not sent", err)
	}
}

func TestAnUpstreamThatNeverAnswersIsGivenUpAndTold(t *testing.T) {
	raw := &rawServer{posted: calls(func(_ *stream, w http.ResponseWriter, _ message) { w.WriteHeader(http.StatusAccepted) })}
	fleet := open(t, raw, func(s *upstream.Spec) { s.Timeout = 2 * time.Second })
	if err := fleet.Ready(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	_, err := try(t, fleet, alice, `{"name":"x"}`)
	if upstream.NotSent(err) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want no answer in time, and that it may have run", err)
	}
	await(t, "it is told", func() bool { return len(raw.about("notifications/cancelled")) == 1 })
	want := fmt.Sprintf(`{"requestId":%s}`, raw.about("tools/call")[0].ID)
	if got := string(raw.about("notifications/cancelled")[0].Params); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnAnswerTooLargeEndsTheStreamAndTheNextCallGetsANewOne(t *testing.T) {
	raw := &rawServer{posted: calls(func(s *stream, w http.ResponseWriter, m message) {
		w.WriteHeader(http.StatusAccepted)
		size := 10
		if strings.Contains(string(m.Params), "huge") {
			size = 10_000
		}
		s.answer(m.ID, `"`+strings.Repeat("x", size)+`"`)
	})}
	fleet := open(t, raw, func(s *upstream.Spec) { s.MaxResult = 4000 })
	if _, err := try(t, fleet, alice, `{"name":"huge"}`); err == nil || upstream.NotSent(err) || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %v, want too large, and that it may have run", err)
	}
	if got := call(t, fleet, alice, `{"name":"small"}`); len(got) != 12 {
		t.Errorf("got %s", got)
	}
}

func TestGarbageAndStraysHarmNobody(t *testing.T) {
	raw := &rawServer{posted: calls(func(s *stream, w http.ResponseWriter, m message) {
		w.WriteHeader(http.StatusAccepted)
		s.say("endpoint", "http://elsewhere.example/message") // only the first counts
		s.say("message", "hello")
		s.say("other", `{"jsonrpc":"2.0","id":1,"result":{}}`)
		s.answer(json.RawMessage(`99999`), `"of nobody"`)
		s.answer(json.RawMessage(`"`+string(m.ID)+`"`), `"an id as text"`)
		s.answer(m.ID, `"mine"`)
		s.answer(m.ID, `"again"`)
	})}
	fleet := open(t, raw)
	for range 3 {
		if got := call(t, fleet, alice, `{"name":"x"}`); got != `"mine"` {
			t.Errorf("got %s, want mine", got)
		}
	}
	counts := fleet.Counts("old")
	await(t, "all is counted", func() bool { return counts.Garbage.Load() == 3 && counts.Strays.Load() == 15 })
}

func TestACallThatReachesNobodyIsProvenNotSent(t *testing.T) {
	raw := &rawServer{}
	url := serve(t, raw)
	fleet := openURL(t, url+"/sse")
	call(t, fleet, alice, `{"name":"x"}`)
	raw.mu.Lock()
	raw.endpoint = "http://127.0.0.1:1/message" // of another origin: the next stream is of no use
	raw.mu.Unlock()
	for _, id := range []string{"1", "2"} {
		if s := raw.stream(id); s != nil {
			s.drop()
		}
	}
	await(t, "a call after the stream has ended", func() bool {
		_, err := try(t, fleet, alice, `{"name":"x"}`)
		return upstream.NotSent(err)
	})
}

func TestOnlyTheGatewaysOwnHeadersAndTheConfiguredOnesAreSent(t *testing.T) {
	raw := &rawServer{}
	fleet := open(t, raw, func(s *upstream.Spec) {
		s.Headers = map[string]string{"X-Env": "prod", "X-Api-Key": "configured", "accept": "text/html"}
	})
	req := upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`), Header: []upstream.Header{{Name: "x-api-key", Value: "s3cret"}}}
	if _, err := fleet.Call(t.Context(), "old", alice, req); err != nil {
		t.Fatal(err)
	}
	sent := raw.about("tools/call")[0].header
	for name, want := range map[string]string{"X-Env": "prod", "X-Api-Key": "s3cret", "Content-Type": "application/json", "User-Agent": "ostiary"} {
		if got := sent.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	opened := raw.opens[0]
	if got := opened.Get("Accept") + " " + opened.Get("X-Api-Key"); got != "text/event-stream configured" {
		t.Errorf("the stream was asked for with %q", got)
	}
}

func TestCloseEndsStreamsAndCallsInFlight(t *testing.T) {
	begun := make(chan struct{})
	raw := &rawServer{posted: calls(func(_ *stream, w http.ResponseWriter, _ message) {
		w.WriteHeader(http.StatusAccepted)
		close(begun)
	})}
	fleet := open(t, raw)
	ended := make(chan error, 1)
	go func() {
		_, err := try(t, fleet, alice, `{"name":"x"}`)
		ended <- err
	}()
	<-begun
	if err := fleet.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || upstream.NotSent(err) {
		t.Errorf("got %v, want an error that leaves it open", err)
	}
	await(t, "the server's streams have ended", func() bool {
		raw.mu.Lock()
		defer raw.mu.Unlock()
		return len(raw.streams) == 0
	})
}
