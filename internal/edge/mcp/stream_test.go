package mcp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
)

// change gives the notes app another tool.
func (h *house) change(t *testing.T) {
	t.Helper()
	h.relist(t, "notes", upstream.Lists{Tools: items(`{"name":"get_news","inputSchema":{"type":"object"}}`)})
	synctest.Wait()
}

func TestAStreamTellsWhichListsChanged(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		ctx, hangUp := context.WithCancel(t.Context())
		session := h.begin(t, "alice", "2025-11-25", `{}`)
		older := h.start(ctx, note{method: "GET", token: "alice", header: session.header})
		newer := h.start(ctx, stateless("alice", "subscriptions/listen", "", `"notifications":{"toolsListChanged":true,"promptsListChanged":false,"resourceSubscriptions":["crm://contacts"]}`))
		other := h.start(ctx, stateless("alice", "subscriptions/listen", "", `"notifications":{"promptsListChanged":true}`))
		h.handler.ListsChanged() // nothing is different
		h.change(t)
		hangUp()
		for name, c := range map[string]struct{ got, want string }{
			"a session": {plain((<-older).Body.String()), `data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}` + "\n\n"},
			"a subscription": {
				(<-newer).Body.String(),
				`data: {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1},"notifications":{"toolsListChanged":true}}}` + "\n\n" +
					`data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}` + "\n\n",
			},
			"a subscription to another list": {
				(<-other).Body.String(),
				`data: {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1},"notifications":{"promptsListChanged":true}}}` + "\n\n",
			},
		} {
			if c.got != c.want {
				t.Errorf("%s: got %s; want %s", name, c.got, c.want)
			}
		}
	})
}

func TestAStreamEndsWithinASecondOfARevocation(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		session := h.begin(t, "alice", "2025-11-25", `{}`)
		for name, c := range map[string]struct {
			n   note
			end func()
		}{
			"a revoked token": {as(note{method: "GET", header: h.begin(t, "alice2", "2025-11-25", `{}`).header}, "alice2"), func() { h.wallet.revoke("alice2") }},
			"an ended session": {
				note{method: "GET", token: "alice", header: session.header},
				func() { h.send(t, note{method: "DELETE", token: "alice", header: session.header}) },
			},
			"a revoked token of a subscription": {stateless("bob", "subscriptions/listen", "", `"notifications":{}`), func() { h.wallet.revoke("bob") }},
		} {
			done := h.start(t.Context(), c.n)
			time.Sleep(10 * time.Second)
			select {
			case w := <-done:
				t.Errorf("%s: got the end %d %s before it; want the stream open", name, w.Code, w.Body)
				continue
			default:
			}
			began := time.Now()
			c.end()
			<-done
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s: got the end after %v; want it within a second", name, took)
			}
		}
	})
}

func TestASessionEndedElsewhereIsForgottenHere(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		elsewhere := h.another(t)
		n := h.begin(t, "alice", "2025-11-25", `{}`)
		if w := h.send(t, n.with(listTools)); w.Code != http.StatusOK {
			t.Fatalf("got %d; want 200", w.Code)
		}
		elsewhere.send(t, note{method: "DELETE", token: "alice", header: n.header})
		synctest.Wait()
		if w := h.send(t, n.with(listTools)); w.Code != http.StatusNotFound {
			t.Errorf("got %d; want 404", w.Code)
		}
	})
}

