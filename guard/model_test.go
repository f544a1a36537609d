package guard_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/postgres"
	"github.com/ostiary/ostiary/store/sqlite"
	"github.com/ostiary/ostiary/store/storetest"
)

// The model is what approvals mean, without storage, caches or instances.
type model struct {
	digest  byte
	now     time.Time
	yes     []*modelYes
	no      map[place]bool // this session and these arguments
	blocks  int            // in force
	pending map[place]modelRequest
}

// A place is where a call stands: its session and its arguments.
type place struct{ session, args int }

type modelYes struct {
	scope  approval.Scope
	at     place
	digest byte
	end    time.Time // zero: none
	over   bool
	id     string
}

type modelRequest struct {
	digest byte
	end    time.Time
}

func (y *modelYes) fits(m *model, at place) bool {
	if y.over || y.digest != m.digest || !y.end.IsZero() && !m.now.Before(y.end) {
		return false
	}
	switch y.scope {
	case approval.Once:
		return y.at == at
	case approval.Session:
		return y.at.session == at.session
	default:
		return true
	}
}

// call says what must become of a call, and does it to the model.
func (m *model) call(at place) ostiary.Reason {
	if m.blocks > 0 || m.no[at] {
		return ostiary.ReasonApprovalDenied
	}
	for _, y := range m.yes {
		if y.scope != approval.Once && y.fits(m, at) {
			return ostiary.ReasonNone
		}
	}
	for _, y := range m.yes {
		if y.fits(m, at) {
			y.over = true
			return ostiary.ReasonNone
		}
	}
	if r, ok := m.pending[at]; !ok || !m.now.Before(r.end) {
		m.pending[at] = modelRequest{m.digest, m.now.Add(15 * time.Minute)}
	}
	return ostiary.ReasonApprovalRequired
}

func (m *model) approve(at place, scope approval.Scope, ttl time.Duration, id string) {
	r := m.pending[at]
	delete(m.pending, at)
	for _, y := range m.yes {
		if y.scope != approval.Once && !y.over && (y.end.IsZero() || m.now.Before(y.end)) {
			y.digest = r.digest
		}
	}
	y := &modelYes{scope: scope, at: at, digest: r.digest, id: id}
	if ttl > 0 {
		y.end = m.now.Add(ttl)
	}
	m.yes = append(m.yes, y)
}

// A world is the model beside the real thing, on two instances.
type world struct {
	*house
	model     model
	instances []*instance
	requests  map[place]string
	tool      ostiary.Tool
}

// newWorld makes a world in a storage that others have lived in: it has a
// tenant and sessions of its own.
func newWorld(t *testing.T, c *storetest.Clock, raw store.Store, ring *store.Keyring, n int) *world {
	t.Helper()
	h := newHouse(t)
	h.clock, h.raw, h.ring, h.tenant = c, raw, ring, ostiary.Tenant(fmt.Sprint("acme", n))
	h.instance = h.another(t)
	w := &world{house: h, instances: []*instance{h.instance, h.another(t)}, requests: map[place]string{}, tool: *remove}
	w.model = model{digest: remove.Digest[0], now: c.Now(), no: map[place]bool{}, pending: map[place]modelRequest{}}
	return w
}

func (w *world) at(t *rapid.T) place {
	return place{rapid.IntRange(1, 2).Draw(t, "session"), rapid.IntRange(1, 2).Draw(t, "args")}
}

func (w *world) call(t *rapid.T) {
	at := w.at(t)
	i := w.instances[rapid.IntRange(0, 1).Draw(t, "instance")]
	tool := w.tool
	r := guard.Request{
		Tool: &tool, Resource: "/mcp", Arguments: ostiary.Arguments{Raw: []byte(numbered(at.args))},
		Identify: func(ctx context.Context) (*ostiary.Principal, error) {
			p, err := i.alice(ctx)
			p.Session = ostiary.SessionID(fmt.Sprint("ses_", w.tenant, at.session))
			return p, errors.Join(err, i.fill(ctx, p))
		},
	}
	want := w.model.call(at)
	got := i.guard.Admit(t.Context(), r)
	if got.Decision.Reason != want || (got.Pass != nil) != (want == ostiary.ReasonNone) {
		t.Fatalf("call %+v: got %q (%s), want %q", at, got.Decision.Reason, got.Decision.Message, want)
	}
	if got.Waiting != nil {
		w.requests[at] = got.Waiting.ID
	}
}

// pendingAt draws one of the requests that wait, if any does.
func (w *world) pendingAt(t *rapid.T) (place, bool) {
	var open []place
	for session := 1; session <= 2; session++ {
		for args := 1; args <= 2; args++ {
			at := place{session, args}
			if r, ok := w.model.pending[at]; ok && w.model.now.Before(r.end) {
				open = append(open, at)
			}
		}
	}
	if len(open) == 0 {
		return place{}, false
	}
	return rapid.SampledFrom(open).Draw(t, "request"), true
}

