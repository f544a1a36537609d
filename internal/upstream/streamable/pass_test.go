package streamable_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// A taker passes on what comes, or has it held.
type taker struct {
	takes   bool
	pause   func() // before anything is read
	out     strings.Builder
	offered int
	version string
}

func (k *taker) Pass(p *wire.Passage, version string) (bool, error) {
	k.offered++
	k.version = version
	if !k.takes {
		return false, nil
	}
	k.pause()
	return true, p.Copy(&k.out)
}

// largeText is a result of so many bytes, about.
func largeText(size int) string { return `{"content":"` + strings.Repeat("0123456789", size/10) + `"}` }

// inManners answers calls with a result, as JSON of a known length or not, as
// an event or as the lines of one.
var inManners = map[string]func(w http.ResponseWriter, message string){
	"JSON": func(w http.ResponseWriter, message string) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(message)))
		_, _ = io.WriteString(w, message)
	},
	"chunks": func(w http.ResponseWriter, message string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, message)
	},
	"an event": func(w http.ResponseWriter, message string) { stream(w, message) },
	"lines":    func(w http.ResponseWriter, message string) { stream(w, strings.ReplaceAll(message, ",", ",\ndata: ")) },
	"an event behind others": func(w http.ResponseWriter, message string) {
		stream(w, `{"jsonrpc":"2.0","id":99999,"result":`+largeText(100_000)+`}`, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"x":`+largeText(100_000)+`}}`)
		fmt.Fprintf(w, "event: other\ndata: %s\n\n", largeText(100_000))
		stream(w, message)
	},
}

func passing(t *testing.T, fleet *upstream.Fleet, k *taker) (upstream.Reply, error) {
	t.Helper()
	if k.pause == nil {
		k.pause = func() {}
	}
	return fleet.Call(t.Context(), "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"get"}`), Pass: k})
}

func TestALargeResultIsOfferedToPassOn(t *testing.T) {
	for manner, write := range inManners {
		for _, sessions := range []bool{false, true} {
			for size, want := range map[int]int{1000: 0, 100_000: 1, 1_000_000: 1} {
				for _, takes := range []bool{true, false} {
					result := largeText(size)
					server := &rawServer{sessions: sessions, call: func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) {
						write(w, `{"jsonrpc":"2.0","id":`+id+`,"result":`+result+`}`)
					}}
					fleet, _ := open(t, server)
					k := &taker{takes: takes}
					reply, err := passing(t, fleet, k)
					got := string(reply.Result) + k.out.String()
					if taken := want == 1 && takes; err != nil || got != result || k.offered != want || taken != (reply.Result == nil) {
						t.Errorf("%s, sessions %v, %d bytes, takes %v: got %d bytes, offered %d times, %v", manner, sessions, size, takes, len(got), k.offered, err)
					}
					if version := map[bool]string{true: "2025-11-25", false: "2026-07-28"}[sessions]; want == 1 && k.version != version {
						t.Errorf("got version %s; want %s", k.version, version)
					}
				}
			}
		}
	}
}

func TestWhatIsNoResultIsNotOffered(t *testing.T) {
	fault := `{"code":-32000,"message":"` + strings.Repeat("long ", 40_000) + `"}`
	server := &rawServer{call: func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) {
		inManners["JSON"](w, `{"jsonrpc":"2.0","id":`+id+`,"error":`+fault+`}`)
	}}
	fleet, _ := open(t, server)
	k := &taker{takes: true}
	if reply, err := passing(t, fleet, k); err != nil || string(reply.Err) != fault || k.offered != 0 {
		t.Errorf("got an error of %d bytes, offered %d times, %v; want it whole", len(reply.Err), k.offered, err)
	}
}

func TestWhatIsNotTakenIsBoundedAsEver(t *testing.T) {
	for manner, write := range inManners {
		server := &rawServer{call: func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) {
			write(w, `{"jsonrpc":"2.0","id":`+id+`,"result":`+largeText(1_000_000)+`}`)
		}}
		fleet, _ := open(t, server, func(s *upstream.Spec, _ *upstream.Options) { s.MaxResult = 500_000 })
		if _, err := passing(t, fleet, &taker{}); !errors.Is(err, wire.ErrTooLarge) {
			t.Errorf("%s, held: got %v; want too large", manner, err)
		}
		k := &taker{takes: true}
		if _, err := passing(t, fleet, k); err != nil || k.out.Len() < 1_000_000 {
			t.Errorf("%s, passed on: got %d bytes, %v; want all", manner, k.out.Len(), err)
		}
	}
}

