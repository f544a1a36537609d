package mcp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/store"
)

// telling is held with a crm that tells of changes and has a resource that
// few may know of.
func telling(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	held(t, func(t *testing.T, h *house) {
		with := crmLists()
		with.Subscribes = true
		with.Resources = append(with.Resources, items(`{"uri":"crm://salaries","name":"salaries"}`)...)
		h.relist(t, "crm", with)
		notes := upstream.Lists{Resources: items(`{"uri":"notes://all","name":"all"}`)}
		h.relist(t, "notes", notes)
		f(t, h)
	})
}

func subscribing(method, uri string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":4,"method":"resources/%s","params":{"uri":%q}}`, method, uri)
}

const (
	done4   = `{"jsonrpc":"2.0","id":4,"result":{}}`
	changed = `data: {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"%s"}}` + "\n\n"
)

// eventIDs and silences are what a stream says besides messages.
var (
	eventIDs = regexp.MustCompile(`(?m)^id: .*\n`)
	silences = regexp.MustCompile(`(?m)^(:|data: )\n\n`)
)

// plain is a stream without them.
func plain(body string) string {
	return silences.ReplaceAllString(eventIDs.ReplaceAllString(body, ""), "")
}

func updated(uri string) string { return fmt.Sprintf(changed, uri) }

// mayNotAnyMore takes the accountant's role, as an administrator would.
func (h *house) mayNotAnyMore(t *testing.T) {
	t.Helper()
	h.wallet.mu.Lock()
	p := *h.wallet.tokens["accountant"]
	p.Roles = nil
	h.wallet.tokens["accountant"] = &p
	h.wallet.mu.Unlock()
	var tx store.Tx
	h.epochs.Bump(&tx, store.EpochIDs{Subject: p.Subject})
	if _, err := h.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func TestASessionHearsOfTheResourcesThatItSubscribesToWhereverItAsked(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		ctx, hangUp := context.WithCancel(t.Context())
		elsewhere := h.another(t)
		n := h.begin(t, "alice", "2025-11-25", `{}`)
		stream := h.start(ctx, note{method: "GET", token: "alice", header: n.header})
		other := h.start(ctx, note{method: "GET", token: "alice", header: h.begin(t, "alice", "2025-11-25", `{}`).header})
		for _, uri := range []string{"crm://contacts", "crm://contacts/7"} {
			if w := elsewhere.send(t, n.with(subscribing("subscribe", uri))); w.Code != http.StatusOK || w.Body.String() != done4 {
				t.Fatalf("got %d %s; want %s", w.Code, w.Body, done4)
			}
		}
		synctest.Wait()
		if got, want := h.upstreams.heardOf(), "alice crm://contacts, alice crm://contacts/7"; got != want {
			t.Errorf("watched: %q; want %q", got, want)
		}
		h.upstreams.update("alice", "crm://contacts", "crm://contacts")
		synctest.Wait()
		if w := elsewhere.send(t, n.with(subscribing("unsubscribe", "crm://contacts"))); w.Body.String() != done4 {
			t.Errorf("got %s; want %s", w.Body, done4)
		}
		synctest.Wait()
		h.upstreams.update("alice", "crm://contacts", "crm://contacts")
		h.upstreams.update("alice", "crm://contacts/7", "crm://contacts/7")
		synctest.Wait()
		hangUp()
		if got, want := plain((<-stream).Body.String()), updated("crm://contacts")+updated("crm://contacts/7"); got != want {
			t.Errorf("heard %s; want %s", got, want)
		}
		if got := plain((<-other).Body.String()); got != "" {
			t.Errorf("another session heard %s; want nothing", got)
		}
		if got := h.upstreams.heardOf(); got != "" {
			t.Errorf("watched after the end: %q; want nothing", got)
		}
		if got, want := h.book.told(), "intent crm:@resources/crm://contacts, outcome ok, intent crm:@resources/crm://contacts/7, outcome ok"; got != want {
			t.Errorf("recorded %q; want %q", got, want)
		}
	})
}

