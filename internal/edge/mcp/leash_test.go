package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/store"
)

// moves has everything about a person decided again.
func (h *house) moves(t *testing.T, subject ostiary.Subject) {
	t.Helper()
	var tx store.Tx
	h.epochs.Bump(&tx, store.EpochIDs{Subject: subject})
	if _, err := h.db.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// talks has the upstream speak every second for so many, by notices or in one
// large result. ended is closed when the call was.
func (h *house) talks(t *testing.T, large bool, seconds int) (ended <-chan struct{}) {
	over := make(chan struct{})
	h.upstreams.answers(func(gone ctx, _ sent, notify func([]byte)) (upstream.Reply, error) {
		defer close(over)
		in, out := io.Pipe()
		defer context.AfterFunc(gone, func() { out.CloseWithError(context.Cause(gone)) })()
		go func() {
			defer out.Close()
			for range seconds {
				select {
				case <-time.After(time.Second):
				case <-gone.Done():
					return
				}
				if _, err := io.WriteString(out, "x"); err != nil {
					return
				}
			}
			_, _ = io.WriteString(out, largeEnd)
		}()
		if large {
			return h.passesOn(t, in)(gone, sent{}, nil)
		}
		for b := make([]byte, 1); ; notify([]byte(progress(1))) {
			if _, err := in.Read(b); err != nil {
				return upstream.Reply{}, err
			}
			if b[0] != 'x' {
				go func() { _, _ = io.Copy(io.Discard, in) }()
				return upstream.Reply{Result: []byte(answerOf), Era: "2025-11-25"}, nil
			}
		}
	})
	return over
}

// waysToHear are a call's ways to be told of while it is under way.
func (h *house) waysToHear(t *testing.T) map[string]struct {
	n     note
	large bool
} {
	hearing := func(n note) note {
		if strings.Contains(n.body, `"_meta":{`) {
			return n.with(strings.Replace(n.body, `"_meta":{`, `"_meta":{"progressToken":"p",`, 1))
		}
		return n.with(strings.Replace(n.body, `"arguments"`, `"_meta":{"progressToken":"p"},"arguments"`, 1))
	}
	stateless, session := call("alice", "crm__get_contact", `{}`), h.begin(t, "alice", "2025-11-25", `{}`).with(getContact)
	return map[string]struct {
		n     note
		large bool
	}{
		"notices":                        {hearing(stateless), false},
		"notices, in a session":          {hearing(session), false},
		"a large result":                 {stateless, true},
		"a large result, in a session":   {session, true},
		"a large one behind a notice":    {hearing(stateless), true},
		"such a large one, in a session": {hearing(session), true},
	}
}

func (w *wallet) narrow(token, endpoint string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := *w.tokens[token]
	p.Resources = []string{endpoint}
	w.tokens[token] = &p
}

func (w *wallet) breaks() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = errors.New("storage is down")
}

// mend has alice and bob back.
func (w *wallet) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = nil
	w.tokens["alice"], w.tokens["bob"] = person("alice", "ses_alice"), person("bob", "ses_bob")
}

// last is the entry that was written last.
func (b *book) last() audit.Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.entries[len(b.entries)-1]
}

func TestACallIsToldOfNoLongerThanItsCallerIsLetIn(t *testing.T) {
	const lasts = 1200 // seconds
	for name, c := range map[string]struct {
		happens func(*testing.T, *house)
		within  time.Duration // of the end; zero: it is told to its end
	}{
		"revoked":                       {func(t *testing.T, h *house) { h.wallet.revoke("alice"); h.moves(t, "alice") }, time.Second},
		"for another endpoint now":      {func(t *testing.T, h *house) { h.wallet.narrow("alice", "/notes/mcp"); h.moves(t, "alice") }, time.Second},
		"nobody knows":                  {func(t *testing.T, h *house) { h.wallet.breaks(); h.moves(t, "alice") }, time.Second},
		"something else changed":        {func(t *testing.T, h *house) { h.moves(t, "alice") }, 0},
		"somebody else was revoked":     {func(t *testing.T, h *house) { h.wallet.revoke("bob"); h.moves(t, "bob") }, 0},
		"the token only ran out":        {func(_ *testing.T, h *house) { h.wallet.revoke("alice") }, 10*time.Minute + time.Second},
		"nothing happened, all is well": {func(*testing.T, *house) {}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			held(t, func(t *testing.T, h *house) {
				for how, said := range h.waysToHear(t) {
					h.wallet.mend()
					ended := h.talks(t, said.large, lasts)
					type heard struct {
						body  string
						broke bool
					}
					done := make(chan heard, 1)
					go func() {
						body, broke := h.sendBroken(t, said.n)
						done <- heard{body, broke}
					}()
					time.Sleep(20*time.Second + time.Second/4)
					c.happens(t, h)
					began := time.Now()
					got := <-done
					<-ended
					took, last := time.Since(began), h.book.last()
					whole := strings.Contains(got.body, `"n":9007199254740993`) && !got.broke
					switch {
					case c.within == 0 && (!whole || last.Upstream.Status != audit.StatusOK || last.Event != ""):
						t.Errorf("%s: got %.300s, %s %s; want it to its end", how, got.body, last.Upstream.Status, last.Event)
					case c.within != 0 && (whole || took > c.within || last.Upstream.Status != audit.StatusUnknown || last.Event != audit.EventCutOff):
						t.Errorf("%s: told until %v later, whole: %v, recorded as %s %s; want the end within %v", how, took, whole, last.Upstream.Status, last.Event, c.within)
					}
					if said.large && whole == (c.within != 0) && json.Valid([]byte(got.body)) {
						t.Errorf("%s: what was cut off looks whole", how)
					}
				}
			})
		})
	}
}

// Whoever is cut off has no time left to take what is being written.
func TestWhoReadsNothingIsCutOffAsSoon(t *testing.T) {
	held(t, func(t *testing.T, h *house) {
		h.upstreams.answers(h.passesOn(t, strings.NewReader(strings.Repeat("x", 1<<20)+largeEnd)))
		socket := h.onSocket(t, call("alice", "crm__get_contact", `{}`))
		if _, err := socket.ReadByte(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := h.book.outcomes(); len(got) != 0 {
			t.Fatalf("got outcomes %v before the revocation; want it to wait for its client", got)
		}
		h.wallet.revoke("alice")
		h.moves(t, "alice")
		time.Sleep(time.Second)
		synctest.Wait()
		if got := h.book.outcomes(); len(got) != 1 || got[0] != audit.StatusUnknown {
			t.Errorf("got outcomes %v; want the call to have ended", got)
		}
		if rest, _ := io.ReadAll(socket); len(rest) > 70_000 {
			t.Errorf("%d bytes came after the revocation; want no more than what was on its way", len(rest))
		}
	})
}
