package upstream_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
)

// subscribing is an upstream that tells of changes of resources.
func subscribing() *fakeTransport { return &fakeTransport{caps: `{"resources":{"subscribe":true}}`} }

var bob = upstream.Caller{Tenant: "acme", Subject: "bob"}

func unshared(s *upstream.Spec) { s.Shared = false }

// opened is open, once the lists have come.
func opened(t *testing.T, f *fakeTransport, change ...func(*upstream.Spec)) *upstream.Fleet {
	t.Helper()
	fleet := open(t, f, change...)
	if err := fleet.Ready(t.Context(), "files"); err != nil {
		t.Fatal(err)
	}
	return fleet
}

// An ear keeps what it hears.
type ear struct {
	upstream.Watching
	mu    sync.Mutex
	heard []string
}

func (e *ear) hears() []string {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

func listen(fleet *upstream.Fleet, who upstream.Caller, uri string) *ear {
	e := &ear{}
	e.Watching = fleet.Watch("files", who, upstream.Watch{URI: uri, Updated: func(uri string) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, uri)
	}})
	return e
}

// watched is listen, once the upstream has agreed.
func watched(t *testing.T, fleet *upstream.Fleet, who upstream.Caller, uri string) *ear {
	t.Helper()
	e := listen(fleet, who, uri)
	if err := e.Ready(t.Context()); err != nil {
		t.Fatalf("watch %s: %v", uri, err)
	}
	return e
}

func changed(uri string) string {
	return `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"` + uri + `"}}`
}

func TestAResourceIsSubscribedToOnceForAllWhoWatchIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := subscribing()
		fleet := opened(t, f, unshared)
		defer fleet.Close()
		one, two := watched(t, fleet, alice, "x://a"), watched(t, fleet, alice, "x://a")
		const subscribed = "resources/subscribe x://a"
		if got := f.uris(); got != subscribed {
			t.Errorf("asked %q; want %q", got, subscribed)
		}
		l := f.link(1) // the first is the one for lists
		l.says(changed("x://a"))
		if got := append(one.hears(), two.hears()...); !slices.Equal(got, []string{"x://a", "x://a"}) {
			t.Errorf("heard %q; want it twice", got)
		}
		one.Close()
		time.Sleep(time.Minute)
		l.says(changed("x://a"))
		if got := f.uris(); got != subscribed || len(one.hears()) != 1 || len(two.hears()) != 2 {
			t.Errorf("asked %q, heard %q and %q; want the second to hear on", got, one.hears(), two.hears())
		}
		two.Close()
		three := watched(t, fleet, alice, "x://a") // at once: nobody has to ask
		if got := f.uris(); got != subscribed {
			t.Errorf("asked %q; want nothing more", got)
		}
		three.Close()
		time.Sleep(time.Minute)
		if got, want := f.uris(), subscribed+", resources/unsubscribe x://a"; got != want {
			t.Errorf("asked %q; want %q", got, want)
		}
		l.says(changed("x://a"))
		if len(three.hears()) != 0 {
			t.Errorf("heard %q after the end", three.hears())
		}
	})
}

func TestPeopleHearOverTheirOwnConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := subscribing()
		fleet := opened(t, f, unshared)
		defer fleet.Close()
		his, hers := watched(t, fleet, bob, "x://a"), watched(t, fleet, alice, "x://a")
		f.link(2).says(changed("x://a"))
		if len(his.hears()) != 0 || len(hers.hears()) != 1 {
			t.Errorf("bob heard %q, alice %q; want alice alone", his.hears(), hers.hears())
		}
		shared := subscribing()
		together := opened(t, shared)
		defer together.Close()
		his, hers = watched(t, together, bob, "x://a"), watched(t, together, alice, "x://a")
		shared.link(0).says(changed("x://a"))
		if len(his.hears()) != 1 || len(hers.hears()) != 1 || shared.uris() != "resources/subscribe x://a" {
			t.Errorf("asked %q, heard %q and %q; want one connection, and both to hear", shared.uris(), his.hears(), hers.hears())
		}
	})
}

