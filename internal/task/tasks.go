package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// What may be wrong with a task. All are returned wrapped.
var (
	ErrNotFound = errors.New("no such task")
	// ErrTooMany means that the holder has as many open tasks as one may.
	ErrTooMany = errors.New("too many open tasks")
	// ErrTaken means that a task is not, or no longer, its worker's to go on
	// with: it was cancelled, or another worker has it.
	ErrTaken = errors.New("the task is over, or somebody else's to see to")
)

// maxTries bounds how often a change starts again after a conflict.
const maxTries = 20

// Tasks keeps tasks. It is safe for concurrent use, on any number of
// instances over one storage.
type Tasks struct {
	db      *store.DB
	clock   ostiary.Clock
	tasks   store.Table[Task]
	places  store.Table[place]
	workers store.Table[presence]
	claims  store.Table[claim]
}

// New returns the tasks over db.
func New(db *store.DB) *Tasks {
	return &Tasks{
		db: db, clock: db.Clock(), tasks: store.NewTable[Task](db, "task"),
		places: store.NewTable[place](db, "task-place"), workers: store.NewTable[presence](db, "task-worker"),
		claims: store.NewTable[claim](db, "task-theirs"),
	}
}

// Create keeps a new task, with an id and its times filled in. It returns an
// error wrapping ErrTooMany when its holder has too many open ones.
func (s *Tasks) Create(ctx context.Context, t Task) (Task, error) {
	t.ID, t.Created = ostiary.NewID("tsk"), s.now()
	t.Updated = t.Created
	// Whoever loses a place has lost it to another task: there are no more of
	// those than places.
	for range maxTries + maxOpen {
		var tx store.Tx
		if err := s.takePlace(ctx, &tx, &t); err != nil {
			return Task{}, err
		}
		if err := s.tasks.Create(ctx, &tx, t.ID, t); err != nil {
			return Task{}, err
		}
		_, err := s.db.Commit(ctx, tx)
		if !errors.Is(err, store.ErrConflict) {
			return t, wrap("keep a task", err)
		}
	}
	return Task{}, fmt.Errorf("keep a task: %w", store.ErrConflict)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// now is as precise as what is kept.
func (s *Tasks) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// Get reads one task. It returns an error wrapping ErrNotFound when there is
// none or its time is over.
func (s *Tasks) Get(ctx context.Context, id string) (Task, error) {
	t, _, err := s.get(ctx, id)
	return t, err
}

func (s *Tasks) get(ctx context.Context, id string) (Task, store.Version, error) {
	t, version, err := s.tasks.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !s.clock.Now().Before(t.Ends) {
		return Task{}, 0, ErrNotFound
	}
	return t, version, wrap("read a task", err)
}

// Row is where a task stands, as the feed of changes names it.
func (s *Tasks) Row(id string) store.Key { return s.tasks.Key(id) }

// Change reads a task, changes it, and writes it together with what change
// adds to the commit; from the start whenever somebody else was faster. An
// error of change is returned as it is, and nothing is written.
func (s *Tasks) Change(ctx context.Context, id string, change func(*store.Tx, *Task) error) (Task, error) {
	for range maxTries {
		t, version, err := s.get(ctx, id)
		if err != nil {
			return Task{}, err
		}
		var tx store.Tx
		if err := change(&tx, &t); err != nil {
			return t, err
		}
		if err := s.update(ctx, &tx, t, version); err != nil {
			return t, err
		}
		_, err = s.db.Commit(ctx, tx)
		if !store.Again(err) {
			return t, wrap("change a task", err)
		}
	}
	return Task{}, fmt.Errorf("change task %s: %w", id, store.ErrConflict)
}

// update adds the write of a task; its place is free once it is over.
func (s *Tasks) update(ctx context.Context, tx *store.Tx, t Task, at store.Version) error {
	t.Updated = s.now()
	if t.Theirs != "" {
		if err := s.keepClaim(ctx, tx, t); err != nil {
			return err
		}
	}
	if t.Place != "" && !t.open() {
		tx.Delete(s.places.Key(t.Place))
		t.Place = ""
	}
	return s.tasks.Update(ctx, tx, t.ID, t, at)
}

// Waits says whether another task than one waits for an approval request.
func (s *Tasks) Waits(ctx context.Context, request, but string) (bool, error) {
	items, _, err := s.tasks.List(ctx, store.Index{Name: "request", Value: request}, 2, "")
	if err != nil {
		return false, wrap("look who waits for a request", err)
	}
	for _, it := range items {
		if it.ID != but {
			return true, nil
		}
	}
	return false, nil
}
