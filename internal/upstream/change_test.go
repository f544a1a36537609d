package upstream_test

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
)

// A street has the upstreams by their URL; each answers with that.
type street map[string]*fakeTransport

func newStreet(urls ...string) street {
	s := street{}
	for _, url := range urls {
		s[url] = &fakeTransport{answer: func(*fakeLink, *upstream.Message) string { return fmt.Sprintf("%q", url) }}
	}
	return s
}

func (s street) open(spec upstream.Spec, tools upstream.Tools) (upstream.Transport, error) {
	if s[spec.URL] == nil {
		return nil, errors.New("no such place")
	}
	return s[spec.URL].open(spec, tools)
}

func (s street) fleet(t *testing.T, specs ...upstream.Spec) *upstream.Fleet {
	t.Helper()
	fleet, err := upstream.Open(t.Context(), specs, upstream.Options{
		Logger: slog.New(slog.DiscardHandler), Transports: map[string]upstream.Opener{"fake": s.open},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	return fleet
}

func at(app, url string) upstream.Spec {
	return upstream.Spec{App: app, URL: url, Transport: "fake", Shared: true, Refresh: time.Hour, Timeout: 10 * time.Second}
}

// becomes changes the apps of a fleet, once the new ones have their lists.
func becomes(t *testing.T, fleet *upstream.Fleet, edition uint64, specs ...upstream.Spec) {
	t.Helper()
	c, err := fleet.Prepare(specs)
	if err != nil {
		t.Fatal(err)
	}
	c.Ready(t.Context(), func(app string, err error) { t.Errorf("%s: %v", app, err) })
	c.Apply(edition)
}

// of calls an app as an edition of the configuration has it.
func of(t *testing.T, fleet *upstream.Fleet, edition uint64, app string) (string, error) {
	t.Helper()
	reply, err := fleet.Call(t.Context(), app, alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`), Edition: edition})
	return string(reply.Result), err
}

func wantAnswer(t *testing.T, fleet *upstream.Fleet, edition uint64, app, want string) {
	t.Helper()
	if got, err := of(t, fleet, edition, app); got != fmt.Sprintf("%q", want) || err != nil {
		t.Errorf("%s in edition %d: got %s, %v; want %q", app, edition, got, err, want)
	}
}

func wantUnknown(t *testing.T, fleet *upstream.Fleet, edition uint64, app string) {
	t.Helper()
	if got, err := of(t, fleet, edition, app); !errors.Is(err, upstream.ErrUnknownApp) || !upstream.NotSent(err) {
		t.Errorf("%s in edition %d: got %s, %v; want ErrUnknownApp, not sent", app, edition, got, err)
	}
}

// What was decided by one edition of the configuration must not reach what
// only another one has: the rules that let it pass may have been for that.
func TestACallGoesToTheAppOfTheEditionThatItWasDecidedBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet := newStreet("sandbox", "prod", "other").fleet(t, at("crm", "sandbox"), at("mail", "other"))
		wantAnswer(t, fleet, 0, "crm", "sandbox")
		wantUnknown(t, fleet, 0, "shop")
		becomes(t, fleet, 1, at("crm", "prod"), at("shop", "other"))
		wantAnswer(t, fleet, 0, "crm", "sandbox") // decided before, and still on its way
		wantAnswer(t, fleet, 1, "crm", "prod")
		wantAnswer(t, fleet, 0, "mail", "other")
		wantUnknown(t, fleet, 1, "mail")
		wantUnknown(t, fleet, 0, "shop")
		wantAnswer(t, fleet, 1, "shop", "other")
		time.Sleep(5 * time.Second) // of the bubble: what was on its way has arrived
		wantUnknown(t, fleet, 0, "crm")
		wantUnknown(t, fleet, 0, "mail")
		becomes(t, fleet, 2, at("crm", "sandbox"), at("shop", "other"))
		wantAnswer(t, fleet, 1, "crm", "prod")
		wantAnswer(t, fleet, 2, "crm", "sandbox")
		wantAnswer(t, fleet, 2, "shop", "other")
	})
}

func TestAnAppThatStaysAsItIsKeepsItsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet("here", "there", "elsewhere")
		fleet := s.fleet(t, at("crm", "here"), at("mail", "there"))
		wantAnswer(t, fleet, 0, "crm", "here")
		wantAnswer(t, fleet, 0, "mail", "there")
		becomes(t, fleet, 1, at("crm", "here"), at("mail", "elsewhere"))
		wantAnswer(t, fleet, 1, "crm", "here")
		wantAnswer(t, fleet, 1, "mail", "elsewhere")
		if got := len(s["here"].dialed()); got != 1 {
			t.Errorf("dialed %d times to what stayed, want once", got)
		}
		time.Sleep(time.Minute)
		if got := closedLinks(s["here"]); got != 0 {
			t.Errorf("%d connections to what stayed were closed", got)
		}
		if got := closedLinks(s["there"]); got != 1 {
			t.Errorf("%d connections to what left were closed, want 1", got)
		}
	})
}

func closedLinks(f *fakeTransport) (n int) {
	for i := range f.dialed() {
		select {
		case <-f.link(i).done:
			n++
		default:
		}
	}
	return n
}

func TestAnAppThatLeavesFinishesItsCalls(t *testing.T) {
	for how, next := range map[string][]upstream.Spec{"removed": nil, "changed": {at("crm", "new")}} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStreet("old", "new")
				s["old"].answer = func(*fakeLink, *upstream.Message) string {
					time.Sleep(8 * time.Second)
					return `"late"`
				}
				fleet := s.fleet(t, at("crm", "old"))
				var calls sync.WaitGroup
				calls.Go(func() {
					if got, err := of(t, fleet, 0, "crm"); got != `"late"` || err != nil {
						t.Errorf("got %s, %v; want the answer of the app that left", got, err)
					}
				})
				synctest.Wait()
				becomes(t, fleet, 1, next...)
				calls.Wait()
				time.Sleep(time.Second)
				if got := closedLinks(s["old"]); got != 1 {
					t.Errorf("%d connections are closed after the last call, want 1", got)
				}
			})
		})
	}
}

func TestAnAppThatLeavesIsNotKeptForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet("old")
		s["old"].answer = func(l *fakeLink, _ *upstream.Message) string {
			<-l.done // it never answers
			return `"cut off"`
		}
		fleet := s.fleet(t, at("crm", "old"))
		var calls sync.WaitGroup
		calls.Go(func() { of(t, fleet, 0, "crm") })
		synctest.Wait()
		becomes(t, fleet, 1)
		time.Sleep(9 * time.Second)
		if got := closedLinks(s["old"]); got != 0 {
			t.Error("it was cut off before its timeout")
		}
		time.Sleep(2 * time.Second)
		if got := closedLinks(s["old"]); got != 1 {
			t.Error("it is still there after its timeout")
		}
		calls.Wait()
	})
}

func TestWhatCanNotBePreparedChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet("here", "there")
		fleet := s.fleet(t, at("crm", "here"))
		wantAnswer(t, fleet, 0, "crm", "here")
		if _, err := fleet.Prepare([]upstream.Spec{at("crm", "there"), at("mail", "nowhere")}); err == nil {
			t.Fatal("a place that isn't there was prepared")
		}
		c, err := fleet.Prepare([]upstream.Spec{at("crm", "there")})
		if err != nil {
			t.Fatal(err)
		}
		c.Ready(t.Context(), func(string, error) {})
		if err := c.Abandon(); err != nil {
			t.Error(err)
		}
		wantAnswer(t, fleet, 0, "crm", "here")
		wantAnswer(t, fleet, 7, "crm", "here")
		if there := s["there"]; len(there.dialed()) != closedLinks(there) {
			t.Errorf("%d of %d connections that were prepared are open", len(there.dialed())-closedLinks(there), len(there.dialed()))
		}
	})
}

func TestAWatchGoesOnWhenItsAppBecomesAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := street{"old": subscribing(), "new": subscribing()}
		fleet := s.fleet(t, at("files", "old"))
		e := listen(fleet, alice, "test://x")
		defer e.Close()
		if err := e.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		becomes(t, fleet, 1, at("files", "new"))
		if err := e.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s["new"].link(0).says(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://x"}}`)
		if got := e.hears(); len(got) != 1 {
			t.Errorf("heard %q of the new app, want one change", got)
		}
		becomes(t, fleet, 2)
		if err := e.Ready(t.Context()); !errors.Is(err, upstream.ErrUnknownApp) {
			t.Errorf("got %v after the app was removed, want ErrUnknownApp", err)
		}
	})
}