func TestAPartOfAResourceIsHeardOfAndANeighbourIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := subscribing()
		fleet := opened(t, f)
		defer fleet.Close()
		e, root := watched(t, fleet, alice, "x://a"), watched(t, fleet, alice, "y://")
		for _, uri := range []string{"x://a/1", "x://a?v=2", "x://ab", "x://", "X://a", "x://a", "y://any", ""} {
			f.link(0).says(changed(uri))
		}
		f.link(0).says(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":7}}`)
		if got, want := e.hears(), []string{"x://a/1", "x://a?v=2", "x://a"}; !slices.Equal(got, want) {
			t.Errorf("heard %q; want %q", got, want)
		}
		if got, want := root.hears(), []string{"y://any"}; !slices.Equal(got, want) {
			t.Errorf("heard %q; want %q", got, want)
		}
	})
}

func TestAConnectionThatIsMadeAnewIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := subscribing()
		fleet := opened(t, f, unshared)
		defer fleet.Close()
		a, b := watched(t, fleet, alice, "x://a"), watched(t, fleet, alice, "x://b")
		f.link(1).Close()
		time.Sleep(time.Minute)
		if got, want := f.uris(), "resources/subscribe x://a, resources/subscribe x://b, resources/subscribe x://a, resources/subscribe x://b"; got != want {
			t.Errorf("asked %q; want %q", got, want)
		}
		f.link(2).says(changed("x://b"))
		if len(a.hears()) != 0 || len(b.hears()) != 1 {
			t.Errorf("heard %q and %q; want the second alone", a.hears(), b.hears())
		}
	})
}

func TestANoIsToldAndNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusing := true
		f := subscribing()
		f.refuse = func(m *upstream.Message) string {
			if m.Method == "resources/subscribe" && refusing {
				return `{"code":-32002,"message":"there is none"}`
			}
			return ""
		}
		fleet := opened(t, f)
		defer fleet.Close()
		e := listen(fleet, alice, "x://a")
		var no *upstream.RefusedError
		if err := e.Ready(t.Context()); !errors.As(err, &no) || string(no.Object) != `{"code":-32002,"message":"there is none"}` {
			t.Errorf("got %v; want the upstream's no", err)
		}
		e.Close()
		refusing = false
		watched(t, fleet, alice, "x://a")
	})
}

func TestOneThatTellsNothingIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{caps: `{"resources":{"listChanged":true}}`}
		fleet := opened(t, f)
		defer fleet.Close()
		if err := listen(fleet, alice, "x://a").Ready(t.Context()); !errors.Is(err, upstream.ErrNoSubscriptions) || f.uris() != "" {
			t.Errorf("got %v, asked %q; want ErrNoSubscriptions and nothing", err, f.uris())
		}
		if err := fleet.Watch("none", alice, upstream.Watch{}).Ready(t.Context()); !errors.Is(err, upstream.ErrUnknownApp) {
			t.Errorf("got %v; want ErrUnknownApp", err)
		}
		f.failing = true
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := listen(fleet, alice, "x://b").Ready(gone); err == nil {
			t.Error("got no error for who does not wait")
		}
	})
}

// Who only watches keeps nobody from calling.
func TestAWatchGivesItsPlaceToACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := subscribing()
		fleet := opened(t, f, unshared, func(s *upstream.Spec) { s.MaxChildren = 1 })
		defer fleet.Close()
		e := watched(t, fleet, alice, "x://a")
		time.Sleep(time.Hour) // idle for long, and kept
		if got := len(f.dialed()); got != 2 {
			t.Fatalf("got %d connections; want one for lists and one", got)
		}
		if _, err := call(t.Context(), fleet, bob); err != nil {
			t.Errorf("bob's call: %v; want it to go through", err)
		}
		time.Sleep(time.Hour)
		f.link(len(f.dialed()) - 1).says(changed("x://a"))
		if len(e.hears()) != 1 {
			t.Errorf("heard %q; want the watch to come back", e.hears())
		}
	})
}
