package streamable_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/internal/upstream"
)

// A polled server closes the stream of a call before the answer, and says in
// parts what comes when it is asked how it goes on.
type polled struct {
	first string                                       // on the stream of the call
	parts []func(w http.ResponseWriter, id string)     // one for each GET
	mu    sync.Mutex                                   //
	id    string                                       // of the call
	asked []string                                     // Last-Event-ID of each GET
	hook  func(w http.ResponseWriter, r *http.Request) // instead of parts
}

func (p *polled) server() *rawServer {
	return &rawServer{sessions: true, listen: p.get, call: func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) {
		p.mu.Lock()
		p.id = id
		p.mu.Unlock()
		say(p.first)(w, id)
	}}
}

func (p *polled) get(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.asked)
	p.asked = append(p.asked, r.Header.Get("Last-Event-Id"))
	switch {
	case p.hook != nil:
		p.hook(w, r)
	case n < len(p.parts):
		p.parts[n](w, p.id)
	default:
		http.Error(w, "asked too often", http.StatusTeapot)
	}
}

func (p *polled) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

// say writes a whole stream; ID stands for the call's.
func say(events string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, id string) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, strings.ReplaceAll(events, "ID", id))
	}
}

func refuse(status int) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) { http.Error(w, "no", status) }
}

const (
	primed   = "id: a1\nretry: 1\ndata: \n\n"
	finished = "id: a9\ndata: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"ran\":\"once\"}}\n\n"
)

func TestTheAnswerOfACallWhoseStreamWasClosedIsAskedForAgain(t *testing.T) {
	for name, c := range map[string]struct {
		first string
		parts []func(http.ResponseWriter, string)
		asked string
	}{
		"once":               {primed, []func(http.ResponseWriter, string){say(finished)}, "a1"},
		"three times":        {primed, []func(http.ResponseWriter, string){say("id: a2\ndata: \n\n"), say(": nothing\n\n"), say(finished)}, "a1 a2 a2"},
		"an id without data": {"id: a1\nretry: 1\n\n", []func(http.ResponseWriter, string){say(finished)}, "a1"},
		"cut short":          {primed + "id: a2\ndata: {\"jsonrpc\"", []func(http.ResponseWriter, string){say(finished)}, "a1"},
		"down for a moment":  {primed, []func(http.ResponseWriter, string){refuse(503), refuse(429), say(finished)}, "a1 a1 a1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &polled{first: c.first, parts: c.parts}
			fleet, rec := open(t, p.server())
			if got := string(call(t, fleet, alice, `{"name":"x"}`).Result); got != `{"ran":"once"}` {
				t.Errorf("got %s", got)
			}
			if got := strings.Join(p.all(), " "); got != c.asked {
				t.Errorf("asked behind %q, want %q", got, c.asked)
			}
			if got := len(rec.about("tools/call")); got != 1 {
				t.Errorf("the call was made %d times, want once", got)
			}
		})
	}
}

