package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/audit"
)

// A ledger is what the clients of a crash know for certain: what they asked,
// and what was acknowledged to them.
type ledger struct {
	mu        sync.Mutex
	serial    int
	errands   map[string]*errand
	waiting   []*errand       // interrupted by a kill
	forbidden map[string]bool // ids of calls that must never get through
	live      map[string]token
	revoked   map[string]token
	fresh     []token // made or revoked since the last start

	// Of one goroutine at a time.
	grant  string // in force; "" none
	grants int    // taken back so far
	note   string // the newest checkpoint
}

// An errand is one call that needs a yes of its own. It belongs to one
// goroutine at a time.
type errand struct {
	id, agent string
	request   string
	sentYes   bool
	keptYes   bool // acknowledged
	uses      int  // calls since then
	over      bool
}

func newLedger() *ledger {
	return &ledger{errands: map[string]*errand{}, forbidden: map[string]bool{}, live: map[string]token{}, revoked: map[string]token{}}
}

// id is a new id.
func (l *ledger) id(what string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serial++
	return fmt.Sprintf("%s-%d", what, l.serial)
}

// forbid is the id of a call that must not get through.
func (l *ledger) forbid(what string) string {
	id := l.id(what)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forbidden[id] = true
	return id
}

// take is an errand to run.
func (l *ledger) take() *errand {
	id := l.id("errand")
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.waiting); n > 0 {
		e := l.waiting[n-1]
		l.waiting = l.waiting[:n-1]
		return e
	}
	e := &errand{id: id}
	l.errands[e.id] = e
	return e
}

func (l *ledger) putBack(e *errand) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, e)
}

func (l *ledger) madeToken(t token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live[t.ID] = t
	l.fresh = append(l.fresh, t)
}

// revoking: from now on nobody knows whether the token lives.
func (l *ledger) revoking(t token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, t.ID)
}

func (l *ledger) revokedToken(t token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revoked[t.ID] = t
}

func (l *ledger) String() string {
	return fmt.Sprintf("%d errands, %d tokens, %d of them revoked, %d grants revoked", len(l.errands), len(l.live)+len(l.revoked), len(l.revoked), l.grants)
}

func (l *ledger) revokedGrant() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grants++
}

// A work is how much was done so far.
type work struct{ errands, tokens, grants int }

func (l *ledger) work() work {
	l.mu.Lock()
	defer l.mu.Unlock()
	return work{len(l.errands), len(l.revoked), l.grants}
}

// minWork is what a cycle that goes on until much was done does.
var minWork = work{workEvery / 2, 1, 1}

