package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A Reader reads the logs of all instances. It claims none, so it works
// beside a running gateway and without one. It is safe for concurrent use.
type Reader struct {
	db     *store.DB
	seals  *seals
	signer *signer

	heads       store.Table[head]
	checkpoints store.Table[kept]
	latest      store.Table[kept]
}

// NewReader returns a reader of the logs in a storage.
func NewReader(db *store.DB) *Reader {
	return &Reader{
		db:          db,
		seals:       &seals{db: db},
		signer:      newSigner(db.DeriveKey("audit checkpoint")),
		heads:       store.NewTable[head](db, kindHead),
		checkpoints: store.NewTable[kept](db, kindCheckpoint),
		latest:      store.NewTable[kept](db, kindLatest),
	}
}

// A Query selects entries. The zero Query selects all of them; of several
// fields all must match.
type Query struct {
	Tenant   ostiary.Tenant // "" looks over all tenants
	Subject  ostiary.Subject
	Client   ostiary.ClientID
	Tool     ostiary.ToolID
	CallID   ostiary.CallID
	Kind     Kind
	Decision string    // an effect ("deny", "hold", "pass") or a reason
	From, To time.Time // From is inclusive, To exclusive; zero: unbounded
	Limit    int       // 1..1000; zero means 100
	Cursor   string    // what the page before returned as next
}

// Search returns one page of entries, newest first, and the cursor of the
// next, "" on the last. An error wraps store.ErrTampered when an entry was
// changed from outside.
func (r *Reader) Search(ctx context.Context, q Query) (entries []Entry, next string, err error) {
	page, err := r.search(ctx, q)
	if err != nil {
		return nil, "", fmt.Errorf("search the audit log: %w", err)
	}
	entries = make([]Entry, len(page.Entries))
	for i, e := range page.Entries {
		if entries[i], err = r.decode(e); err != nil {
			return nil, "", fmt.Errorf("search the audit log: %w", err)
		}
	}
	return entries, page.Next, nil
}

func (r *Reader) search(ctx context.Context, q Query) (store.EntryPage, error) {
	return r.db.Search(ctx, store.LogQuery{
		Index: r.indexOf(q), From: q.From, To: q.To, Limit: q.Limit, Cursor: q.Cursor,
	})
}

func (r *Reader) indexOf(q Query) []store.Index {
	var index []store.Index
	for _, x := range []store.Index{
		{Name: byTenant, Value: string(q.Tenant)},
		{Name: bySubject, Value: string(q.Subject)},
		{Name: byClient, Value: string(q.Client)},
		{Name: byTool, Value: string(q.Tool)},
		{Name: byCallID, Value: string(q.CallID)},
		{Name: byKind, Value: string(q.Kind)},
		{Name: byDecision, Value: q.Decision},
	} {
		if x.Value != "" {
			index = append(index, r.db.LogIndex(x))
		}
	}
	return index
}

// selects says of an entry what the index says to Search.
func (q Query) selects(e Entry) bool {
	effect, reason := "", ""
	if e.Decision != nil {
		effect, reason = e.Decision.Effect, string(e.Decision.Reason)
	}
	return fits(q.Tenant, e.Actor.Tenant) && fits(q.Subject, e.Actor.Subject) && fits(q.Client, e.Actor.Client) &&
		fits(q.Tool, e.Tool) && fits(q.CallID, e.CallID) && fits(q.Kind, e.Kind) &&
		(fits(q.Decision, effect) || fits(q.Decision, reason)) &&
		!e.Time.Before(q.From) && (q.To.IsZero() || e.Time.Before(q.To))
}

// fits: what is not asked for fits everything.
func fits[T ~string](asked, is T) bool { return asked == "" || asked == is }

// A place is one line where it stands.
type placed struct {
	seq   uint64
	plain []byte
}

// lines yields the opened lines of a log from a number on, and stops at the
// first that is not what was written there.
func (r *Reader) lines(ctx context.Context, log string, from uint64) iter.Seq2[placed, error] {
	return func(yield func(placed, error) bool) {
		want := from
		for e, err := range r.db.Entries(ctx, log, from) {
			if err == nil && e.Seq != want {
				err = fmt.Errorf("read %s: entry %d stands where %d should: %w", log, e.Seq, want, store.ErrTampered)
			}
			var plain []byte
			if err == nil {
				plain, err = r.seals.open(e)
			}
			if !yield(placed{want, plain}, err) || err != nil {
				return
			}
			want++
		}
	}
}

func (r *Reader) decode(e store.Entry) (Entry, error) {
	plain, err := r.seals.open(e)
	if err != nil {
		return Entry{}, err
	}
	return parse(plain)
}

func parse(plain []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(plain, &e); err != nil {
		return Entry{}, fmt.Errorf("decode an audit entry: %w", err)
	}
	return e, nil
}

func parseAll(lines [][]byte) ([]Entry, error) {
	entries := make([]Entry, len(lines))
	for i, plain := range lines {
		var err error
		if entries[i], err = parse(plain); err != nil {
			return nil, err
		}
	}
	return entries, nil
}
