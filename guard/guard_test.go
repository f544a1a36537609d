package guard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/gate"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/storetest"
)

// A book is the log of a test: entries stand in the same commit as what they
// tell of.
type book struct {
	db *store.DB
	// room says whether Background takes entries.
	room       bool
	mu         sync.Mutex
	background []audit.Entry
}

const bookName = "test1"

func (b *book) Append(tx *store.Tx, e audit.Entry) {
	line, err := json.Marshal(e)
	tx.Append(store.Append{Log: bookName, Line: func(uint64) ([]byte, error) { return line, err }})
}

func (b *book) Background(e audit.Entry) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.room {
		b.background = append(b.background, e)
	}
	return b.room
}

// An instance is one gateway's guard over a storage that it may share.
type instance struct {
	db        *store.DB
	epochs    *store.Epochs
	approvals *approval.Service
	guard     *guard.Guard
	book      *book
	tenant    ostiary.Tenant
}

type house struct {
	*instance
	clock *storetest.Clock
	raw   store.Store
	ring  *store.Keyring
	rules *policy.Rules

	tenant ostiary.Tenant
}

var (
	tenMinutes = 10 * time.Minute
	remove     = &ostiary.Tool{ID: "crm:delete_contact", App: "crm", Digest: ostiary.Digest{1}, Definition: []byte(`{"name":"delete_contact"}`)}
	read       = &ostiary.Tool{ID: "crm:get_contact", App: "crm", Digest: ostiary.Digest{2}}
)