// told is what the log says of calls.
func (b *book) told() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, e := range b.entries {
		switch e.Kind {
		case audit.KindOutcome:
			all = append(all, "outcome "+string(e.Upstream.Status))
		default:
			all = append(all, fmt.Sprintf("%s %s", e.Kind, e.Tool))
		}
	}
	return strings.Join(all, ", ")
}

func TestNobodySubscribesToWhatTheyMayNotKnowOf(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		alice, carol := h.begin(t, "alice", "2025-11-25", `{}`), h.begin(t, "accountant", "2025-11-25", `{}`)
		for uri, n := range map[string]note{"crm://salaries": alice, "crm://none": alice, "notes://none": carol} {
			want := fmt.Sprintf(`{"jsonrpc":"2.0","id":4,"error":{"code":-32002,"message":"Unknown resource: %s","data":{"uri":"%s"}}}`, uri, uri)
			if w := h.send(t, n.with(subscribing("subscribe", uri))); w.Body.String() != want {
				t.Errorf("%s: got %s; want %s", uri, w.Body, want)
			}
		}
		if len(h.upstreams.watched) != 0 {
			t.Errorf("watched %q; want nothing", h.upstreams.watched)
		}
		if w := h.send(t, carol.with(subscribing("subscribe", "crm://salaries"))); w.Body.String() != done4 {
			t.Errorf("got %s for who may; want %s", w.Body, done4)
		}
		if w := h.send(t, as(carol, "alice").with(subscribing("subscribe", "crm://contacts"))); w.Code != http.StatusNotFound {
			t.Errorf("got %d in another's session; want 404", w.Code)
		}
		for _, uri := range []string{"crm://salaries", "crm://none"} {
			if w := h.send(t, alice.with(subscribing("unsubscribe", uri))); w.Body.String() != done4 {
				t.Errorf("unsubscribe %s: got %s; want the same of all", uri, w.Body)
			}
		}
		for _, params := range []string{`{}`, `{"uri":""}`, `{"uri":7}`} {
			for _, method := range []string{"subscribe", "unsubscribe"} {
				w := h.send(t, alice.with(`{"jsonrpc":"2.0","id":4,"method":"resources/`+method+`","params":`+params+`}`))
				if got := read(t, w.Body); w.Code != http.StatusOK || code(got) != -32602 {
					t.Errorf("%s %s: got %d %+v; want -32602", method, params, w.Code, got)
				}
			}
		}
	})
}

func TestARightThatIsGoneEndsWhatIsHeardAndLeavesTheRest(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		ctx, hangUp := context.WithCancel(t.Context())
		n := h.begin(t, "accountant", "2025-11-25", `{}`)
		for _, uri := range []string{"crm://salaries", "crm://contacts"} {
			h.send(t, n.with(subscribing("subscribe", uri)))
		}
		older := h.start(ctx, note{method: "GET", token: "accountant", header: n.header})
		newer := h.start(ctx, stateless("accountant", "subscriptions/listen", "", `"notifications":{"resourceSubscriptions":["crm://salaries","crm://contacts"]}`))
		both := func() {
			h.upstreams.update("carol", "crm://salaries", "crm://salaries")
			h.upstreams.update("carol", "crm://contacts", "crm://contacts")
			synctest.Wait()
		}
		both()
		h.mayNotAnyMore(t)
		both() // at once: nobody waits for a look at the clock
		hangUp()
		for name, w := range map[string]*httptest.ResponseRecorder{"a session": <-older, "a subscription": <-newer} {
			for uri, want := range map[string]int{"crm://salaries": 1, "crm://contacts": 2} {
				if got := strings.Count(w.Body.String(), `"uri":"`+uri); got != want {
					t.Errorf("%s: heard %d times of %s in %s; want %d", name, got, uri, w.Body, want)
				}
			}
		}
	})
}

func TestOfAPartThatNobodyCanReadTheWholeIsTold(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		ctx, hangUp := context.WithCancel(t.Context())
		n := h.begin(t, "alice", "2025-11-25", `{}`)
		h.send(t, n.with(subscribing("subscribe", "crm://contacts")))
		stream := h.start(ctx, note{method: "GET", token: "alice", header: n.header})
		for _, part := range []string{"crm://contacts/1", "crm://salaries", "notes://all", "crm://contacts#secret"} {
			h.upstreams.update("alice", "crm://contacts", part)
			synctest.Wait()
		}
		hangUp()
		want := updated("crm://contacts/1") + strings.Repeat(updated("crm://contacts"), 3)
		if got := plain((<-stream).Body.String()); got != want {
			t.Errorf("heard %s; want %s", got, want)
		}
	})
}

