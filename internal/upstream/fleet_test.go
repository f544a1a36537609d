package upstream_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
)

func TestAConnectionThatFailsIsTriedAgainWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{failing: true}
		fleet := open(t, f)
		for range 3600 { // for an hour
			if _, err := call(t.Context(), fleet, alice); !upstream.NotSent(err) || !strings.Contains(err.Error(), "no such program") {
				t.Fatalf("got %v, want the reason, and that nothing was sent", err)
			}
			time.Sleep(time.Second)
		}
		if got := len(f.dialed()); got < 100 || got > 140 {
			t.Errorf("dialed %d times in an hour, want about 120", got)
		}
		f.failing = false
		time.Sleep(time.Minute)
		if _, err := call(t.Context(), fleet, alice); err != nil {
			t.Errorf("after it was mended: %v", err)
		}
	})
}

func TestAConnectionThatBreaksAtOnceIsTriedAgainWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{answer: func(l *fakeLink, _ *upstream.Message) string {
			l.Close()
			return "{}"
		}}
		fleet := open(t, f)
		answered := 0
		for range 600 {
			if _, err := call(t.Context(), fleet, alice); err == nil {
				answered++
			} else if !upstream.NotSent(err) || !strings.Contains(err.Error(), "it broke") {
				t.Fatalf("got %v, want that it broke and nothing was sent", err)
			}
			time.Sleep(time.Second)
		}
		if answered < 15 || answered > 40 || len(f.dialed()) != answered+1 && len(f.dialed()) != answered {
			t.Errorf("answered %d times over %d connections in ten minutes, want about 25", answered, len(f.dialed()))
		}
	})
}

func TestManyCallsAtOnceOpenOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{slow: time.Second}
		fleet := open(t, f)
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				if _, err := call(t.Context(), fleet, alice); err != nil {
					t.Errorf("call: %v", err)
				}
			})
		}
		calls.Wait()
		if got := len(f.dialed()); got != 1 {
			t.Errorf("dialed %d times, want once", got)
		}
	})
}

func TestACallerWhoGivesUpSpoilsTheConnectionForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{slow: 10 * time.Second}
		fleet := open(t, f, func(s *upstream.Spec) { s.Shared = false })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := call(ctx, fleet, alice); !upstream.NotSent(err) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want deadline exceeded, not sent", err)
		}
		if _, err := call(t.Context(), fleet, alice); err != nil {
			t.Error(err)
		}
		if got := len(f.dialed()); got != 2 { // one lists
			t.Errorf("dialed %d times, want 2", got)
		}
	})
}

func TestAConnectionThatNobodyUsedForLongIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{}
		fleet := open(t, f, func(s *upstream.Spec) { s.Shared, s.Refresh = false, time.Minute })
		for _, subject := range []ostiary.Subject{"alice", "bob"} {
			if _, err := call(t.Context(), fleet, upstream.Caller{Subject: subject}); err != nil {
				t.Fatal(err)
			}
		}
		for range 15 {
			time.Sleep(time.Minute)
			if _, err := call(t.Context(), fleet, upstream.Caller{Subject: "bob"}); err != nil {
				t.Fatal(err)
			}
		}
		open := 0
		for i := range f.dialed() {
			select {
			case <-f.link(i).done:
			default:
				open++
			}
		}
		if open != 2 || len(f.dialed()) != 3 {
			t.Errorf("%d of %d connections are open, want bob's and the one that lists of 3", open, len(f.dialed()))
		}
	})
}

func TestListsAreFetchedAtMostOnceASecondHoweverOftenTheyChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{}
		open(t, f)
		synctest.Wait()
		before := f.count("tools/list")
		for range 1000 {
			f.link(0).says(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
			time.Sleep(10 * time.Millisecond)
		}
		if got := f.count("tools/list") - before; got < 9 || got > 10 {
			t.Errorf("fetched %d times in ten seconds, want 9 or 10", got)
		}
		time.Sleep(2 * time.Second) // for the last change
		before = f.count("tools/list")
		time.Sleep(10 * time.Minute)
		if got := f.count("tools/list") - before; got != 0 {
			t.Errorf("fetched %d times though nothing changed", got)
		}
	})
}

func TestListsAreFetchedEveryRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{}
		open(t, f, func(s *upstream.Spec) { s.Refresh = 30 * time.Second })
		time.Sleep(10*time.Minute + time.Second)
		if got := f.count("tools/list"); got != 21 {
			t.Errorf("fetched %d times in ten minutes, want 21", got)
		}
	})
}

func TestNothingIsToldOfACallThatHasReturned(t *testing.T) {
	var token int64
	f := &fakeTransport{answer: func(l *fakeLink, m *upstream.Message) string {
		token = m.ID
		return "{}"
	}}
	fleet := open(t, f)
	var heard []string
	_, err := fleet.Call(t.Context(), "files", alice, upstream.Request{
		Method: "tools/call", Params: []byte(`{"name":"x","_meta":{"progressToken":"p"}}`),
		Notify: func(raw []byte) { heard = append(heard, string(raw)) },
	})
	if err != nil || token == 0 {
		t.Fatal(err, token)
	}
	f.link(0).says(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}`)
	f.link(0).says(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"late"}}`)
	if len(heard) != 0 {
		t.Errorf("heard %q after the call", heard)
	}
}

// A stateless upstream costs a caller no handshake; an older one costs
// initialize and no more question.
func TestTheEraOfAnAppIsFoundOnce(t *testing.T) {
	for era, want := range map[string][]string{
		"2026-07-28": {"tools/call", "tools/call"},
		"":           {"initialize", "tools/call", "initialize", "tools/call"},
	} {
		f := &fakeTransport{era: era}
		fleet := open(t, f, func(s *upstream.Spec) { s.Shared = false })
		if err := fleet.Ready(t.Context(), "files"); err != nil {
			t.Fatal(err)
		}
		f.mu.Lock()
		f.asked = nil
		f.mu.Unlock()
		for _, subject := range []ostiary.Subject{"alice", "bob"} {
			if _, err := call(t.Context(), fleet, upstream.Caller{Subject: subject}); err != nil {
				t.Fatal(err)
			}
		}
		f.mu.Lock()
		got := slices.DeleteFunc(slices.Clone(f.asked), func(m string) bool { return m == "subscriptions/listen" })
		f.mu.Unlock()
		if !slices.Equal(got, want) {
			t.Errorf("era %q: asked %q, want %q", era, got, want)
		}
	}
}

func TestAnErrorNamesAppAndWhatWasDone(t *testing.T) {
	f := &fakeTransport{failing: true}
	_, err := call(t.Context(), open(t, f), alice)
	if want := "files: tools/call: connect: no such program"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if upstream.NotSent(nil) || upstream.NotSent(errors.New("any")) || upstream.NotSent(&upstream.Error{Err: errors.New("any")}) {
		t.Error("NotSent holds of an error that proves nothing")
	}
}
