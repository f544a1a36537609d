package mcp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/store"
)

// A longCall is a call under way that a test has go on step by step.
type longCall struct {
	*house
	n      note
	said   chan string // what the upstream says next; closed: the answer
	w      *httptest.ResponseRecorder
	done   chan struct{}
	hangUp func()
	result string
}

// answerOf is what the upstream of a long call answers at last.
const answerOf = `{"content":[{"type":"text","text":"at last"}],"n":9007199254740993}`

const lastWord = `data: {"jsonrpc":"2.0","id":7,"result":` + answerOf + "}\n\n"

func progress(n int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":%d}}`, n)
}

// calling begins a call in a session that wants to hear of progress, and has
// the upstream say one thing.
func (h *house) calling(t *testing.T, token string) *longCall {
	t.Helper()
	c := &longCall{house: h, n: h.begin(t, token, "2025-11-25", `{}`), said: make(chan string), w: httptest.NewRecorder(), done: make(chan struct{}), result: answerOf}
	h.upstreams.answers(func(gone ctx, _ sent, notify func([]byte)) (upstream.Reply, error) {
		for {
			select {
			case message, more := <-c.said:
				if !more {
					return upstream.Reply{Result: []byte(c.result), Era: "2025-11-25"}, nil
				}
				notify([]byte(message))
			case <-gone.Done():
				return upstream.Reply{}, gone.Err()
			}
		}
	})
	ctx, hangUp := context.WithCancel(t.Context())
	c.hangUp = hangUp
	n := c.n.with(strings.Replace(getContact, `"arguments"`, `"_meta":{"progressToken":"p"},"arguments"`, 1))
	go func() {
		defer close(c.done)
		h.mux.ServeHTTP(c.w, n.request(ctx))
	}()
	synctest.Wait()
	c.says(progress(1))
	return c
}

func (c *longCall) says(message string) {
	c.said <- message
	synctest.Wait()
}

// ends has the upstream answer, and returns what the client heard until it
// hung up.
func (c *longCall) ends() string {
	close(c.said)
	<-c.done
	return c.w.Body.String()
}

// heard is what the client has heard up to now.
func (c *longCall) heard() string {
	synctest.Wait()
	return c.w.Body.String()
}

// lastID is the id of the last event of a stream.
func lastID(t *testing.T, body string) string {
	t.Helper()
	i := strings.LastIndex("\n"+body, "\nid: ")
	if i < 0 {
		t.Fatalf("got %s; want events with ids", body)
	}
	id, _, _ := strings.Cut(body[i+len("id: "):], "\n")
	return id
}

// from goes on listening behind an event.
func (n note) from(event string) note {
	n = n.saying("Last-Event-ID", event).with("")
	n.method = http.MethodGet
	return n
}

func TestAHangUpOfAnOlderClientEndsNoCall(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		for version, want := range map[string]audit.Status{"2025-11-25": audit.StatusOK, "2025-03-26": audit.StatusOK, "2026-07-28": audit.StatusUnknown} {
			release := make(chan struct{})
			h.upstreams.answers(func(gone ctx, _ sent, _ func([]byte)) (upstream.Reply, error) {
				select {
				case <-release:
					return upstream.Reply{Result: []byte(answerOf), Era: "2025-11-25"}, nil
				case <-gone.Done():
					return upstream.Reply{}, gone.Err()
				}
			})
			n := call("alice", "crm__get_contact", `{}`)
			if version != "2026-07-28" {
				n = h.begin(t, "alice", version, `{}`).with(getContact)
			}
			ctx, hangUp := context.WithCancel(t.Context())
			done := h.start(ctx, n)
			hangUp()
			synctest.Wait()
			close(release)
			<-done
			got := h.book.outcomes()
			if got[len(got)-1] != want {
				t.Errorf("%s: the outcome is %s; want %s", version, got[len(got)-1], want)
			}
		}
	})
}

func TestAStreamThatBrokeGoesOnWhereItBroke(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		c := h.calling(t, "alice")
		c.hangUp()
		c.says(progress(2))
		again := h.start(t.Context(), c.n.from(lastID(t, c.heard())))
		c.says(progress(3))
		heard := c.ends()
		want := "data: " + progress(2) + "\n\ndata: " + progress(3) + "\n\n" + lastWord
		if got := plain((<-again).Body.String()); got != want {
			t.Errorf("heard %s; want %s", got, want)
		}
		if got := plain(heard); got != "data: "+progress(1)+"\n\n" {
			t.Errorf("heard %s before it broke; want nothing twice", got)
		}
	})
}