func TestAnAppThatDoesNotTellIsNotAskedTo(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		alice := h.begin(t, "alice", "2025-11-25", `{}`)
		w := h.send(t, alice.with(subscribing("subscribe", "notes://all")))
		if want := `{"jsonrpc":"2.0","id":4,"error":{"code":-32601,"message":"The app notes does not tell when its resources change."}}`; w.Body.String() != want {
			t.Errorf("got %s; want %s", w.Body, want)
		}
		declares := func() bool {
			return strings.Contains(h.send(t, stateless("alice", "server/discover", "", "")).Body.String(), `"resources":{"subscribe":true,"listChanged":true}`)
		}
		if !declares() {
			t.Error("subscribe is not declared though an app has it")
		}
		h.upstreams.agree = func(*fakeWatch) error { return upstream.ErrNoSubscriptions }
		if got := read(t, h.send(t, alice.with(subscribing("subscribe", "crm://contacts"))).Body); code(got) != -32601 {
			t.Errorf("got %+v of an app that changed its mind; want -32601", got)
		}
		h.upstreams.agree = func(*fakeWatch) error {
			return &upstream.RefusedError{Object: []byte(`{"code":-32002,"message":"locked","data":{"x":1}}`)}
		}
		w = h.send(t, alice.with(subscribing("subscribe", "crm://contacts")))
		if want := `{"jsonrpc":"2.0","id":4,"error":{"code":-32002,"message":"locked","data":{"x":1}}}`; w.Body.String() != want {
			t.Errorf("got %s; want %s", w.Body, want)
		}
		h.upstreams.agree = func(*fakeWatch) error { return upstream.Unsent(errors.New("down")) }
		if got := read(t, h.send(t, alice.with(subscribing("subscribe", "crm://contacts"))).Body); code(got) != -32603 {
			t.Errorf("got %+v of one that can't be reached; want -32603", got)
		}
		if got := h.book.outcomes(); len(got) != 3 || got[0] != "error" || got[1] != "error" || got[2] != "not_sent" {
			t.Errorf("recorded %q; want error, error and not_sent", got)
		}
		h.upstreams.agree = nil
		stream := h.start(t.Context(), note{method: "GET", token: "alice", header: alice.header})
		if got := h.upstreams.heardOf(); got != "" {
			t.Errorf("watched %q; want nothing of what was refused", got)
		}
		h.relist(t, "crm", crmLists())
		if declares() {
			t.Error("subscribe is declared though no app has it")
		}
		h.handler.Close()
		<-stream
	})
}

func TestASessionSubscribesToSoManyAndNoMore(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		n := h.begin(t, "alice", "2025-11-25", `{}`)
		for i := range 200 {
			if w := h.send(t, n.with(subscribing("subscribe", fmt.Sprintf("crm://contacts/%d", i)))); w.Body.String() != done4 {
				t.Fatalf("%d: got %s; want %s", i, w.Body, done4)
			}
		}
		if got := read(t, h.send(t, n.with(subscribing("subscribe", "crm://contacts/more"))).Body); code(got) != -32600 {
			t.Errorf("got %+v for one more; want a refusal", got)
		}
		for _, body := range []string{
			subscribing("subscribe", "crm://contacts/1"), subscribing("unsubscribe", "crm://contacts/2"), subscribing("subscribe", "crm://contacts/more"),
		} {
			if w := h.send(t, n.with(body)); w.Body.String() != done4 {
				t.Errorf("got %s; want %s", w.Body, done4)
			}
		}
		many := strings.Repeat(`"x:y",`, 200) + `"x:z"`
		for _, list := range []string{`[` + many + `]`, `"crm://contacts"`, `[7]`, `{}`} {
			w := h.send(t, stateless("alice", "subscriptions/listen", "", `"notifications":{"resourceSubscriptions":`+list+`}`))
			if got := read(t, w.Body); w.Code != http.StatusBadRequest || code(got) != -32602 {
				t.Errorf("%.30s: got %d %+v; want 400 -32602", list, w.Code, got)
			}
		}
	})
}