func newHouse(t testing.TB, entries ...policy.Entry) *house {
	t.Helper()
	h := &house{clock: newClock(), tenant: "acme"}
	h.raw, h.ring = memory.Open(h.clock), store.NewKeyring(h.clock)
	category := ostiary.CategoryRead
	entries = append([]policy.Entry{
		{Match: "crm:get_*", Category: &category},
		{Match: "crm:delete_*", Approval: &policy.Approval{
			Required: true, DefaultScope: "once", Scopes: []string{"once", "session", "user", "time_limited"},
			MaxTTL: time.Hour, Risk: policy.RiskMedium,
		}},
	}, entries...)
	rules, err := policy.Compile(policy.Config{Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	h.rules = rules
	h.instance = h.another(t)
	return h
}

// another opens one more instance on the same storage.
func (h *house) another(t testing.TB) *instance { return h.over(t, h.raw) }

func (h *house) over(t testing.TB, raw store.Store) *instance {
	t.Helper()
	db, err := store.Open(t.Context(), raw, h.ring, h.clock)
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{db: db, epochs: store.NewEpochs(db), book: &book{db: db}, tenant: h.tenant}
	i.approvals = approval.New(db, i.epochs, i.book, approval.Config{RequestTTL: 15 * time.Minute, MaxPending: 20, Retention: 90 * 24 * time.Hour})
	i.guard = guard.New(guard.Config{
		Gates: gate.Order(gate.Config{Rules: h.rules, Approvals: i.approvals, Counters: db}),
		DB:    db, Epochs: i.epochs, Approvals: i.approvals, Log: i.book,
		Category: func(t *ostiary.Tool) ostiary.Category { return h.rules.Of(t).Category },
	})
	return i
}

// alice is a principal with everything open.
func (i *instance) alice(ctx context.Context) (*ostiary.Principal, error) {
	p := &ostiary.Principal{
		Subject: "alice", Client: ostiary.Client{ID: "personal", Name: "laptop"}, Tenant: i.tenant, Session: "ses_1",
		Tier: ostiary.TierWrite, Apps: ostiary.Selection{All: true}, Tools: ostiary.Selection{All: true}, Resources: []string{"*"},
	}
	var err error
	p.Epochs, err = i.epochs.Of(ctx, store.EpochsOf(p))
	return p, err
}

func (i *instance) call(tool *ostiary.Tool, args string) guard.Request {
	return guard.Request{
		Identify: i.alice, Tool: tool, Resource: "/mcp", Arguments: ostiary.Arguments{Raw: []byte(args)},
	}
}

func (h *house) approve(t *testing.T, id string, a approval.Answer) approval.Request {
	t.Helper()
	a.Decision = approval.Approve
	r, err := h.approvals.Decide(t.Context(), id, h.person("alice"), a, tenMinutes)
	if err != nil {
		t.Fatalf("approve: %v", err)
	}
	return r
}

func (h *house) person(id ostiary.Subject) approval.Decider {
	return approval.Decider{Subject: id, Tenant: h.tenant, SignedInAt: h.clock.Now(), Origin: "page"}
}

// ask makes a call that must wait for an approval, and returns its request.
func (h *house) ask(t *testing.T, args string) approval.Request {
	t.Helper()
	a := h.guard.Admit(t.Context(), h.call(remove, args))
	if a.Waiting == nil {
		t.Fatalf("got %+v; want a call that waits", a.Decision)
	}
	return *a.Waiting
}

func wantReason(t *testing.T, a guard.Answer, want ostiary.Reason) {
	t.Helper()
	if a.Decision.Reason != want || a.Pass != nil != (want == ostiary.ReasonNone) {
		t.Errorf("got reason %q, pass %v; want %q", a.Decision.Reason, a.Pass != nil, want)
	}
}

func TestACallThatNeedsNothingPassesWithItsIntentWritten(t *testing.T) {
	h := newHouse(t)
	a := h.guard.Admit(t.Context(), h.call(read, `{"id":"c-1"}`))
	wantReason(t, a, ostiary.ReasonNone)
	if kinds := h.kinds(t); len(kinds) != 1 || kinds[0] != audit.KindIntent {
		t.Errorf("got entries %v; want one intent", kinds)
	}
	a.Pass.Done(t.Context(), audit.StatusOK, 10)
	if kinds := h.kinds(t); len(kinds) != 2 || kinds[1] != audit.KindOutcome {
		t.Errorf("got entries %v; want intent and outcome", kinds)
	}
}

func (h *house) kinds(t *testing.T) []audit.Kind {
	t.Helper()
	var kinds []audit.Kind
	for _, e := range h.entries(t) {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func (h *house) entries(t *testing.T) []audit.Entry {
	t.Helper()
	var all []audit.Entry
	for raw, err := range h.raw.Entries(t.Context(), bookName, 0) {
		var e audit.Entry
		if err := errors.Join(err, json.Unmarshal(raw.Line, &e)); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestAYesToOneCallLetsItThroughOnce(t *testing.T) {
	h := newHouse(t)
	r := h.ask(t, `{"id":"c-17"}`)
	h.approve(t, r.ID, approval.Answer{Scope: approval.Once})

	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{"id":"c-18"}`)), ostiary.ReasonApprovalRequired)
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{"id":"c-17"}`)), ostiary.ReasonNone)
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{"id":"c-17"}`)), ostiary.ReasonApprovalRequired)
}

func TestAYesHoldsForTheDefinitionItWasGivenFor(t *testing.T) {
	for _, scope := range []approval.Scope{approval.Once, approval.Session, approval.User, approval.TimeLimited} {
		t.Run(string(scope), func(t *testing.T) {
			h := newHouse(t)
			h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: scope, TTL: time.Minute})
			changed := *remove
			changed.Digest = ostiary.Digest{9}
			a := h.guard.Admit(t.Context(), h.call(&changed, `{}`))
			wantReason(t, a, ostiary.ReasonApprovalRequired)
			if suspended := a.Waiting.ToolChanged == remove.Digest; suspended != (scope != approval.Once) {
				t.Errorf("got the earlier definition shown: %v", suspended)
			}
			wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonNone)
		})
	}
}

func TestAYesToTheChangedDefinitionResumesTheEarlierOnes(t *testing.T) {
	h := newHouse(t)
	h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.User})
	changed := *remove
	changed.Digest = ostiary.Digest{9}
	a := h.guard.Admit(t.Context(), h.call(&changed, `{}`))
	h.approve(t, a.Waiting.ID, approval.Answer{Scope: approval.Once})
	for range 3 {
		wantReason(t, h.guard.Admit(t.Context(), h.call(&changed, `{"other":1}`)), ostiary.ReasonNone)
	}
}

func TestHowFarAYesReaches(t *testing.T) {
	type where struct {
		session ostiary.SessionID
		client  ostiary.ClientID
		args    string
		later   time.Duration
	}
	same := where{"ses_1", "personal", `{"id":1}`, 0}
	otherArgs, otherSession, otherClient, later := same, same, same, same
	otherArgs.args, otherSession.session, otherClient.client, later.later = `{"id":2}`, "ses_2", "cursor", 11*time.Minute
	for name, c := range map[string]struct {
		answer approval.Answer
		at     where
		want   ostiary.Reason
	}{
		"session, other arguments":     {approval.Answer{Scope: approval.Session}, otherArgs, ostiary.ReasonNone},
		"session, with a time, after":  {approval.Answer{Scope: approval.Session, TTL: 11 * time.Minute}, later, ostiary.ReasonApprovalRequired},
		"session, with a time, within": {approval.Answer{Scope: approval.Session, TTL: 12 * time.Minute}, later, ostiary.ReasonNone},
		"user, with a time, after":     {approval.Answer{Scope: approval.User, TTL: 11 * time.Minute}, later, ostiary.ReasonApprovalRequired},
		"session, other session":       {approval.Answer{Scope: approval.Session}, otherSession, ostiary.ReasonApprovalRequired},
		"user, other session":          {approval.Answer{Scope: approval.User}, otherSession, ostiary.ReasonNone},
		"user, other client":           {approval.Answer{Scope: approval.User}, otherClient, ostiary.ReasonApprovalRequired},
		"user, any client":             {approval.Answer{Scope: approval.User, AnyClient: true}, otherClient, ostiary.ReasonNone},
		"a time, within":               {approval.Answer{Scope: approval.TimeLimited, TTL: 12 * time.Minute}, later, ostiary.ReasonNone},
		"a time, after":                {approval.Answer{Scope: approval.TimeLimited, TTL: 11 * time.Minute}, later, ostiary.ReasonApprovalRequired},
		"a time, other client":         {approval.Answer{Scope: approval.TimeLimited, TTL: 12 * time.Minute}, otherClient, ostiary.ReasonApprovalRequired},
		"once, other session":          {approval.Answer{Scope: approval.Once}, otherSession, ostiary.ReasonApprovalRequired},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.approve(t, h.ask(t, same.args).ID, c.answer)
			h.clock.Move(c.at.later)
			r := h.call(remove, c.at.args)
			r.Identify = func(ctx context.Context) (*ostiary.Principal, error) {
				p, err := h.alice(ctx)
				p.Session, p.Client.ID = c.at.session, c.at.client
				return p, errors.Join(err, h.fill(ctx, p))
			}
			wantReason(t, h.guard.Admit(t.Context(), r), c.want)
		})
	}
}

func (i *instance) fill(ctx context.Context, p *ostiary.Principal) (err error) {
	p.Epochs, err = i.epochs.Of(ctx, store.EpochsOf(p))
	return err
}

func TestADenyBeatsAnyYes(t *testing.T) {
	h := newHouse(t)
	other := h.ask(t, `{"id":2}`)
	h.approve(t, h.ask(t, `{"id":1}`).ID, approval.Answer{Scope: approval.User, AnyClient: true})
	if _, err := h.approvals.Decide(t.Context(), other.ID, h.person("alice"), approval.Answer{Decision: approval.Deny}, tenMinutes); err != nil {
		t.Fatal(err)
	}
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{"id":2}`)), ostiary.ReasonApprovalDenied)
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{"id":1}`)), ostiary.ReasonNone)
}

func TestABlockHoldsForEveryArgumentUntilItIsLifted(t *testing.T) {
	h := newHouse(t)
	r := h.ask(t, `{"id":1}`)
	r, err := h.approvals.Decide(t.Context(), r.ID, h.person("alice"), approval.Answer{Decision: approval.Block}, tenMinutes)
	if err != nil {
		t.Fatal(err)
	}
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{"id":2}`)), ostiary.ReasonApprovalDenied)
	if _, err := h.approvals.Revoke(t.Context(), r.GrantID, approval.UserRevoker("alice", ""), ""); err != nil {
		t.Fatal(err)
	}
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{"id":2}`)), ostiary.ReasonApprovalRequired)
}

func TestARevokedYesIsRefusedAtOnceOnEveryInstance(t *testing.T) {
	h := newHouse(t)
	elsewhere := h.another(t)
	r := h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.User})
	// The other instance has the grant and the epochs in memory by now; it
	// does not watch the feed of changes, so nobody tells it.
	wantReason(t, elsewhere.guard.Admit(t.Context(), elsewhere.call(remove, `{}`)), ostiary.ReasonNone)
	if _, err := h.approvals.Revoke(t.Context(), r.GrantID, approval.UserRevoker("alice", ""), ""); err != nil {
		t.Fatal(err)
	}
	wantReason(t, elsewhere.guard.Admit(t.Context(), elsewhere.call(remove, `{}`)), ostiary.ReasonApprovalRequired)
}

func TestOfManyContendersEachYesIsUsedOnce(t *testing.T) {
	const grants, callers = 50, 16
	h := newHouse(t)
	elsewhere := h.another(t)
	for n := range grants {
		h.approve(t, h.ask(t, numbered(n)).ID, approval.Answer{Scope: approval.Once})
	}
	var mu sync.Mutex
	passed := map[int]int{}
	var wg sync.WaitGroup
	for c := range callers {
		at := []*instance{h.instance, elsewhere}[c%2]
		wg.Go(func() {
			for n := range grants {
				if at.guard.Admit(t.Context(), at.call(remove, numbered(n))).Pass != nil {
					mu.Lock()
					passed[n]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for n := range grants {
		if passed[n] != 1 {
			t.Errorf("yes %d was used %d times", n, passed[n])
		}
	}
}

func numbered(n int) string {
	b, _ := json.Marshal(map[string]int{"id": n})
	return string(b)
}

func TestNothingLeftMeansTheYesIsGoodAgain(t *testing.T) {
	h := newHouse(t)
	h.approve(t, h.ask(t, `{}`).ID, approval.Answer{Scope: approval.Once})
	a := h.guard.Admit(t.Context(), h.call(remove, `{}`))
	wantReason(t, a, ostiary.ReasonNone)
	a.Pass.Done(t.Context(), audit.StatusNotSent, 0)
	a = h.guard.Admit(t.Context(), h.call(remove, `{}`))
	wantReason(t, a, ostiary.ReasonNone)
	a.Pass.Done(t.Context(), audit.StatusUnknown, 0)
	wantReason(t, h.guard.Admit(t.Context(), h.call(remove, `{}`)), ostiary.ReasonApprovalRequired)
}

func TestARateIsNeverPassed(t *testing.T) {
	h := newHouse(t, policy.Entry{Match: "crm:get_*", Rate: &policy.Rate{Per: policy.PerSubject, Calls: 5, Window: time.Minute}})
	var wg sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	for range 20 {
		wg.Go(func() {
			if h.guard.Admit(t.Context(), h.call(read, `{}`)).Pass != nil {
				mu.Lock()
				passed++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if passed != 5 {
		t.Errorf("got %d calls through; want 5", passed)
	}
	wantReason(t, h.guard.Admit(t.Context(), h.call(read, `{}`)), ostiary.ReasonRateLimited)
	h.clock.Move(time.Minute)
	wantReason(t, h.guard.Admit(t.Context(), h.call(read, `{}`)), ostiary.ReasonNone)
}

func TestTheRecordOfAPassNamesEveryGateThatWasAsked(t *testing.T) {
	h := newHouse(t)
	wantReason(t, h.guard.Admit(t.Context(), h.call(read, `{}`)), ostiary.ReasonNone)
	refused := h.call(read, `{}`)
	refused.Resource = "/elsewhere"
	refused.Identify = func(ctx context.Context) (*ostiary.Principal, error) {
		p, err := h.alice(ctx)
		p.Apps = ostiary.Selection{}
		return p, err
	}
	wantReason(t, h.guard.Admit(t.Context(), refused), ostiary.ReasonAuthorizationRequired)
	all := h.entries(t)
	for i, want := range []string{"[authn role pin scope site app consent rate approval]", "[authn role pin scope site app]"} {
		if got := fmt.Sprint(all[i].Decision.Trail); got != want {
			t.Errorf("%s: got trail %s; want %s", all[i].Decision.Effect, got, want)
		}
	}
}
