package mcp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// pours has the upstream answer in an era with a result that can be passed on
// while it comes, behind so long a head; zero holds it whole. taken tells
// whether the last was.
func (h *house) pours(result, era string, head int) (taken *bool) {
	taken = new(false)
	raw := `{"jsonrpc":"2.0","id":1,"result":` + result + `}`
	h.upstreams.answers(func(ctx, sent, func([]byte)) (upstream.Reply, error) {
		h.upstreams.mu.Lock()
		passer := h.upstreams.passer
		h.upstreams.mu.Unlock()
		whole := upstream.Reply{Result: []byte(result), Era: era, Bytes: int64(len(raw))}
		if head == 0 || passer == nil {
			return whole, nil
		}
		rest := iotest.HalfReader(strings.NewReader(raw[head:]))
		p, ok := wire.OpenPassage([]byte(raw[:head]), rest, 1<<20, func(wire.Message) error { return nil })
		if !ok {
			return whole, nil
		}
		var err error
		if *taken, err = passer.Pass(p, era); *taken {
			return upstream.Reply{Era: era}, err
		}
		return whole, err
	})
	return taken
}

// Era is that of all apps of a test; "" is not known.
func (u *upstreams) Era(string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.era
}

// largeResults are results that the gateway changes, or has to look at.
var largeResults = []string{
	`{"content":[{"type":"text","text":"long"}],"huge":12345678901234567890}`,
	`{"content":[],"isError":true,"x":1}`,
	`{"resultType":"complete","content":[],"_meta":{"dev.ostiary/decision":{"reason":"lies"},"kept":1.0}}`,
	`{"content":[{"text":"dev.ostiary/decision"}],"_meta":{"dev.ostiary\u002fdecision":{"reason":"lies"}},"isError":false}`,
	`{"contents":[],"cacheScope":"public","ttlMs":60000,"_meta":{}}`,
	`{"contents":[],"cacheScope":"public","_meta":null}`,
}

func compacted(t *testing.T, raw []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return b.String()
}