func (w *world) approve(t *rapid.T) {
	at, ok := w.pendingAt(t)
	if !ok {
		return
	}
	a := approval.Answer{Decision: approval.Approve, Scope: rapid.SampledFrom([]approval.Scope{"once", "session", "user", "time_limited"}).Draw(t, "scope")}
	ttl := time.Duration(0)
	switch a.Scope {
	case approval.TimeLimited:
		a.TTL = time.Duration(rapid.IntRange(1, 30).Draw(t, "minutes")) * time.Minute
		ttl = a.TTL
	case approval.Once:
		ttl = 15 * time.Minute
	}
	r, err := w.approvals.Decide(t.Context(), w.requests[at], w.person("alice"), a, tenMinutes)
	if err != nil {
		t.Fatalf("approve: %v", err)
	}
	w.model.approve(at, a.Scope, ttl, r.GrantID)
}

func (w *world) deny(t *rapid.T) {
	at, ok := w.pendingAt(t)
	if !ok {
		return
	}
	a := approval.Answer{Decision: rapid.SampledFrom([]string{approval.Deny, approval.Deny, approval.Block}).Draw(t, "decision")}
	r, err := w.approvals.Decide(t.Context(), w.requests[at], w.person("alice"), a, tenMinutes)
	if err != nil {
		t.Fatalf("deny: %v", err)
	}
	delete(w.model.pending, at)
	if a.Decision == approval.Deny {
		w.model.no[at] = true
		return
	}
	// Lifted at once, half of the time, so that stories go on.
	w.model.blocks++
	if rapid.Bool().Draw(t, "lift") {
		w.model.blocks--
		w.revokeID(t, r.GrantID)
	}
}

func (w *world) revokeID(t *rapid.T, id string) {
	if _, err := w.instances[1].approvals.Revoke(t.Context(), id, approval.UserRevoker("alice", ""), ""); err != nil {
		t.Fatalf("revoke: %v", err)
	}
}

func (w *world) revoke(t *rapid.T) {
	if len(w.model.yes) == 0 {
		return
	}
	y := rapid.SampledFrom(w.model.yes).Draw(t, "grant")
	y.over = true
	w.revokeID(t, y.id)
}

func (w *world) tick(t *rapid.T) {
	d := time.Duration(rapid.IntRange(1, 20).Draw(t, "minutes")) * time.Minute
	w.clock.Move(d)
	w.model.now = w.clock.Now()
	if rapid.Bool().Draw(t, "sweep") {
		if err := w.approvals.Sweep(t.Context()); err != nil {
			t.Fatalf("sweep: %v", err)
		}
	}
}

// changeTool gives the tool another definition. Requests for the old one
// stay, but no call meets at them.
func (w *world) changeTool(t *rapid.T) {
	w.model.digest++
	w.tool.Digest = ostiary.Digest{w.model.digest}
	clear(w.model.pending)
	if rapid.Bool().Draw(t, "noticed") {
		if err := w.approvals.ToolChanged(t.Context(), w.tool.ID, w.tool.Digest); err != nil {
			t.Fatalf("tool changed: %v", err)
		}
	}
}

// restart opens the second instance anew: nothing it remembered is left.
func (w *world) restart(t *testing.T) { w.instances[1] = w.another(t) }

// play lives many worlds on one storage.
func play(t *testing.T, c *storetest.Clock, raw store.Store) {
	ring, n := store.NewKeyring(c), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		w := newWorld(t, c, raw, ring, n)
		rt.Repeat(map[string]func(*rapid.T){
			"call": w.call, "call again": w.call, "approve": w.approve, "deny": w.deny, "revoke": w.revoke,
			"tick": w.tick, "change tool": w.changeTool, "restart": func(*rapid.T) { w.restart(t) },
		})
	})
}

// fewer plays a tenth of the stories until the test ends.
func fewer(t *testing.T) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	all := checks.Value.String()
	n, err := strconv.Atoi(all)
	if err := errors.Join(err, checks.Value.Set(strconv.Itoa(max(1, n/10)))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = checks.Value.Set(all) }) // it was that before
}

func newClock() *storetest.Clock {
	return storetest.ClockAt(time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC))
}

func TestStoriesOfApprovalsEndAsTheModelSays(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		c := newClock()
		play(t, c, memory.Open(c))
	})
	t.Run("sqlite", func(t *testing.T) {
		c := newClock()
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "model.db"), sqlite.Options{Clock: c})
		play(t, c, opened(t, s, err))
	})
	t.Run("postgres", func(t *testing.T) {
		fewer(t) // a server's round trips are dear
		c := newClock()
		s, err := postgres.Open(t.Context(), testparts.Postgres(t), postgres.Options{Clock: c})
		play(t, c, opened(t, s, err))
	})
}

func opened(t *testing.T, s store.Store, err error) store.Store {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestMain(m *testing.M) { testparts.Main(m) }
