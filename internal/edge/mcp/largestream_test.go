package mcp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// A pouring call is one in a session whose client hears of progress, and
// whose large result comes as the test writes it.
type pouring struct {
	*house
	n      note
	rest   *io.PipeWriter
	w      *httptest.ResponseRecorder
	done   chan struct{}
	broke  bool // valid once done is closed
	hangUp func()
}

// largeBegin is what has come before the test writes.
const largeBegin = `{"result":{"content":[{"type":"text","text":"` + `a large one`

func (h *house) pouring(t *testing.T) *pouring {
	t.Helper()
	in, out := io.Pipe()
	c := &pouring{house: h, n: h.begin(t, "alice", "2025-11-25", `{}`), rest: out, w: httptest.NewRecorder(), done: make(chan struct{})}
	h.upstreams.answers(func(gone ctx, _ sent, notify func([]byte)) (upstream.Reply, error) {
		notify([]byte(progress(1)))
		started := make([]byte, 1)
		if _, err := io.ReadFull(in, started); err != nil { // the test says when the result begins
			return upstream.Reply{}, err
		}
		return h.passesOn(t, in)(gone, sent{}, nil)
	})
	ctx, hangUp := context.WithCancel(t.Context())
	c.hangUp = hangUp
	n := c.n.with(strings.Replace(getContact, `"arguments"`, `"_meta":{"progressToken":"p"},"arguments"`, 1))
	go func() {
		defer close(c.done)
		defer func() {
			err, _ := recover().(error)
			c.broke = errors.Is(err, http.ErrAbortHandler)
		}()
		h.mux.ServeHTTP(c.w, n.request(ctx))
	}()
	synctest.Wait()
	return c
}

// comes has the upstream write on; the first time it begins the result.
func (c *pouring) comes(text string) {
	_, _ = io.WriteString(c.rest, text)
	synctest.Wait()
}

// ends has the upstream come to an end, with an error or without.
func (c *pouring) ends(err error) {
	c.rest.CloseWithError(err)
	<-c.done
	synctest.Wait()
}

func (c *pouring) outcome() audit.Status {
	all := c.book.outcomes()
	return all[len(all)-1]
}

// largeEnd is what comes last of a good one, after some text.
const largeEnd = `"}],"n":9007199254740993},` + "\r\n" + `"jsonrpc":"2.0","id":1}`

// passageOf is a large result whose rest is to be read.
func passageOf(t *testing.T, rest io.Reader) *wire.Passage {
	t.Helper()
	head := append(make([]byte, 0, wire.HeadSize), largeBegin...)
	p, ok := wire.OpenPassage(head[:len(largeBegin)], rest, 1<<20, func(wire.Message) error { return nil })
	if !ok {
		t.Error("it can't be passed on")
	}
	return p
}

func largeWord(text string) string {
	return `data: {"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"a large one` + text + `"}],"n":9007199254740993}}` + "\n\n"
}

func TestALargeResultIsTheLastEventOfAStream(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		c := h.pouring(t)
		c.comes(".")
		c.comes(strings.Repeat("x", 100))
		if got := plain(c.w.Body.String()); strings.Contains(got, "}]") || !strings.Contains(got, "xxx") {
			t.Errorf("heard %s midway; want what had come", got)
		}
		c.comes(largeEnd)
		c.ends(nil)
		if got, want := plain(c.w.Body.String()), "data: "+progress(1)+"\n\n"+largeWord(strings.Repeat("x", 100)); got != want || c.broke {
			t.Errorf("heard %s, broken off: %v; want %s", got, c.broke, want)
		}
		if got := c.outcome(); got != audit.StatusOK {
			t.Errorf("the outcome is %s; want ok", got)
		}
	})
}

func TestALargeResultOfALostStreamIsHeardWhereItIsTakenUp(t *testing.T) {
	for name, c := range map[string]struct {
		again string // when it is taken up
		size  int
		want  bool
	}{
		"lost midway":                         {"behind", 100_000, true},
		"lost midway, and too much":           {"behind", 600_000, false},
		"taken up before":                     {"before", 600_000, true},
		"taken up midway":                     {"midway", 100_000, true},
		"taken up midway, and too much by it": {"midway", 600_000, false},
	} {
		t.Run(name, func(t *testing.T) {
			held(t, func(t *testing.T, h *house) {
				p := h.pouring(t)
				text := strings.Repeat("x", c.size)
				last := lastID(t, p.w.Body.String())
				var again <-chan *httptest.ResponseRecorder
				if c.again == "before" {
					p.hangUp()
					synctest.Wait()
					again = h.start(t.Context(), p.n.from(last))
					synctest.Wait()
				}
				p.comes(".")
				p.comes(text[:c.size/2])
				p.hangUp()
				synctest.Wait()
				p.comes(text[c.size/2 : c.size-10])
				if c.again == "midway" {
					again = h.start(t.Context(), p.n.from(last))
				}
				p.comes(text[c.size-10:] + largeEnd)
				p.ends(nil)
				if c.again == "behind" {
					again = h.start(t.Context(), p.n.from(last))
				}
				got := plain((<-again).Body.String())
				if whole := got == largeWord(text); whole != c.want || !c.want && got != "" {
					t.Errorf("heard %d bytes, %.200s; want it: %v", len(got), got, c.want)
				}
				if got := p.outcome(); got != audit.StatusOK {
					t.Errorf("the outcome is %s; want ok, since the call ran to its end", got)
				}
			})
		})
	}
}

func TestAfterALargeResultThatBrokeOffItsSessionHearsThatNobodyKnows(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		c := h.pouring(t)
		last := lastID(t, c.w.Body.String())
		c.comes(".")
		c.comes("xxx")
		c.ends(errors.New("the connection broke"))
		if got := c.w.Body.String(); !c.broke || !strings.HasSuffix(got, "a large onexxx") {
			t.Errorf("heard %s, broken off: %v; want an event that does not end", got, c.broke)
		}
		if got := plain(h.send(t, c.n.from(last)).Body.String()); !strings.Contains(got, "is not known") || strings.Contains(got, "xxx") {
			t.Errorf("heard %s; want that nobody knows", got)
		}
		if got := c.outcome(); got != audit.StatusUnknown {
			t.Errorf("the outcome is %s; want unknown", got)
		}
	})
}
