package upstream_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

const everything = upstream.AskElicitation | upstream.AskAnySampling | upstream.AskRoots

func TestWhatIsDeclaredIsWhatIsReadBack(t *testing.T) {
	for a := range everything + 1 {
		want := a
		if a&(upstream.AskSamplingTools|upstream.AskSamplingContext) != 0 {
			want |= upstream.AskSampling
		}
		got := upstream.Declared(a.Capabilities(), wire.Version20260728)
		if got != want {
			t.Errorf("%s: got %b, want %b", a.Capabilities(), got, want)
		}
	}
}

func TestWhatAQuestionTakes(t *testing.T) {
	for name, c := range map[string]struct {
		method, params string
		want           upstream.Asks
	}{
		"a form":               {"elicitation/create", `{"mode":"form"}`, upstream.AskForm},
		"a form of old":        {"elicitation/create", `{}`, upstream.AskForm},
		"a link":               {"elicitation/create", `{"mode":"url"}`, upstream.AskURL},
		"an escaped link":      {"elicitation/create", `{"m\u006fde":"u\u0072l"}`, upstream.AskURL},
		"another mode":         {"elicitation/create", `{"mode":"Form"}`, 0},
		"null for a mode":      {"elicitation/create", `{"mode":null}`, 0},
		"sampling":             {"sampling/createMessage", `{}`, upstream.AskSampling},
		"sampling with tools":  {"sampling/createMessage", `{"tools":[]}`, upstream.AskSampling | upstream.AskSamplingTools},
		"sampling with choice": {"sampling/createMessage", `{"toolChoice":{}}`, upstream.AskSampling | upstream.AskSamplingTools},
		"roots":                {"roots/list", ``, upstream.AskRoots},
		"a ping":               {"ping", ``, 0},
		"something else":       {"Elicitation/create", `{}`, 0},
	} {
		if got := upstream.Needed(c.method, []byte(c.params)); got != c.want {
			t.Errorf("%s: got %b, want %b", name, got, c.want)
		}
	}
}

// asking is a call of somebody who can be asked.
func asking(t *testing.T, fleet *upstream.Fleet, asks upstream.Asks, sessions bool) upstream.Reply {
	t.Helper()
	reply, err := fleet.Call(t.Context(), "files", alice, upstream.Request{
		Method: "tools/call", Params: []byte(`{"name":"x"}`), Sessions: sessions, Asks: asks, Ask: func(*upstream.Question) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// What a connection declared holds for all who use it: an upstream would ask a
// client that can't be asked.
func TestConnectionsOfOnePersonAreApartWhereTheyDeclareOtherThings(t *testing.T) {
	const forms, all = upstream.AskForm, everything
	for name, c := range map[string]struct {
		era, versions string
		shared        bool
		want          []string // what was declared at initialize, after the one for lists
		asked         int      // by server/discover
	}{
		"sessions only":    {"", "", false, []string{`{}`, string(forms.Capabilities()), string(all.Capabilities())}, 1},
		"stateless only":   {"2026-07-28", `"2026-07-28"`, false, nil, 1},
		"both":             {"2026-07-28", `"2026-07-28","2025-06-18"`, false, []string{`{}`, string(forms.Capabilities()), string(all.Capabilities())}, 1},
		"a child for all":  {"", "", true, nil, 1},
		"one that is both": {"2026-07-28", `"2026-07-28","2025-06-18"`, true, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeTransport{era: c.era, versions: c.versions}
				fleet := open(t, f, func(s *upstream.Spec) { s.Shared = c.shared })
				if err := fleet.Ready(t.Context(), "files"); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					for _, asks := range []upstream.Asks{0, forms, all} {
						asking(t, fleet, asks, true)
					}
				}
				got := f.declared()
				if c.era == "" {
					got = got[1:] // for the lists
				}
				if !slices.Equal(got, c.want) || f.count("server/discover") != c.asked {
					t.Errorf("declared %q, discovered %d times; want %q, %d", got, f.count("server/discover"), c.want, c.asked)
				}
			})
		})
	}
}

func TestAnUpstreamOfBothErasIsSpokenToInTheCallersEra(t *testing.T) {
	for name, c := range map[string]struct {
		versions  string
		sessions  bool // of the caller
		sessionOf bool // the upstream begins one
		want      string
	}{
		"a caller with sessions":       {`"2026-07-28","2025-11-25"`, true, true, "2025-11-25"},
		"a caller without":             {`"2026-07-28","2025-11-25"`, false, true, "2026-07-28"},
		"an upstream that has one era": {`"2026-07-28"`, true, true, "2026-07-28"},
		"one whose sessions are none":  {`"2026-07-28","2025-11-25"`, true, false, "2026-07-28"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeTransport{era: "2026-07-28", versions: c.versions, noSession: !c.sessionOf}
				fleet := open(t, f, func(s *upstream.Spec) { s.Shared = false })
				if err := fleet.Ready(t.Context(), "files"); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if got := asking(t, fleet, upstream.AskForm, c.sessions).Era; got != c.want {
						t.Errorf("got %s, want %s", got, c.want)
					}
				}
				if begun := f.count("initialize"); begun > 1 {
					t.Errorf("initialized %d times, want once at most", begun)
				}
			})
		})
	}
}

func TestEachStatelessRequestDeclaresForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var declared []string
		f := &fakeTransport{era: "2026-07-28", versions: `"2026-07-28"`, answer: func(_ *fakeLink, m *upstream.Message) string {
			mu.Lock()
			defer mu.Unlock()
			caps, _ := wire.Lookup(m.Body, "params", "_meta", wire.MetaClientCapabilities)
			declared = append(declared, string(caps))
			return "{}"
		}}
		fleet := open(t, f)
		for _, asks := range []upstream.Asks{0, upstream.AskForm, everything} {
			asking(t, fleet, asks, false)
		}
		want := []string{`{}`, `{"elicitation":{"form":{}}}`, string(everything.Capabilities())}
		if !slices.Equal(declared, want) {
			t.Errorf("got %q, want %q", declared, want)
		}
	})
}

// A transport that does not say to which call a message belongs.
func TestAQuestionThatCouldBeAnothersIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		shared bool
		calls  int
		passed bool
	}{
		"one call":            {false, 1, true},
		"two calls":           {false, 2, false},
		"a connection of all": {true, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				f := &fakeTransport{answer: func(*fakeLink, *upstream.Message) string {
					<-release
					return "{}"
				}}
				fleet := open(t, f, func(s *upstream.Spec) { s.Shared = c.shared })
				if err := fleet.Ready(t.Context(), "files"); err != nil {
					t.Fatal(err)
				}
				asked := make(chan *upstream.Question, 10)
				var calls sync.WaitGroup
				for range c.calls {
					calls.Go(func() {
						req := upstream.Request{Method: "tools/call", Sessions: true, Asks: everything, Ask: func(q *upstream.Question) { asked <- q }}
						if _, err := fleet.Call(t.Context(), "files", alice, req); err != nil {
							t.Error(err)
						}
					})
				}
				synctest.Wait()
				last := f.link(len(f.dialed()) - 1)
				last.says(`{"jsonrpc":"2.0","id":"q","method":"roots/list"}`)
				synctest.Wait()
				posts := last.posts()
				if c.passed != (len(asked) == 1) || c.passed == (len(posts) == 1) {
					t.Fatalf("got %d questions passed on, answers %q", len(asked), posts)
				}
				if !c.passed && !strings.Contains(posts[0], `"code":-32601`) {
					t.Errorf("got %s; want that nothing is offered", posts[0])
				}
				close(release)
				calls.Wait()
				if c.passed {
					<-(<-asked).Gone()
				}
			})
		})
	}
}

func TestAnAnswerGoesBackOnceUnderTheUpstreamsID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := &fakeTransport{answer: func(*fakeLink, *upstream.Message) string {
			<-release
			return "{}"
		}}
		fleet := open(t, f, func(s *upstream.Spec) { s.Shared = false })
		if err := fleet.Ready(t.Context(), "files"); err != nil {
			t.Fatal(err)
		}
		asked := make(chan *upstream.Question, 1)
		var calls sync.WaitGroup
		calls.Go(func() {
			req := upstream.Request{Method: "tools/call", Sessions: true, Asks: everything, Ask: func(q *upstream.Question) { asked <- q }}
			if _, err := fleet.Call(t.Context(), "files", alice, req); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		last := f.link(1)
		last.says(`{"jsonrpc":"2.0","id":9007199254740993,"method":"roots/list","params":{"n":1.0}}`)
		q := <-asked
		if q.Method != "roots/list" || string(q.Params) != `{"n":1.0}` {
			t.Errorf("got %s %s", q.Method, q.Params)
		}
		if !q.Answer([]byte(`{"roots":[ ]}`)) || q.Answer([]byte(`{}`)) || q.Refuse(1, "x") || q.Fail([]byte(`{}`)) {
			t.Error("want the first answer to count, and only it")
		}
		synctest.Wait()
		want := []string{`{"jsonrpc":"2.0","id":9007199254740993,"result":{"roots":[ ]}}`}
		if got := last.posts(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		last.says(`{"jsonrpc":"2.0","id":2,"method":"roots/list"}`)
		open := <-asked
		close(release)
		calls.Wait()
		<-open.Gone()
		if open.Answer([]byte(`{}`)) || len(last.posts()) != 1 {
			t.Error("got an answer sent after the call had ended")
		}
		last.says(`{"jsonrpc":"2.0","id":3,"method":"roots/list"}`)
		synctest.Wait()
		if got := last.posts(); len(got) != 2 || !strings.Contains(got[1], `"code":-32601`) {
			t.Errorf("got %q; want a question outside a call refused", got)
		}
	})
}

func (f *fakeTransport) declared() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.begun)
}

func (l *fakeLink) posts() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.posted)
}