func TestALargeResultIsChangedAsASmallOneIs(t *testing.T) {
	h := newHouse(t)
	session := h.begin(t, "alice", "2025-11-25", `{}`)
	plain := call("alice", "crm__get_contact", `{}`)
	for who, n := range map[string]note{
		"stateless": plain, "reading": stateless("alice", "resources/read", "crm://contacts", `"uri":"crm://contacts"`),
		"tracing":      plain.with(strings.Replace(plain.body, `"_meta":{`, `"_meta":{"dev.ostiary/trace":true,`, 1)),
		"in a session": session.with(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"crm__get_contact","arguments":{}}}`),
	} {
		for _, era := range []string{wire.Version20251125, wire.Version20260728} {
			for _, result := range largeResults {
				before := len(h.book.outcomes())
				h.pours(result, era, 0)
				want := compacted(t, h.send(t, n).Body.Bytes())
				for head := len(`{"jsonrpc":"2.0","id":1,"result":{`); head < len(result)+30; head += 3 {
					taken := h.pours(result, era, head)
					w := h.send(t, n)
					got := compacted(t, w.Body.Bytes())
					if who == "tracing" {
						got, want = withoutID(got), withoutID(want)
					}
					if w.Code != http.StatusOK || got != want || w.Header().Get("Content-Type") != "application/json" {
						t.Errorf("%s, %s, behind %d bytes: got %d %s; want %s", who, era, head, w.Code, got, want)
					}
					if typed := era == wire.Version20260728 && strings.Contains(result, "resultType"); !*taken && !typed {
						t.Errorf("%s, %s, behind %d bytes: %s was held", who, era, head, result)
					}
				}
				all := h.book.outcomes()[before:]
				for i := range all {
					if all[i] != all[0] {
						t.Errorf("%s, %s: %s is recorded as %s and as %s", who, era, result, all[0], all[i])
					}
				}
			}
		}
	}
}

// withoutID cuts off the id of a call, which is another each time.
func withoutID(body string) string {
	before, _, _ := strings.Cut(body, `"call_id":"`)
	return before
}

func TestAResultThatAsksIsHeldAndOneThatHidesItBreaksOff(t *testing.T) {
	h := newAsked(t, upstream.AskForm|upstream.AskURL|upstream.AskSampling|upstream.AskRoots)
	h.upstreams.era = wire.Version20260728
	n := ably("alice", "crm__get_contact", `{}`, "")
	for _, result := range []string{wish, `{"resultType":"input_required","requestState":"x"}`, `{"requestState":"x","more":"` + strings.Repeat("x", 100) + `","resultType":"input_required"}`} {
		for head := 60; head < len(result)+30; head += 7 {
			taken := h.pours(result, wire.Version20260728, head)
			if w := h.send(t, n); *taken || !strings.Contains(w.Body.String(), `"resultType":"input_required"`) {
				t.Fatalf("%s behind %d bytes: got %s; want it held, and asked", result, head, w.Body)
			}
		}
	}
	hidden := `{"content":"` + strings.Repeat("x", 100) + `","resultType":"input_required","requestState":"x"}`
	for name, n := range map[string]note{
		"stateless":    n,
		"in a session": h.begin(t, "alice", "2025-11-25", `{}`).with(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"crm__get_contact","arguments":{}}}`),
	} {
		h.pours(hidden, wire.Version20260728, 60)
		body, broke := h.sendBroken(t, n)
		if !broke || json.Valid([]byte(body)) {
			t.Errorf("%s: got %s, broken off: %v; want no whole answer", name, body, broke)
		}
	}
	outcomes := h.book.outcomes()
	if last := outcomes[len(outcomes)-2:]; last[0] == audit.StatusOK || last[1] == audit.StatusOK {
		t.Errorf("got outcomes %v; want them to say that it went wrong", last)
	}
}

// sendBroken sends what may be broken off.
func (h *house) sendBroken(t *testing.T, n note) (body string, broke bool) {
	t.Helper()
	w := httptest.NewRecorder()
	defer func() {
		if cause := recover(); cause != nil {
			err, _ := cause.(error)
			body, broke = w.Body.String(), errors.Is(err, http.ErrAbortHandler)
		}
	}()
	h.mux.ServeHTTP(w, n.request(t.Context()))
	return w.Body.String(), false
}

func TestOfABatchNothingIsPassedOnBeforeItIsWhole(t *testing.T) {
	h := newHouse(t)
	element := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crm__get_contact","arguments":{}}}`
	taken := h.pours(largeResults[0], wire.Version20251125, 60)
	w := h.send(t, h.begin(t, "alice", "2025-03-26", `{}`).with(`[`+element+`,`+strings.Replace(element, `"id":1`, `"id":2`, 1)+`]`))
	if *taken || strings.Count(w.Body.String(), `"huge":12345678901234567890`) != 2 || !json.Valid(w.Body.Bytes()) {
		t.Errorf("got %s, taken: %v; want both results in one answer", w.Body, *taken)
	}
}

// What a held result may not say, a large one may not say behind its head.
func TestALargeResultOfBadFormBreaksOff(t *testing.T) {
	h := newHouse(t)
	n := call("alice", "crm__get_contact", `{}`)
	for _, end := range []string{`"_meta":[]`, `"_meta":"x"`, `"isError":"yes"`, `"isError":1`} {
		h.pours(`{"content":"`+strings.Repeat("x", 100)+`",`+end+`}`, wire.Version20251125, 60)
		if body, broke := h.sendBroken(t, n); !broke || json.Valid([]byte(body)) {
			t.Errorf("%s: got %s, broken off: %v; want no whole answer", end, body, broke)
		}
	}
	for _, status := range h.book.outcomes() {
		if status != audit.StatusError {
			t.Errorf("got the outcome %s; want error", status)
		}
	}
	for _, end := range []string{`"_meta":{}`, `"_meta":null`, `"isError":false`} {
		h.pours(`{"content":"`+strings.Repeat("x", 100)+`",`+end+`}`, wire.Version20251125, 60)
		if w := h.send(t, n); !strings.Contains(w.Body.String(), end) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: got %s; want it whole", end, w.Body)
		}
	}
}