func TestTheQuestionHowAStreamGoesOnIsOneOfTheSessionAndTheCall(t *testing.T) {
	p := &polled{first: primed, parts: []func(http.ResponseWriter, string){say(finished)}}
	fleet, rec := open(t, p.server(), func(s *upstream.Spec, _ *upstream.Options) { s.Headers = map[string]string{"X-Env": "prod"} })
	req := upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`), Header: []upstream.Header{{Name: "X-Api-Key", Value: "s3cret"}}}
	if _, err := fleet.Call(t.Context(), "crm", alice, req); err != nil {
		t.Fatal(err)
	}
	for _, s := range rec.all() {
		if s.method != http.MethodGet {
			continue
		}
		for name, want := range map[string]string{
			"Mcp-Session-Id": "session-0", "Mcp-Protocol-Version": "2025-11-25", "Accept": "text/event-stream",
			"X-Env": "prod", "X-Api-Key": "s3cret", "Content-Type": "",
		} {
			if got := s.header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	}
}

func TestWhatIsToldInEachPartReachesTheCaller(t *testing.T) {
	note := func(n int) string {
		return fmt.Sprintf("id: n%d\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":ID,\"progress\":%d}}\n\n", n, n)
	}
	p := &polled{first: primed + note(1), parts: []func(http.ResponseWriter, string){say(note(2)), say(note(3) + finished)}}
	fleet, _ := open(t, p.server())
	var heard []string
	_, err := fleet.Call(t.Context(), "crm", alice, upstream.Request{
		Method: "tools/call", Params: []byte(`{"name":"x","_meta":{"progressToken":"mine"}}`),
		Notify: func(raw []byte) { heard = append(heard, string(raw)) },
	})
	if err != nil || len(heard) != 3 || strings.Join(p.all(), " ") != "n1 n2" {
		t.Errorf("heard %q, asked behind %q, %v; want all three", heard, p.all(), err)
	}
}

// Each of these is the end of the call, and leaves it open whether it ran:
// neither that it was not sent, nor that the session knows nothing of it.
func TestAStreamThatCanNotBeTakenUpAgainLeavesItOpenWhatRan(t *testing.T) {
	for name, c := range map[string]struct {
		first string
		part  func(http.ResponseWriter, string)
		want  string
		asked int
	}{
		"not offered":              {primed, refuse(405), "405", 1},
		"not known":                {primed, refuse(404), "404", 1},
		"bad":                      {primed, refuse(400), "400", 1},
		"not allowed":              {primed, refuse(401), "401", 1},
		"no stream":                {primed, func(w http.ResponseWriter, _ string) { answer(w, "1", "{}") }, "200", 1},
		"without an id":            {"retry: 1\ndata: \n\n", refuse(500), "without an answer", 0},
		"an id that can't be sent": {"id: a\x01b\nretry: 1\ndata: \n\n", refuse(500), "characters", 0},
		"garbage after":            {primed, say("data: hello\n\n"), "an event", 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := &polled{first: c.first, parts: []func(http.ResponseWriter, string){c.part}}
			fleet, rec := open(t, p.server(), func(s *upstream.Spec, _ *upstream.Options) { s.Timeout = 5 * time.Second })
			err := failingCall(t, fleet)
			if upstream.NotSent(err) || errors.Is(err, upstream.ErrSessionGone) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v (not sent: %v), want %q, and that it may have run", err, upstream.NotSent(err), c.want)
			}
			var e *upstream.Error
			if errors.As(err, &e) && e.Status != 0 {
				t.Errorf("the call is said to have been answered with %d", e.Status)
			}
			if calls, asked := len(rec.about("tools/call")), len(p.all()); calls != 1 || asked != c.asked {
				t.Errorf("called %d times and asked %d times, want 1 and %d", calls, asked, c.asked)
			}
		})
	}
}

func TestAnUpstreamThatNeverGoesOnIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		hook   func(http.ResponseWriter, *http.Request)
		fewest int
	}{
		"says nothing":    {func(w http.ResponseWriter, _ *http.Request) { say(": still working\n\n")(w, "") }, 2},
		"can't be asked":  {func(w http.ResponseWriter, _ *http.Request) { refuse(503)(w, "") }, 2},
		"hangs":           {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 1},
		"goes on forever": {func(w http.ResponseWriter, _ *http.Request) { say(primed)(w, "") }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			p := &polled{first: primed, hook: c.hook}
			fleet, rec := open(t, p.server(), func(s *upstream.Spec, _ *upstream.Options) { s.Timeout = time.Second })
			ready(t, fleet)
			err := failingCall(t, fleet)
			if !errors.Is(err, context.DeadlineExceeded) || upstream.NotSent(err) {
				t.Errorf("got %v, want no answer in time, and that it may have run", err)
			}
			if got := len(p.all()); got < c.fewest || got > 25 {
				t.Errorf("asked %d times in a second, want %d to 25", got, c.fewest)
			}
			if got := len(rec.about("tools/call")); got != 1 {
				t.Errorf("the call was made %d times, want once", got)
			}
			await(t, rec, "notifications/cancelled")
		})
	}
}

// A server that is restarted does not know the session any more. What became
// of the call is not known, and it is not made again.
func TestACallIsNotMadeAgainWhenTheServerWasRestartedMeanwhile(t *testing.T) {
	var raw *rawServer
	p := &polled{first: primed, hook: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "session not found", http.StatusNotFound) }}
	raw = p.server()
	fleet, rec := open(t, raw)
	if err := failingCall(t, fleet); upstream.NotSent(err) || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
	raw.session.Add(1)
	p.mu.Lock()
	p.hook, p.parts, p.asked = nil, []func(http.ResponseWriter, string){say(finished)}, nil
	p.mu.Unlock()
	call(t, fleet, alice, `{"name":"again"}`)
	if got := len(rec.about("tools/call")); got != 3 { // the last was refused once, by its session
		t.Errorf("the calls were made %d times, want 3", got)
	}
}

func TestACallThatWaitsToAskAgainEndsWithItsCallerAndTheGateway(t *testing.T) {
	for _, how := range []string{"caller", "gateway"} {
		t.Run(how, func(t *testing.T) {
			p := &polled{first: "id: a1\nretry: 3600000\ndata: \n\n"}
			raw := p.server()
			called := make(chan struct{})
			inner := raw.call
			raw.call = func(w http.ResponseWriter, r *http.Request, id string, body []byte) {
				inner(w, r, id, body)
				close(called)
			}
			fleet, _ := open(t, raw)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				_, err := fleet.Call(ctx, "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`)})
				ended <- err
			}()
			<-called
			if how == "caller" {
				cancel()
			} else if err := fleet.Close(); err != nil {
				t.Error(err)
			}
			if err := <-ended; err == nil || upstream.NotSent(err) {
				t.Errorf("got %v, want an error that leaves it open", err)
			}
		})
	}
}

func TestInTheStatelessEraNoStreamIsTakenUpAgain(t *testing.T) {
	p := &polled{first: primed, parts: []func(http.ResponseWriter, string){say(finished)}}
	raw := p.server()
	raw.sessions = false
	fleet, _ := open(t, raw)
	if err := failingCall(t, fleet); !strings.Contains(err.Error(), "without an answer") || len(p.all()) != 0 {
		t.Errorf("got %v after %d questions, want none", err, len(p.all()))
	}
}

func TestAnOfficialServerThatPollsIsAnswered(t *testing.T) {
	server := mcp.NewServer(&mcp.Implementation{Name: "polls", Version: "1"}, nil)
	var ran atomic.Int64
	mcp.AddTool(server, &mcp.Tool{Name: "slow"}, func(_ context.Context, req *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
		ran.Add(1)
		req.Extra.CloseSSEStream(mcp.CloseSSEStreamArgs{RetryAfter: 10 * time.Millisecond})
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "after all"}}}, nil, nil
	})
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{EventStore: mcp.NewMemoryEventStore(nil)})
	fleet, _ := open(t, handler)
	ready(t, fleet)
	for range 3 {
		if got := text(t, call(t, fleet, alice, `{"name":"slow","arguments":{}}`).Result); got != "after all" {
			t.Errorf("got %q, want the answer", got)
		}
	}
	if got := ran.Load(); got != 3 {
		t.Errorf("ran %d times for 3 calls", got)
	}
}
