package streamable_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
)

// counted serves h and counts the connections that are made to it.
func counted(t *testing.T, h http.Handler) (server *httptest.Server, made *atomic.Int64) {
	t.Helper()
	made = new(atomic.Int64)
	server = httptest.NewUnstartedServer(h)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			made.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server, made
}

func TestAConnectionIsUsedAgainUnlessMoreMayComeOverIt(t *testing.T) {
	const result = `{"jsonrpc":"2.0","id":ID,"result":{}}`
	for name, c := range map[string]struct {
		say  func(http.ResponseWriter, *http.Request, string, []byte)
		want int64 // connections beyond the first
	}{
		"a length": {says(200, "application/json", result), 0},
		"chunks": {func(w http.ResponseWriter, r *http.Request, id string, body []byte) {
			w.(http.Flusher).Flush()
			says(200, "application/json", result)(w, r, id, body)
		}, 0},
		"refused": {says(200, "text/html", "<html>"), 0},
		"told to close": {func(w http.ResponseWriter, r *http.Request, id string, body []byte) {
			w.Header().Set("Connection", "close")
			says(200, "application/json", result)(w, r, id, body)
		}, 5},
		"hung up":                            {func(http.ResponseWriter, *http.Request, string, []byte) { panic(http.ErrAbortHandler) }, 5},
		"a refusal that is too long to read": {says(500, "text/plain", strings.Repeat("x", 1<<20)), 5},
	} {
		t.Run(name, func(t *testing.T) {
			server, made := counted(t, &rawServer{call: c.say})
			fleet := openURL(t, server.URL)
			ready(t, fleet)
			before := made.Load()
			for range 6 {
				_, _ = fleet.Call(t.Context(), "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`)})
			}
			if got := made.Load() - before; got != c.want {
				t.Errorf("connections: got %d more, want %d", got, c.want)
			}
		})
	}
}

// An upstream that hangs up between calls costs no call: its end is seen
// before the next one is written.
func TestACallNeverMeetsAnEndThatCameBefore(t *testing.T) {
	gone := make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(&rawServer{call: replies(`{}`)})
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			select {
			case gone <- struct{}{}:
			default:
			}
		}
	}
	server.Start()
	defer server.Close()
	fleet := openURL(t, server.URL)
	for range 5 {
		call(t, fleet, alice, `{"name":"x"}`)
		server.CloseClientConnections()
		<-gone
	}
}

func TestAHeadWithoutEndIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		length int
		ok     bool
	}{"large": {60 << 10, true}, "too large": {70 << 10, false}} {
		t.Run(name, func(t *testing.T) {
			fleet, _ := open(t, &rawServer{call: func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) {
				w.Header().Set("X-Padding", strings.Repeat("x", c.length))
				answer(w, id, `{}`)
			}})
			_, err := fleet.Call(t.Context(), "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`)})
			if ok := err == nil; ok != c.ok || upstream.NotSent(err) {
				t.Errorf("got %v, want success: %v", err, c.ok)
			}
		})
	}
}

func TestInterimAnswersArePassedOver(t *testing.T) {
	fleet, _ := open(t, &rawServer{call: func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
		answer(w, id, `{"late":true}`)
	}})
	if got, want := string(call(t, fleet, alice, `{"name":"x"}`).Result), `{"late":true}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAProtocolIsNeverSwitched(t *testing.T) {
	fleet, _ := open(t, &rawServer{call: func(w http.ResponseWriter, _ *http.Request, _ string, _ []byte) {
		socket, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("hijack: %v", err)
			return
		}
		defer socket.Close()
		_, _ = socket.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"))
	}})
	if err := failingCall(t, fleet); !strings.Contains(err.Error(), "101") {
		t.Errorf("got %v, want it to name the status", err)
	}
}

func TestAHeaderThatWouldEndItsLineIsNeverSent(t *testing.T) {
	fleet, rec := open(t, &rawServer{call: replies(`{}`)})
	ready(t, fleet)
	for _, value := range []string{"a\r\nX-Evil: 1", "a\nb", "a\x00b", "a\x7f"} {
		req := upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`)}
		req.Header = []upstream.Header{{Name: "X-Api-Key", Value: "s3cret" + ostiary.Secret(value)}}
		_, err := fleet.Call(t.Context(), "crm", alice, req)
		if !upstream.NotSent(err) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: got %v, want it refused, proven not sent, and no secret told", value, err)
		}
	}
	if got := len(rec.about("tools/call")); got != 0 {
		t.Errorf("requests: got %d, want none", got)
	}
}

// The certificate of the test server is nobody's: who it claims to be is
// checked before anything is sent.
func TestACertificateOfAStrangerIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(&rawServer{call: replies(`{}`)})
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.StartTLS()
	defer server.Close()
	fleet := openURL(t, server.URL)
	err := failingCall(t, fleet)
	var unknown *tls.CertificateVerificationError
	if !errors.As(err, &unknown) || !upstream.NotSent(err) {
		t.Errorf("got %v, want the certificate refused, and not sent", err)
	}
}

func TestCallsAtOnceHaveConnectionsOfTheirOwn(t *testing.T) {
	const calls = 8
	arrived, release := make(chan struct{}, calls), make(chan struct{})
	server, _ := counted(t, &rawServer{call: func(w http.ResponseWriter, _ *http.Request, id string, _ []byte) {
		arrived <- struct{}{}
		<-release
		answer(w, id, id)
	}})
	fleet := openURL(t, server.URL)
	ready(t, fleet)
	failed := make(chan error, calls)
	for range calls {
		go func() {
			_, err := fleet.Call(context.Background(), "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`)})
			failed <- err
		}()
	}
	for range calls {
		<-arrived
	}
	close(release)
	for range calls {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}
