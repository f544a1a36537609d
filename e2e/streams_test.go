package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A busy server is made with the official Go SDK, of the eras with
// sessions: its tool `work` says that it began, logs, and waits; its resource
// can be subscribed to.
type busy struct {
	server  *mcp.Server
	url     string
	release chan struct{} // one for each call that may end
	ended   chan error    // how each ended
}

func newBusy(t *testing.T) *busy {
	t.Helper()
	w := &busy{release: make(chan struct{}), ended: make(chan error, 10)}
	w.server = mcp.NewServer(&mcp.Implementation{Name: "busy", Version: "1"}, &mcp.ServerOptions{
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
	})
	w.server.AddResource(&mcp.Resource{URI: "work://plan", Name: "plan"}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{}, nil
	})
	mcp.AddTool(w.server, &mcp.Tool{Name: "work"}, w.work)
	s := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return w.server }, nil))
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	w.url = s.URL
	return w
}

func (w *busy) work(ctx context.Context, req *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
	if token := req.Params.GetProgressToken(); token != nil {
		if err := req.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token, Progress: 1, Message: "began"}); err != nil {
			return nil, nil, err
		}
	}
	//nolint:staticcheck // the eras with sessions have logs
	if err := req.Session.Log(ctx, &mcp.LoggingMessageParams{Level: "warning", Data: "a warning"}); err != nil {
		return nil, nil, err
	}
	select {
	case <-w.release:
		w.ended <- nil
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "worked"}}}, nil, nil
	case <-ctx.Done():
		w.ended <- ctx.Err()
		return nil, nil, ctx.Err()
	}
}

// A listening is a stream of events that is read while it goes on.
type listening struct {
	status int
	lines  chan string // closed at the end
	stop   func()
}

// listen opens a stream of a session at a gateway.
func (s *session) listen(url string, header ...string) *listening {
	s.t.Helper()
	return s.begin(http.MethodGet, url, "", header...)
}

// begin sends a request of the session to a gateway and reads what comes.
func (s *session) begin(method, url, body string, header ...string) *listening {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
	s.t.Cleanup(stop)
	r, err := http.NewRequestWithContext(ctx, method, url+"/mcp", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header = s.header.Clone()
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	l := &listening{status: resp.StatusCode, lines: make(chan string, 1000), stop: stop}
	go func() {
		defer close(l.lines)
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			l.lines <- lines.Text()
		}
	}()
	return l
}

// awaits reads up to a line that holds a text, and returns the last event id
// until then.
func (l *listening) awaits(t *testing.T, text string) (lastID string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case line, more := <-l.lines:
			if !more {
				t.Fatalf("the stream (%d) ended before %s", l.status, text)
			}
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				lastID = id
			}
			if strings.Contains(line, text) {
				return lastID
			}
		case <-deadline.C:
			t.Fatalf("%s never came", text)
		}
	}
}

func (l *listening) awaitsEnd(t *testing.T) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case _, more := <-l.lines:
			if !more {
				return
			}
		case <-deadline.C:
			t.Fatal("the stream never ended")
		}
	}
}

const workCall = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"works__work","arguments":{},"_meta":{"progressToken":"p"}}}`

// TestASessionIsOneOverTwoGateways has one client's requests and streams come
// now to the one, now to the other.
func TestASessionIsOneOverTwoGateways(t *testing.T) {
	w := newBusy(t)
	first := newHouse(t, testparts.Postgres(t), fmt.Sprintf("\napps:\n  - {id: works, name: Works, url: %q}\n", w.url)).start()
	second := (&house{t: t, dir: first.dir, file: first.file}).start()
	alice, bob := first.token("alice", "write"), first.token("bob", "write")
	here := openSession(t, first.url+"/mcp", alice.Token)
	there := &session{t, second.url + "/mcp", here.header}

	t.Run("a level", func(t *testing.T) {
		there.messages(`{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"notice"}}`)
		eventually(t, "logs at the other gateway", func() (string, bool) {
			call := here.begin(http.MethodPost, first.url, workCall)
			call.awaits(t, "began")
			w.release <- struct{}{}
			<-w.ended
			var all strings.Builder
			for line := range call.lines {
				all.WriteString(line + "\n")
			}
			return all.String(), strings.Contains(all.String(), "a warning") && strings.Contains(all.String(), "worked")
		})
	})
	t.Run("a subscription", func(t *testing.T) {
		stream := there.listen(second.url)
		here.messages(`{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":"work://plan"}}`)
		stopTelling := w.keepTelling(t)
		stream.awaits(t, `"notifications/resources/updated","params":{"uri":"work://plan"}`)
		stopTelling()
		stream.stop()
	})
	t.Run("a stream that broke", func(t *testing.T) {
		call := here.begin(http.MethodPost, first.url, workCall)
		id := call.awaits(t, "began")
		call.stop()
		again := there.listen(second.url, "Last-Event-ID", id)
		w.release <- struct{}{}
		if err := <-w.ended; err != nil {
			t.Errorf("the call ended with %v; want it to run to its end", err)
		}
		again.awaits(t, `"id":7,"result":{"content":[{"type":"text","text":"worked"}]`)
		again.awaitsEnd(t)
		for _, thief := range []*session{openSession(t, first.url+"/mcp", alice.Token), openSession(t, first.url+"/mcp", bob.Token)} {
			if got := thief.listen(first.url, "Last-Event-ID", id); got.status != http.StatusBadRequest {
				t.Errorf("another session was answered %d; want 400", got.status)
			}
		}
	})
	t.Run("a cancellation", func(t *testing.T) {
		call := here.begin(http.MethodPost, first.url, workCall)
		call.awaits(t, "began")
		there.messages(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`)
		call.awaits(t, "cancelled")
		if err := <-w.ended; err == nil {
			t.Error("the call ran to its end; want it cancelled")
		}
	})
	t.Run("a revocation", func(t *testing.T) {
		one, other := here.listen(first.url), there.listen(second.url)
		first.command("tokens", "revoke", "-c", first.file, alice.ID)
		one.awaitsEnd(t)
		other.awaitsEnd(t)
		if got := there.listen(second.url); got.status != http.StatusUnauthorized {
			t.Errorf("answered %d; want 401", got.status)
		}
	})
}

// keepTelling has the server say again and again that its resource changed:
// nobody can see from outside when the gateway's own stream to it is there.
func (w *busy) keepTelling(t *testing.T) (stop func()) {
	t.Helper()
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if err := w.server.ResourceUpdated(t.Context(), &mcp.ResourceUpdatedNotificationParams{URI: "work://plan"}); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	return func() { close(done); <-stopped }
}