func TestAStatelessClientHearsOfWhatItMayReadAndNothingIsSaidOfTheRest(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		ctx, hangUp := context.WithCancel(t.Context())
		stream := h.start(ctx, stateless("alice", "subscriptions/listen", "",
			`"notifications":{"resourceSubscriptions":["crm://contacts","crm://salaries","crm://none","notes://all","crm://contacts/1","crm://contacts"]}`))
		h.upstreams.update("alice", "crm://contacts", "crm://contacts")
		synctest.Wait()
		hangUp()
		const about = `"_meta":{"io.modelcontextprotocol/subscriptionId":1}`
		want := `data: {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{` + about + `,"notifications":{"resourceSubscriptions":["crm://contacts","crm://contacts/1"]}}}` + "\n\n" +
			`data: {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{` + about + `,"uri":"crm://contacts"}}` + "\n\n"
		if got := (<-stream).Body.String(); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
		recorded := strings.Split(h.book.told(), ", ")
		slices.Sort(recorded)
		want2 := []string{"intent crm:@resources/crm://contacts", "intent crm:@resources/crm://contacts/1", "outcome ok", "outcome ok", "refusal crm:@resources/crm://salaries"}
		if !slices.Equal(recorded, want2) {
			t.Errorf("recorded %q; want %q", recorded, want2)
		}
		synctest.Wait()
		if got := h.upstreams.heardOf(); got != "" {
			t.Errorf("watched after the end: %q; want nothing", got)
		}
	})
}

func TestWhoHasNoPlaceForAStreamAsksNoApp(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		ctx, hangUp := context.WithCancel(t.Context())
		var open []<-chan *httptest.ResponseRecorder
		for range 100 {
			open = append(open, h.start(ctx, stateless("alice", "subscriptions/listen", "", `"notifications":{}`)))
		}
		for range 900 {
			w := <-h.start(ctx, stateless("alice", "subscriptions/listen", "", `"notifications":{"resourceSubscriptions":["crm://contacts"]}`))
			if w.Code != http.StatusServiceUnavailable {
				t.Fatalf("got %d; want 503", w.Code)
			}
		}
		if len(h.upstreams.watched) != 0 || h.book.told() != "" {
			t.Errorf("watched %q, recorded %q; want nothing", h.upstreams.watched, h.book.told())
		}
		hangUp()
		for _, done := range open {
			<-done
		}
		if done := h.start(t.Context(), stateless("alice", "subscriptions/listen", "", `"notifications":{}`)); len(done) != 0 {
			t.Errorf("got %d after the others ended; want a stream", (<-done).Code)
		} else {
			h.handler.Close()
			<-done
		}
	})
}

func TestOfSeveralStreamsOfASessionTheNewestSpeaks(t *testing.T) {
	for _, where := range []string{"at one instance", "at two"} {
		t.Run(where, func(t *testing.T) {
			telling(t, func(t *testing.T, h *house) {
				other := h.instance
				if where == "at two" {
					other = h.another(t)
					watching, stop := context.WithCancel(t.Context())
					defer stop()
					go other.db.Watch(watching)
				}
				newestSpeaks(t, h, other)
			})
		})
	}
}

func newestSpeaks(t *testing.T, h *house, other *instance) {
	t.Helper()
	n := h.begin(t, "alice", "2025-11-25", `{}`)
	h.send(t, n.with(subscribing("subscribe", "crm://contacts")))
	get := note{method: "GET", token: "alice", header: n.header}
	older := h.start(t.Context(), get)
	ctx, hangUp := context.WithCancel(t.Context())
	newer := make(chan string, 1)
	go func() { newer <- other.sendIn(ctx, get).Body.String() }()
	synctest.Wait()
	something := func(tool string) {
		h.upstreams.update("alice", "crm://contacts", "crm://contacts")
		h.relist(t, "notes", upstream.Lists{Tools: items(`{"name":"` + tool + `","inputSchema":{"type":"object"}}`)})
		if other != h.instance {
			if err := other.catalogue.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			other.handler.ListsChanged()
		}
		synctest.Wait()
	}
	if got := h.upstreams.heardOf(); got != "alice crm://contacts" {
		t.Errorf("watched %q; want it once", got)
	}
	something("get_1")
	hangUp()
	heard := <-newer
	synctest.Wait()
	something("get_2")
	h.handler.Close()
	const list = `data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}` + "\n\n"
	for name, got := range map[string]string{"newer": heard, "older": (<-older).Body.String()} {
		if got := plain(got); strings.Count(got, updated("crm://contacts")) != 1 || strings.Count(got, list) != 1 {
			t.Errorf("the %s heard %s; want each once", name, got)
		}
	}
}