// awaitWork waits, but not for ever, until so much was done since.
func (l *ledger) awaitWork(since work) {
	for range 6000 {
		now := l.work()
		if now.errands >= since.errands+minWork.errands && now.tokens >= since.tokens+minWork.tokens && now.grants >= since.grants+minWork.grants {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

// checkWork wants enough to have happened for the test to mean something.
func (l *ledger) checkWork(t *testing.T, kills int) {
	t.Helper()
	if n := kills / workEvery; len(l.errands) < n*minWork.errands || len(l.revoked) < n*minWork.tokens || l.grants < n*minWork.grants {
		t.Errorf("too little happened between %d kills: %s", kills, l)
	}
}

// checkAfterStart: what was acknowledged before the kill is there after it.
func (c *crash) checkAfterStart() {
	calls := c.caller()
	defer calls.close()
	c.checkTokens(calls, c.ledger.fresh)
	c.ledger.fresh = nil
	switch c.ledger.grant {
	case inDoubt:
	case "":
		c.wantTrue(c.wantNotGranted(calls, c.agents[0]), "ask without a grant")
	default:
		c.wantTrue(c.wantGranted(calls, c.agents[0]), "be let through by the grant")
	}
	for _, e := range c.ledger.waiting {
		c.checkErrand(calls, e)
	}
	if status, text := calls.api(c.operator, http.MethodGet, "/audit/checkpoint", nil, nil); status == http.StatusOK {
		c.ledger.note = text
	} else {
		c.t.Errorf("P9: the checkpoint was answered %d %s", status, text)
	}
}

// checkErrand: a yes that was acknowledged stands.
func (c *crash) checkErrand(calls *caller, e *errand) {
	if e.request == "" {
		return
	}
	var r struct{ Status string }
	status, text := calls.api(c.approver, http.MethodGet, "/approvals/"+e.request, nil, &r)
	if status != http.StatusOK || e.keptYes && r.Status != "approved" || !e.sentYes && r.Status != "pending" {
		c.t.Errorf("P5: %+v; after the kill its request is %d %s", e, status, text)
	}
}

func (c *crash) checkTokens(calls *caller, tokens []token) {
	for _, t := range tokens {
		if _, live := c.ledger.live[t.ID]; live {
			c.wantTrue(c.wantUse(calls, t), "use token "+t.ID)
		}
		if _, revoked := c.ledger.revoked[t.ID]; revoked {
			c.wantTrue(c.wantNoUse(calls, t), "be refused with token "+t.ID)
		}
	}
}

// checkAllTokens: a token that was revoked never works again.
func (c *crash) checkAllTokens() {
	calls := c.caller()
	defer calls.close()
	for _, t := range c.ledger.revoked {
		c.wantTrue(c.wantNoUse(calls, t), "be refused with token "+t.ID)
	}
}

func (c *crash) wantTrue(ok bool, what string) {
	if !ok {
		c.t.Errorf("P5: after a kill a call could not %s", what)
	}
}

// A record is an audit export.
type record struct {
	intents  map[string]audit.Entry   // by the id in the arguments
	calls    map[string]audit.Entry   // intents by call id
	outcomes map[string][]audit.Entry // by call id
	yeses    map[string]audit.Entry   // approvals and grants by grant id
	ended    map[audit.Status]int
}

func readRecord(t *testing.T, file string) *record {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := &record{map[string]audit.Entry{}, map[string]audit.Entry{}, map[string][]audit.Entry{}, map[string]audit.Entry{}, map[audit.Status]int{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if bytes.HasPrefix(lines.Bytes(), []byte(`{"ostiary":`)) {
			continue
		}
		var e audit.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("export: %v in %s", err, lines.Bytes())
		}
		r.add(e)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *record) add(e audit.Entry) {
	switch {
	case e.Kind == audit.KindIntent:
		if id := argumentID(e.Arguments); id != "" {
			r.intents[id] = e
		}
		r.calls[string(e.CallID)] = e
	case e.Kind == audit.KindOutcome:
		r.outcomes[string(e.CallID)] = append(r.outcomes[string(e.CallID)], e)
		r.ended[e.Upstream.Status]++
	case e.GrantID != "" && (e.Event == "approve" || e.Event == "granted"):
		r.yeses[e.GrantID] = e
	}
}

// checkOutcomes: every intent ended once, and as unknown only where the
// gateway was killed in between.
func (r *record) checkOutcomes(t *testing.T, kills []time.Time) {
	t.Helper()
	for id, intent := range r.calls {
		ends := r.outcomes[id]
		if len(ends) != 1 {
			t.Errorf("P3: intent %s has %d outcomes: %+v", id, len(ends), ends)
			continue
		}
		if ends[0].Upstream.Status == audit.StatusUnknown && !killedBetween(kills, intent.Time, ends[0].Time) {
			t.Errorf("P3: %s ended as unknown, and nothing was killed between %v and %v", id, intent.Time, ends[0].Time)
		}
	}
	for id, ends := range r.outcomes {
		// Whether an intent was kept whose commit lost its answer is not always
		// known; that the call was not sent is.
		if _, ok := r.calls[id]; !ok && ends[0].Upstream.Status != audit.StatusNotSent {
			t.Errorf("P3: outcome %+v has no intent", ends[0])
		}
	}
}

func (r *record) allEnded() bool {
	for id := range r.calls {
		if len(r.outcomes[id]) == 0 {
			return false
		}
	}
	return true
}

func killedBetween(kills []time.Time, from, to time.Time) bool {
	for _, k := range kills {
		if k.After(from) && k.Before(to) {
			return true
		}
	}
	return false
}

func (r *record) String() string { return fmt.Sprintf("%d intents ended: %v", len(r.calls), r.ended) }
