package mcp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// A quiet upstream lives in memory, so that a bubble's clock moves past it. It
// asks once in each call and answers with what came back, if anything does.
type quiet struct{ posted chan string }

func (q *quiet) Costly() bool                                                   { return false }
func (q *quiet) Close() error                                                   { return nil }
func (q *quiet) Done() <-chan struct{}                                          { return nil }
func (q *quiet) Err() error                                                     { return errors.New("it broke") }
func (q *quiet) InSession() bool                                                { return true }
func (q *quiet) open(upstream.Spec, upstream.Tools) (upstream.Transport, error) { return q, nil }

func (q *quiet) Dial(context.Context, upstream.Receiver) (upstream.Link, error) { return q, nil }

func (q *quiet) Post(_ context.Context, m *upstream.Message) error {
	if m.Method == "" {
		q.posted <- string(m.Body)
	}
	return nil
}

func (q *quiet) Do(ctx context.Context, m *upstream.Message) (wire.Message, error) {
	result := `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"tools":[{"name":"get_contact","inputSchema":{"type":"object"}}]}`
	switch m.Method {
	case wire.MethodDiscover:
		return wire.Message{}, errors.New("unknown method")
	case wire.MethodToolsCall:
		asked, err := wire.ParseReply([]byte(`{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":` + form + `}`))
		if err != nil {
			return wire.Message{}, err
		}
		m.Receive(asked)
		select {
		case body := <-q.posted:
			result = `{"content":[{"type":"text","text":` + string(wire.AppendString(nil, body)) + `}]}`
		case <-ctx.Done():
			return wire.Message{}, context.Cause(ctx)
		}
	}
	return wire.ParseReply(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"result":%s}`, m.ID, result))
}

// inBubble has a house over a quiet upstream whose calls may take a minute.
func inBubble(t *testing.T, test func(t *testing.T, h *house, session note)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		q := &quiet{posted: make(chan string, 1)}
		fleet, err := upstream.Open(t.Context(), []upstream.Spec{{App: "crm", Transport: "quiet", Timeout: time.Minute, Refresh: time.Hour}}, upstream.Options{
			Logger: slog.New(slog.DiscardHandler), Transports: map[string]upstream.Opener{"quiet": q.open},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { fleet.Close() })
		if err := fleet.Ready(t.Context(), "crm"); err != nil {
			t.Fatal(err)
		}
		h := newHouseOver(t, fleet, allows(t, "crm", everything))
		test(t, h, h.begin(t, "alice", "2025-11-25", asks))
	})
}

// A waiter is a call whose answer is on its way.
type waiter struct {
	w    *httptest.ResponseRecorder
	done chan struct{}
}

func (h *house) callIn(t *testing.T, n note) waiter {
	c := waiter{httptest.NewRecorder(), make(chan struct{})}
	go func() {
		defer close(c.done)
		h.mux.ServeHTTP(c.w, n.request(t.Context()))
	}()
	return c
}

// events are what has come by now.
func (c waiter) events(t *testing.T) []string {
	t.Helper()
	synctest.Wait()
	var all []string
	for r := wire.NewEventReader(bytes.NewReader(c.w.Body.Bytes()), 1<<20); ; {
		e, err := r.Next()
		if err != nil {
			return all
		}
		all = append(all, string(e.Data))
	}
}

func TestPeopleMayTakeLongerThanAnUpstreamMay(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house, session note) {
		c := h.callIn(t, session.with(contactCall))
		time.Sleep(9 * time.Minute)
		id := idOf(t, c.events(t)[0])
		h.send(t, session.with(`{"jsonrpc":"2.0","id":`+id+`,"result":{"action":"accept"}}`))
		<-c.done
		all := c.events(t)
		if comments := strings.Count(c.w.Body.String(), ":\n\n"); len(all) != 2 || !strings.Contains(all[1], "accept") || comments < 30 {
			t.Errorf("got %q, %d comments; want the answer, on a stream that was kept open", all, comments)
		}
	})
}

func TestAClientThatNeverAnswersIsNotWaitedForWithoutEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house, session note) {
		c := h.callIn(t, session.with(contactCall))
		began := time.Now()
		<-c.done
		all := c.events(t)
		if took := time.Since(began); took != 10*time.Minute || len(all) != 3 {
			t.Fatalf("got %q after %v; want an end after ten minutes", all, took)
		}
		if !strings.Contains(all[1], "notifications/cancelled") || !strings.Contains(all[2], "nobody answered in time") {
			t.Errorf("got %q; want the question taken back and the upstream told why", all[1:])
		}
		w := h.send(t, session.with(`{"jsonrpc":"2.0","id":`+idOf(t, all[0])+`,"result":{"action":"accept"}}`))
		if w.Code != http.StatusAccepted {
			t.Errorf("got %d to an answer that comes too late; want 202", w.Code)
		}
	})
}