func TestAConnectionIsKeptAfterALargeResult(t *testing.T) {
	var connections atomic.Int64
	result := largeText(300_000)
	server := &rawServer{call: func(w http.ResponseWriter, r *http.Request, id string, _ []byte) {
		inManners["JSON"](w, `{"result":`+result+`,"id":`+id+`,"jsonrpc":"2.0"}`)
	}}
	seen := map[string]bool{}
	fleet, _ := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !seen[r.RemoteAddr] { // one request comes after the other
			seen[r.RemoteAddr] = true
			connections.Add(1)
		}
		server.ServeHTTP(w, r)
	}))
	ready(t, fleet)
	before := connections.Load()
	for range 5 {
		k := &taker{takes: true}
		if _, err := passing(t, fleet, k); err != nil || k.out.String() != result {
			t.Fatalf("got %d bytes, %v", k.out.Len(), err)
		}
	}
	if got := connections.Load() - before; got > 1 {
		t.Errorf("got %d new connections for five calls", got)
	}
}

// The timeout is the app's: whoever takes a result may take longer.
func TestWhoTakesALargeResultMayTakeLongerThanTheApp(t *testing.T) {
	const timeout = time.Second
	for _, manner := range []string{"JSON", "an event"} {
		write := inManners[manner]
		server := &rawServer{call: func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) {
			write(w, `{"jsonrpc":"2.0","id":`+id+`,"result":`+largeText(1_000_000)+`}`)
		}}
		fleet, _ := open(t, server, func(s *upstream.Spec, _ *upstream.Options) { s.Timeout = timeout })
		k := &slowTaker{began: make(chan struct{}), goOn: make(chan struct{})}
		ended := make(chan error, 1)
		go func() {
			_, err := fleet.Call(context.Background(), "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"get"}`), Pass: k})
			ended <- err
		}()
		<-k.began
		<-time.After(timeout + timeout/10)
		close(k.goOn)
		if err := <-ended; err != nil {
			t.Errorf("%s: got %v; want all of it", manner, err)
		}
	}
}

// A slowTaker takes the first piece, and the others when it is told to.
type slowTaker struct {
	began, goOn chan struct{}
	begun       bool
}

func (k *slowTaker) Pass(p *wire.Passage, _ string) (bool, error) { return true, p.Copy(k) }

func (k *slowTaker) Write(piece []byte) (int, error) {
	if !k.begun {
		k.begun = true
		close(k.began)
	}
	<-k.goOn
	return len(piece), nil
}

func TestAnAppThatStopsInALargeResultIsGivenUp(t *testing.T) {
	for manner, kind := range map[string]string{"": "application/json", "data: ": "text/event-stream"} {
		server := &rawServer{call: func(w http.ResponseWriter, r *http.Request, id string, _ []byte) {
			w.Header().Set("Content-Type", kind)
			message := manner + `{"jsonrpc":"2.0","id":` + id + `,"result":` + largeText(1_000_000) + `}`
			_, _ = io.WriteString(w, message[:500_000])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}}
		fleet, _ := open(t, server, func(s *upstream.Spec, _ *upstream.Options) { s.Timeout = 300 * time.Millisecond })
		for takes, want := range map[bool]string{true: "did not come in time", false: "no answer within"} {
			k := &taker{takes: takes}
			_, err := passing(t, fleet, k)
			if err == nil || upstream.NotSent(err) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, takes %v: got %v after %d bytes; want it given up", kind, takes, err, k.out.Len())
			}
		}
	}
}

func TestACallerThatLeavesEndsALargeResult(t *testing.T) {
	gone := make(chan struct{})
	server := &rawServer{call: func(w http.ResponseWriter, r *http.Request, id string, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":`+id+`,"result":{"content":"`)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("x", 64<<10)); err != nil {
				break
			}
		}
		close(gone)
	}}
	fleet, _ := open(t, server)
	ctx, leave := context.WithCancelCause(t.Context())
	why := errors.New("the caller has left")
	k := &taker{takes: true, pause: func() { leave(why) }}
	_, err := fleet.Call(ctx, "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"get"}`), Pass: k})
	if !errors.Is(err, why) {
		t.Errorf("got %v; want why the caller left", err)
	}
	<-gone
}