func TestAnAnswerThatNobodyHeardIsFetchedAtAnyInstance(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		elsewhere := h.another(t)
		watching, stop := context.WithCancel(t.Context())
		defer stop()
		go elsewhere.db.Watch(watching)
		c := h.calling(t, "alice")
		c.hangUp()
		early, first := make(chan string, 1), c.n.from(lastID(t, c.heard()))
		go func() { early <- elsewhere.send(t, first).Body.String() }()
		synctest.Wait()
		heard := c.ends()
		last := lastID(t, heard)
		if got := plain(<-early); got != lastWord {
			t.Errorf("heard %s where it waited; want %s", got, lastWord)
		}
		for name, i := range map[string]*instance{"here": h.instance, "elsewhere": elsewhere} {
			for range 2 { // it may break again
				if got := plain(i.send(t, c.n.from(last)).Body.String()); got != lastWord {
					t.Errorf("%s: heard %s; want %s", name, got, lastWord)
				}
			}
		}
		page, err := h.raw.List(t.Context(), store.Query{Kind: "mcp-unheard"})
		if err != nil || len(page.Records) != 1 || strings.Contains(string(page.Records[0].Value), "at last") {
			t.Errorf("got %d records %v; want one, sealed", len(page.Records), err)
		}
		h.clock.move(5 * time.Minute)
		began := time.Now()
		if got := plain(h.send(t, c.n.from(last)).Body.String()); got != "" || time.Since(began) > 3*time.Minute {
			t.Errorf("heard %q after %v; want nothing after its time, and no endless wait", got, time.Since(began))
		}
	})
}

func TestWhatWasHeardIsNotKeptAndNotToldAgain(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		c := h.calling(t, "alice")
		heard := c.ends()
		if got := plain(heard); got != "data: "+progress(1)+"\n\n"+lastWord {
			t.Errorf("heard %s; want all of it", got)
		}
		page, err := h.raw.List(t.Context(), store.Query{Kind: "mcp-unheard"})
		if err != nil || len(page.Records) != 0 {
			t.Errorf("got %d records %v; want none", len(page.Records), err)
		}
		if got := plain(h.send(t, c.n.from(lastID(t, heard))).Body.String()); got != "" {
			t.Errorf("heard %s; want nothing", got)
		}
	})
}

func TestAnEventIDIsGoodInItsSessionOnly(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		c := h.calling(t, "alice")
		c.hangUp()
		id := lastID(t, c.ends())
		other, bobs := h.begin(t, "alice", "2025-11-25", `{}`), h.begin(t, "bob", "2025-11-25", `{}`)
		for name, attack := range map[string]struct {
			n      note
			status int
		}{
			"another session of the person": {other.from(id), 400},
			"another person's session":      {bobs.from(id), 400},
			"another person in the session": {as(c.n, "bob").from(id), 404},
			"nobody":                        {as(c.n, "").from(id), 401},
			"an edited id":                  {c.n.from(edited(id)), 400},
			"an invented id":                {c.n.from("evs_AAAA-1"), 400},
			"a session's id":                {c.n.from(c.n.header["Mcp-Session-Id"]), 400},
			"an empty id":                   {c.n.from(""), 400},
		} {
			if w := h.send(t, attack.n); w.Code != attack.status || strings.Contains(w.Body.String(), "at last") {
				t.Errorf("%s: got %d %s; want %d", name, w.Code, w.Body, attack.status)
			}
		}
		if got := plain(h.send(t, c.n.from(id)).Body.String()); got != lastWord {
			t.Errorf("its own session heard %s; want %s", got, lastWord)
		}
		if w := h.send(t, note{method: "DELETE", token: "alice", header: c.n.header}); w.Code != http.StatusNoContent {
			t.Errorf("got %d; want 204", w.Code)
		}
		synctest.Wait()
		if w := h.send(t, c.n.from(id)); w.Code != http.StatusNotFound {
			t.Errorf("got %d %s after the session's end; want 404", w.Code, w.Body)
		}
	})
}

