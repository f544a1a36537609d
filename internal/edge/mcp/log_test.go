package mcp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ostiary/ostiary/internal/upstream"
)

// logs has the upstream say one message of each level, and of some that are
// none, during every call. It returns where the levels are kept that calls
// asked for.
func (h *house) logs() *[]upstream.LogLevel {
	asked := &[]upstream.LogLevel{}
	h.upstreams.answers(func(_ ctx, s sent, notify func([]byte)) (upstream.Reply, error) {
		*asked = append(*asked, s.LogLevel)
		for _, level := range append(upstream.LogLevels(), "loud", "Error", "") {
			if notify != nil {
				notify(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":%q,"logger":"l","data":{"n":9007199254740993}}}`, level))
			}
		}
		return upstream.Reply{Result: []byte(`{"content":[]}`), Era: "2025-11-25"}, nil
	})
	return asked
}

// heard are the levels of the log messages in a response.
func heard(body string) string {
	var all []string
	for line := range strings.Lines(body) {
		if _, rest, ok := strings.Cut(line, `"params":{"level":"`); ok {
			level, _, _ := strings.Cut(rest, `"`)
			all = append(all, level)
		}
	}
	return strings.Join(all, " ")
}

const (
	setLevel   = `{"jsonrpc":"2.0","id":5,"method":"logging/setLevel","params":{"level":"LEVEL"}}`
	getContact = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"crm__get_contact","arguments":{}}}`
	noLevel    = ` must be one of debug, info, notice, warning, error, critical, alert, emergency.`
)

func TestASessionHearsLogsFromTheLevelThatItSetOnEveryInstance(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		asked := h.logs()
		elsewhere := h.another(t)
		n, other := h.begin(t, "alice", "2025-11-25", `{}`), h.begin(t, "alice", "2025-11-25", `{}`)
		for _, step := range []struct{ set, want string }{
			{"", ""},
			{"warning", "warning error critical alert emergency"},
			{"emergency", "emergency"},
			{"debug", "debug info notice warning error critical alert emergency"},
		} {
			if step.set != "" {
				w := elsewhere.send(t, n.with(strings.Replace(setLevel, "LEVEL", step.set, 1)))
				if want := `{"jsonrpc":"2.0","id":5,"result":{}}`; w.Code != http.StatusOK || w.Body.String() != want {
					t.Fatalf("got %d %s; want %s", w.Code, w.Body, want)
				}
				synctest.Wait()
			}
			w := h.send(t, n.with(getContact))
			if got := heard(w.Body.String()); got != step.want || !strings.Contains(w.Body.String(), `"content":[]`) {
				t.Errorf("after %q: heard %q in %s; want %q and the result", step.set, got, w.Body, step.want)
			}
			if got := (*asked)[len(*asked)-1].String(); got != step.set {
				t.Errorf("after %q: the upstream was asked for %q", step.set, got)
			}
			if w := h.send(t, other.with(getContact)); heard(w.Body.String()) != "" {
				t.Errorf("another session heard %s; want nothing", w.Body)
			}
		}
		if w := h.send(t, as(n, "bob").with(strings.Replace(setLevel, "LEVEL", "error", 1))); w.Code != http.StatusNotFound {
			t.Errorf("got %d for a session of somebody else; want 404", w.Code)
		}
		if w := h.send(t, n.with(getContact)); !strings.HasPrefix(heard(w.Body.String()), "debug ") {
			t.Errorf("heard %q after somebody else tried; want all as before", heard(w.Body.String()))
		}
	})
}

func TestALevelThatIsNoneIsRefusedAndChangesNothing(t *testing.T) {
	h := newHouse(t)
	h.logs()
	n := h.begin(t, "alice", "2025-06-18", `{}`)
	h.send(t, n.with(strings.Replace(setLevel, "LEVEL", "alert", 1)))
	for _, params := range []string{`{"level":"loud"}`, `{"level":"Error"}`, `{"level":""}`, `{"level":3}`, `{}`} {
		w := h.send(t, n.with(`{"jsonrpc":"2.0","id":5,"method":"logging/setLevel","params":`+params+`}`))
		want := `{"jsonrpc":"2.0","id":5,"error":{"code":-32602,"message":"params.level` + noLevel + `"}}`
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: got %d %s; want %s", params, w.Code, w.Body, want)
		}
	}
	if got := heard(h.send(t, n.with(getContact)).Body.String()); got != "alert emergency" {
		t.Errorf("heard %q; want alert and emergency as before", got)
	}
}

func TestAStatelessClientSaysWithEachRequestWhatItHears(t *testing.T) {
	h := newHouse(t)
	asked := h.logs()
	with := func(level string) note {
		n := call("alice", "crm__get_contact", `{}`)
		return n.with(strings.Replace(n.body, `"_meta":{`, `"_meta":{"io.modelcontextprotocol/logLevel":`+level+`,`, 1))
	}
	w := h.send(t, with(`"critical"`))
	if got := heard(w.Body.String()); got != "critical alert emergency" || (*asked)[0].String() != "critical" {
		t.Errorf("heard %q, asked for %v; want critical and worse", got, *asked)
	}
	if got := heard(h.send(t, call("alice", "crm__get_contact", `{}`)).Body.String()); got != "" {
		t.Errorf("heard %q without asking; want nothing", got)
	}
	calls := len(h.upstreams.got())
	for _, level := range []string{`"loud"`, `""`, `7`, `null`} {
		w := h.send(t, with(level))
		want := `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"params._meta: io.modelcontextprotocol/logLevel` + noLevel + `"}}`
		if w.Code != http.StatusBadRequest || w.Body.String() != want {
			t.Errorf("%s: got %d %s; want 400 %s", level, w.Code, w.Body, want)
		}
	}
	if len(h.upstreams.got()) != calls {
		t.Error("got a call with a level that is none; want it refused before any decision")
	}
}

// What a request of one era says in the manner of the other counts for
// nothing.
func TestALevelInMetaIsNoneOfASession(t *testing.T) {
	h := newHouse(t)
	asked := h.logs()
	n := h.begin(t, "alice", "2025-11-25", `{}`)
	w := h.send(t, n.with(strings.Replace(getContact, `"arguments"`, `"_meta":{"io.modelcontextprotocol/logLevel":"debug"},"arguments"`, 1)))
	if heard(w.Body.String()) != "" || (*asked)[0] != 0 || strings.Contains(h.upstreams.got()[0].Params, "logLevel") {
		t.Errorf("got %s, asked for %v with %s; want no logs", w.Body, *asked, h.upstreams.got()[0].Params)
	}
}