// A pausedReader is a client that keeps its stream open and reads nothing of
// it, once its buffers are full.
type pausedReader struct {
	*httptest.ResponseRecorder
	mu    sync.Mutex
	full  bool
	limit time.Time
}

func (p *pausedReader) SetWriteDeadline(t time.Time) error { p.limit = t; return nil }
func (p *pausedReader) FlushError() error                  { return nil }

func (p *pausedReader) fill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.full = true
}

func (p *pausedReader) Write(b []byte) (int, error) {
	p.mu.Lock()
	full := p.full
	p.mu.Unlock()
	if !full {
		return p.ResponseRecorder.Write(b)
	}
	if p.limit.IsZero() {
		select {} // for ever
	}
	time.Sleep(time.Until(p.limit))
	return 0, os.ErrDeadlineExceeded
}

func TestWhoDoesNotReadIsGivenUpWithinASecondOfARevocation(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		n := h.begin(t, "accountant", "2025-11-25", `{}`)
		h.send(t, n.with(subscribing("subscribe", "crm://contacts")))
		w := &pausedReader{ResponseRecorder: httptest.NewRecorder()}
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.mux.ServeHTTP(w, note{method: "GET", token: "accountant", header: n.header}.request(t.Context()))
		}()
		synctest.Wait()
		w.fill()
		for i := range 10_000 {
			h.upstreams.update("carol", "crm://contacts", fmt.Sprintf("crm://contacts/%d", i))
		}
		h.wallet.revoke("accountant")
		began := time.Now()
		<-done
		if took := time.Since(began); took > time.Second {
			t.Errorf("ended after %v; want it within a second", took)
		}
		if got := h.upstreams.heardOf(); got != "" {
			t.Errorf("watched after the end: %q", got)
		}
	})
}

// A slowReader takes one message for each that it is given leave to.
type slowReader struct {
	*httptest.ResponseRecorder
	leave chan struct{}
}

func (s *slowReader) Write(b []byte) (int, error) {
	<-s.leave
	return s.ResponseRecorder.Write(b)
}

func TestManyChangesAtOnceAreToldOnceEachAndOnlySoManyWait(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		ctx, hangUp := context.WithCancel(t.Context())
		n := h.begin(t, "alice", "2025-11-25", `{}`)
		h.send(t, n.with(subscribing("subscribe", "crm://contacts")))
		w, done := &slowReader{httptest.NewRecorder(), make(chan struct{}, 1)}, make(chan struct{})
		w.leave <- struct{}{} // for what a stream begins with
		go func() {
			defer close(done)
			h.mux.ServeHTTP(w, note{method: "GET", token: "alice", header: n.header}.request(ctx))
		}()
		synctest.Wait()
		h.upstreams.update("alice", "crm://contacts", "crm://contacts/first")
		synctest.Wait() // it waits to be read
		for range 1000 {
			h.upstreams.update("alice", "crm://contacts", "crm://contacts")
		}
		for i := range 1000 {
			h.upstreams.update("alice", "crm://contacts", fmt.Sprintf("crm://contacts/%d", i))
		}
		close(w.leave)
		synctest.Wait()
		hangUp()
		<-done
		got := w.Body.String()
		if n := strings.Count(got, "resources/updated"); n != 1+256 {
			t.Errorf("heard %d times; want the first and what may wait", n)
		}
		if n := strings.Count(got, `"uri":"crm://contacts"}`); n != 1 {
			t.Errorf("heard %d times of one resource; want it once", n)
		}
	})
}
