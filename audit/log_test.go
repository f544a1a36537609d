package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

func TestAnEntryIsInTheLogIfAndOnlyIfItsCommitHappened(t *testing.T) {
	l := newHouse().log(t, Options{})
	k := l.db.RowKey("thing", "a")
	for i, want := range []error{nil, store.ErrConflict} {
		var tx store.Tx
		tx.Assert(k, 0)
		tx.Put(store.Put{Key: k})
		l.Append(&tx, intentOf(ostiary.CallID(fmt.Sprint("cal_", i))))
		if _, err := l.db.Commit(t.Context(), tx); !errors.Is(err, want) {
			t.Fatalf("commit %d: got %v, want %v", i, err, want)
		}
	}
	got := search(t, l.Reader, Query{})
	if len(got) != 1 || got[0].CallID != "cal_0" {
		t.Errorf("got entries %v, want that of cal_0 alone", got)
	}
}

func TestAnEntryComesBackAsItWasAppended(t *testing.T) {
	h := newHouse()
	l := h.log(t, Options{})
	want := Entry{
		Kind: KindRefusal, CallID: "cal_1", Tool: "crm:@resources/file:///ü \"x\"\\\x01",
		Actor:      Actor{Tenant: "acme", Subject: "corp|élan", Client: "https://agent.example/<&>", Session: "ses_1", IPClass: "public"},
		Decision:   &Decision{Effect: "deny", Reason: "policy_denied", Gate: "policy", Rule: "forbid \"x\"", Trail: []string{"authn", "policy"}},
		ApprovalID: "req_1", GrantID: "grt_1", PolicyVersion: "v1", ToolDigest: "sha256:00",
		Upstream: &Upstream{Status: StatusOK, DurationMs: 1, Bytes: 2},
		Event:    "created", Target: "grt_1", Detail: map[string]string{"b": "2", "a": "1"},
	}
	commit(t, l, want)
	want.Log, want.Seq, want.Time = "audit-1", 0, h.clock.Now()
	got := search(t, l.Reader, Query{})
	if diff := cmp.Diff([]Entry{want}, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestALineIsTheCanonicalFormOfItsEntry(t *testing.T) {
	for _, e := range []Entry{
		{},
		{Kind: KindIntent, CallID: "cal_1", Arguments: json.RawMessage(`{"a":1}`), Decision: &Decision{}},
		{Kind: "\xff", Target: "\u2028<>&\x7f", Detail: map[string]string{"\U0001F600": "1", "\uFB33": "2"}},
		{Time: time.Date(2026, 1, 2, 3, 4, 5, 120000, time.UTC), Upstream: &Upstream{}, Decision: &Decision{Rule: "<x>", Trail: []string{"", "\"é"}}},
	} {
		e.Log, e.Seq = "audit-7", 1<<50
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ostiary.AppendCanonical(nil, raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := render(&e).write(e.Log, e.Seq); string(got) != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestSearchFindsByEachFieldAndByAll(t *testing.T) {
	h := newHouse()
	l := h.log(t, Options{})
	start := h.clock.Now()
	commit(t, l, intentOf("cal_1"))
	h.clock.Move(time.Second)
	refused := Entry{
		Kind: KindRefusal, CallID: "cal_2", Tool: "crm:delete_contact", Decision: &Decision{Effect: "deny", Reason: "site_required"},
		Actor: Actor{Tenant: "other", Subject: "Alice", Client: "cursor"},
	}
	commit(t, l, refused)
	for _, q := range []Query{
		{Tenant: "other"},
		{Subject: "Alice"},
		{Client: "cursor"},
		{Tool: "crm:delete_contact"},
		{CallID: "cal_2"},
		{Kind: KindRefusal},
		{Decision: "deny"},
		{Decision: "site_required"},
		{From: start.Add(1)},
		{Tenant: "other", Subject: "Alice", Decision: "deny", From: start.Add(time.Second)},
		{Limit: 1},
	} {
		got := search(t, l.Reader, q)
		if len(got) != 1 || got[0].CallID != "cal_2" {
			t.Errorf("search %+v: got %v, want the refusal alone", q, got)
		}
	}
	for _, q := range []Query{{Tenant: "other", Subject: "alice"}, {To: start}, {From: start.Add(time.Minute)}, {Decision: "hold"}} {
		if got := search(t, l.Reader, q); len(got) != 0 {
			t.Errorf("search %+v: got %v, want nothing", q, got)
		}
	}
}

func TestPagesOfASearchFollowEachOther(t *testing.T) {
	l := newHouse().log(t, Options{})
	for i := range 5 {
		commit(t, l, intentOf(ostiary.CallID(fmt.Sprint("cal_", i))))
	}
	var got []ostiary.CallID
	for q := (Query{Limit: 2}); ; {
		page, next, err := l.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			got = append(got, e.CallID)
		}
		if q.Cursor = next; next == "" {
			break
		}
	}
	if diff := cmp.Diff([]ostiary.CallID{"cal_4", "cal_3", "cal_2", "cal_1", "cal_0"}, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestNothingOfAnEntryStandsInStorageInTheClear(t *testing.T) {
	h := newHouse()
	l := h.log(t, Options{Arguments: ArgumentsFull})
	e := intentOf("cal_1")
	e.RawArguments = []byte(`{"name":"canary"}`)
	commit(t, l, e)
	for stored := range h.driver.Entries(t.Context(), "audit-1", 0) {
		all := string(stored.Line) + fmt.Sprint(stored.Index)
		for _, secret := range []string{"alice", "acme", "claude-code", "cal_1", "get_contact", "canary"} {
			if strings.Contains(all, secret) {
				t.Errorf("%q stands in storage", secret)
			}
		}
	}
}

func TestWhatIsHandedOverIsWrittenInOrderAndAtCloseAtTheLatest(t *testing.T) {
	h := newHouse()
	l := h.crashing(t, Options{})
	for i := range 1000 {
		if !l.Background(intentOf(ostiary.CallID(fmt.Sprint("cal_", i)))) {
			t.Fatalf("no room for entry %d", i)
		}
	}
	closeLog(t, l)
	if l.Background(intentOf("cal_late")) {
		t.Error("a closed log took an entry")
	}
	n := 0
	for p, err := range NewReader(h.db(t)).lines(t.Context(), "audit-1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if got, want := text(p.plain, "call_id"), fmt.Sprint("cal_", n); got != want {
			t.Fatalf("entry %d: got %s, want %s", n, got, want)
		}
		n++
	}
	if n != 1000 {
		t.Errorf("got %d entries, want 1000", n)
	}
}

func TestArgumentsAreKeptAsTheOptionSays(t *testing.T) {
	raw := []byte(`{ "b":1.0, "a":"x", "password":"hunter2" }`)
	same := []byte(`{"a":"x","b":1.0,"password":"hunter2"}`)
	key := bytes.Repeat([]byte{1}, 32)
	digest := newRecorder(ArgumentsDigest, key)
	if a, b := digest.keep(raw), digest.keep(same); !bytes.Equal(a, b) || len(a) != len(`"hmac-sha256:"`)+64 {
		t.Errorf("digests of equal arguments: got %s and %s", a, b)
	}
	other := newRecorder("", bytes.Repeat([]byte{2}, 32))
	if a, b := digest.keep(raw), other.keep(raw); bytes.Equal(a, b) {
		t.Errorf("digests under two keys are the same: %s", a)
	}
	if got, want := string(newRecorder(ArgumentsFull, key).keep(raw)), `{"a":"x","b":1.0,"password":"[redacted]"}`; got != want {
		t.Errorf("full: got %s, want %s", got, want)
	}
	if got := newRecorder(ArgumentsNone, key).keep(raw); got != nil {
		t.Errorf("none: got %s", got)
	}
	if got := newRecorder(ArgumentsFull, key).keep([]byte(`{"password":"hunter2","password":""}`)); bytes.Contains(got, []byte("hunter2")) {
		t.Errorf("arguments without a canonical form: got %s", got)
	}
}

func TestOpenFailsWhenItsContextIsDone(t *testing.T) {
	db := newHouse().db(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, db, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