func TestStreamsEndWithTheGatewayAndNoneBeginsAfterIt(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		session := h.begin(t, "alice", "2025-11-25", `{}`)
		older := h.start(t.Context(), note{method: "GET", token: "alice", header: session.header})
		done := h.start(t.Context(), stateless("alice", "subscriptions/listen", "", `"notifications":{}`))
		revoked := h.start(t.Context(), stateless("bob", "subscriptions/listen", "", `"notifications":{}`))
		h.wallet.revoke("bob")
		stopped := end(older, h).Body.String()
		if got := (<-revoked).Body.String(); strings.Contains(got, "result") {
			t.Errorf("a revoked one got %s; want the end without a word", got)
		}
		if !strings.HasSuffix(stopped, "\nretry: 1000\ndata: \n\n") || strings.Count(stopped, "id: ") != 2 {
			t.Errorf("a session got %s; want to hear when it may come back", stopped)
		}
		want := `data: {"jsonrpc":"2.0","id":1,"result":{"_meta":{"io.modelcontextprotocol/subscriptionId":1},"resultType":"complete"}}` + "\n\n"
		if w := <-done; !strings.HasSuffix(w.Body.String(), want) {
			t.Errorf("got %s; want it to end with %s", w.Body, want)
		}
		if w := <-h.start(t.Context(), stateless("alice", "subscriptions/listen", "", `"notifications":{}`)); w.Code != http.StatusServiceUnavailable {
			t.Errorf("got %d; want 503", w.Code)
		}
	})
}

// end waits until a revocation was seen, stops the gateway, and returns what a
// stream said until then.
func end(stream <-chan *httptest.ResponseRecorder, h *house) *httptest.ResponseRecorder {
	time.Sleep(2 * time.Second)
	h.handler.Close()
	return <-stream
}

func TestNobodyTakesAllStreams(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		ctx, hangUp := context.WithCancel(t.Context())
		var open []<-chan *httptest.ResponseRecorder
		for range 100 {
			open = append(open, h.start(ctx, stateless("alice", "subscriptions/listen", "", `"notifications":{}`)))
		}
		if w := <-h.start(ctx, stateless("alice", "subscriptions/listen", "", `"notifications":{}`)); w.Code != http.StatusServiceUnavailable {
			t.Errorf("got %d for one more; want 503", w.Code)
		}
		open = append(open, h.start(ctx, stateless("bob", "subscriptions/listen", "", `"notifications":{}`)))
		hangUp()
		for _, done := range open {
			if w := <-done; w.Code != http.StatusOK {
				t.Errorf("got %d; want the stream", w.Code)
			}
		}
	})
}

func TestAQuietStreamIsKeptAlive(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		ctx, hangUp := context.WithCancel(t.Context())
		done := h.start(ctx, stateless("alice", "subscriptions/listen", "", `"notifications":{}`))
		time.Sleep(time.Minute)
		hangUp()
		if got := strings.Count((<-done).Body.String(), ":\n\n"); got < 3 {
			t.Errorf("got %d comments in a minute; want some", got)
		}
	})
}

func TestAStreamNeedsItsSessionAndAReader(t *testing.T) {
	h := newHouse(t)
	session := h.begin(t, "alice", "2025-11-25", `{}`)
	for name, c := range map[string]struct {
		n      note
		status int
	}{
		"no token":          {note{header: session.header}, 401},
		"no session":        {note{token: "alice"}, 400},
		"another's session": {note{token: "bob", header: session.header}, 404},
		"no events":         {note{token: "alice", header: session.saying("Accept", "application/json").header}, 406},
	} {
		c.n.method = http.MethodGet
		if w := h.send(t, c.n); w.Code != c.status {
			t.Errorf("%s: got %d %s; want %d", name, w.Code, w.Body, c.status)
		}
	}
}

func TestAStatelessClientSaysWhatItListensFor(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		for params, status := range map[string]int{
			`"notifications":{}`: 200,
			``:                   400, `"notification":{}`: 400,
			`"notifications":[]`: 400, `"notifications":"all"`: 400, `"notifications":true`: 400, `"notifications":null`: 400,
		} {
			ctx, hangUp := context.WithCancel(t.Context())
			stream := h.start(ctx, stateless("alice", "subscriptions/listen", "", params))
			synctest.Wait()
			hangUp()
			w := <-stream
			if w.Code != status || status == 400 && code(read(t, w.Body)) != -32602 {
				t.Errorf("params %s: got %d %s; want %d", params, w.Code, w.Body, status)
			}
		}
	})
}