func TestAnAnswerIsForTheAuthorizationSessionThatAsked(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		for _, token := range []string{"reading", "writing"} {
			h.wallet.tokens[token] = person("alice", ostiary.SessionID("ses_"+token))
			h.wallet.tokens[token].Client.ID = "cli_1"
		}
		c := h.calling(t, "writing")
		c.hangUp()
		id := lastID(t, c.ends())
		if w := h.send(t, as(c.n, "reading").from(id)); w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), "at last") {
			t.Errorf("the agent's other token: got %d %s; want 400", w.Code, w.Body)
		}
		if got := plain(h.send(t, c.n.from(id)).Body.String()); got != lastWord {
			t.Errorf("its own heard %s; want %s", got, lastWord)
		}
	})
}

func TestATokenThatIsGoneHearsNoAnswer(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		c := h.calling(t, "alice2")
		c.hangUp()
		again := h.start(t.Context(), c.n.from(lastID(t, c.heard())))
		h.wallet.revoke("alice2")
		began := time.Now()
		body := (<-again).Body.String()
		if took := time.Since(began); took > time.Second || plain(body) != "" {
			t.Errorf("heard %q until %v after the revocation; want the end within a second", body, took)
		}
		c.ends()
		if w := h.send(t, c.n.from(lastID(t, c.heard()))); w.Code != http.StatusUnauthorized {
			t.Errorf("got %d; want 401", w.Code)
		}
	})
}

func TestOnlySoMuchWaitsForAClientThatIsAway(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		c := h.calling(t, "alice")
		c.hangUp()
		for i := range 1000 {
			c.says(progress(2 + i))
		}
		again := h.start(t.Context(), c.n.from(lastID(t, c.heard())))
		c.ends()
		got := plain((<-again).Body.String())
		if n := strings.Count(got, "notifications/progress"); n < 60 || n > 64 || !strings.Contains(got, progress(1001)) || !strings.HasSuffix(got, lastWord) {
			t.Errorf("heard %d messages; want the newest 64 and the answer", n)
		}
	})
}

func TestOfOnePersonOnlySoManyAnswersAreKept(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		kept := func() int {
			page, err := h.raw.List(t.Context(), store.Query{Kind: "mcp-unheard", Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			return len(page.Records)
		}
		for range 40 {
			c := h.calling(t, "alice")
			c.hangUp()
			c.ends()
		}
		if got := kept(); got != 32 {
			t.Errorf("%d answers are kept; want 32", got)
		}
		bobs := h.calling(t, "bob")
		bobs.hangUp()
		bobs.ends()
		if got := kept(); got != 33 {
			t.Errorf("%d answers are kept; want bob's too", got)
		}
		large := h.calling(t, "accountant")
		large.hangUp()
		large.says(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","message":"` + strings.Repeat("x", 600<<10) + `"}}`)
		large.result = `{"content":[{"type":"text","text":"` + strings.Repeat("x", 600<<10) + `"}]}`
		large.ends()
		if got := kept(); got != 33 {
			t.Errorf("%d answers are kept; want none that is too large", got)
		}
		if got := h.book.outcomes(); len(got) != 42 || got[41] != audit.StatusOK {
			t.Errorf("%d outcomes are recorded; want all", len(got))
		}
	})
}

func TestAListThatChangedWhileNobodyListenedIsToldOf(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		elsewhere := h.another(t)
		n := h.begin(t, "alice", "2025-11-25", `{}`)
		listen := func(i *instance, n note) string {
			ctx, hangUp := context.WithCancel(t.Context())
			n.method = http.MethodGet
			done := make(chan string, 1)
			go func() { done <- i.sendIn(ctx, n).Body.String() }()
			synctest.Wait()
			hangUp()
			return <-done
		}
		first := listen(h.instance, n)
		if got := plain(first); got != "" {
			t.Errorf("heard %s; want nothing", got)
		}
		if got := plain(listen(elsewhere, n.from(lastID(t, first)))); got != "" {
			t.Errorf("heard %s though nothing changed; want nothing", got)
		}
		h.relist(t, "notes", upstream.Lists{Tools: items(`{"name":"get_news","inputSchema":{"type":"object"}}`)})
		if err := elsewhere.catalogue.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := listen(elsewhere, n.from(lastID(t, first)))
		if got, want := plain(second), `data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`+"\n\n"; got != want {
			t.Errorf("heard %s; want %s", got, want)
		}
		if got := plain(listen(h.instance, n.from(lastID(t, second)))); got != "" {
			t.Errorf("heard %s again; want nothing", got)
		}
	})
}
