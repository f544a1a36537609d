package task

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A claim stands where an app's own id of a task is given out: two people
// never hear of one task, whatever an app answers.
type claim struct {
	Task    string          `json:"task"`
	Subject ostiary.Subject `json:"subject"`
	Ends    time.Time       `json:"ends"`
}

// Row implements store.Rower.
func (c claim) Row() store.Row { return store.Row{Owner: c.Subject, Expires: c.Ends} }

func (t Task) claimed() string {
	app := t.Tool.App()
	return strconv.Itoa(len(app)) + ":" + app + ":" + t.Theirs
}

func (s *Tasks) keepClaim(ctx context.Context, tx *store.Tx, t Task) error {
	return s.claims.Put(ctx, tx, t.claimed(), claim{t.ID, t.Holder.Subject, t.Ends})
}

// Entrust keeps, for some time, a task that an app has taken on. An app that names the same
// task twice to its holder names the one that is kept; a task that is somebody
// else's is ErrTaken. ErrTooMany: the holder has too many open ones.
func (s *Tasks) Entrust(ctx context.Context, t Task, kept time.Duration) (Task, error) {
	t.ID, t.State, t.Created = ostiary.NewID("tsk"), Away, s.now()
	t.Updated, t.Ends = t.Created, t.Created.Add(kept)
	for range maxTries + maxOpen {
		var tx store.Tx
		if same, err := s.claim(ctx, &tx, t); same.ID != "" || err != nil {
			return same, err
		}
		if err := s.takePlace(ctx, &tx, &t); err != nil {
			return Task{}, err
		}
		if err := s.tasks.Create(ctx, &tx, t.ID, t); err != nil {
			return Task{}, err
		}
		_, err := s.db.Commit(ctx, tx)
		if !errors.Is(err, store.ErrConflict) {
			return t, wrap("keep an app's task", err)
		}
	}
	return Task{}, wrap("keep an app's task", store.ErrConflict)
}

// Entrust says of a task that the worker sent that its app has taken it on, as
// a task of its own.
func (w *Worker) Entrust(ctx context.Context, id string, as Task, kept time.Duration) (Task, error) {
	return w.Change(ctx, id, func(tx *store.Tx, t *Task) error {
		if t.State != Sent || t.Worker != w.ID {
			return ErrTaken
		}
		t.State, t.Worker, t.Theirs, t.Grant, t.Call = Away, "", as.Theirs, as.Grant, as.Call
		if ends := w.now().Add(kept); ends.After(t.Ends) {
			t.Ends = ends
		}
		same, err := w.claim(ctx, tx, *t)
		if err == nil && same.ID != "" {
			err = ErrTaken
		}
		return err
	})
}

// claim adds to tx that the app's id is the task's. same is the task that has
// it already, where that is the same holder's.
func (s *Tasks) claim(ctx context.Context, tx *store.Tx, t Task) (same Task, err error) {
	at := store.Version(0)
	c, version, err := s.claims.Get(ctx, t.claimed())
	if err == nil {
		at = version
		same, err = s.Get(ctx, c.Task)
		if err == nil && (same.Holder != t.Holder || same.Endpoint != t.Endpoint) {
			return Task{}, ErrTaken
		}
	}
	if err == nil {
		return same, nil
	}
	if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, ErrNotFound) {
		return Task{}, wrap("look whose an app's task is", err)
	}
	tx.Assert(s.claims.Key(t.claimed()), at)
	return Task{}, s.keepClaim(ctx, tx, t)
}

// AddRound adds to the commit of a round of a task's call that there was one.
func (s *Tasks) AddRound(ctx context.Context, tx *store.Tx, id string) error {
	t, version, err := s.get(ctx, id)
	if err != nil {
		return err
	}
	t.Rounds++
	return s.update(ctx, tx, t, version)
}

// Room says whether a holder may have one more open task.
func (s *Tasks) Room(ctx context.Context, h Holder) (bool, error) {
	taken, err := s.places.All(ctx, store.Index{Name: "whose", Value: h.whose()})
	return err == nil && len(freePlaces(taken)) > 0, wrap("look for a free place", err)
}

// unheardKept is how long a task whose time is over, and whose end nobody
// heard of, stays to be recorded as such.
const unheardKept = 3 * time.Hour

// unheardIn finds tasks whose end was not heard of by the hour of their time's
// end: a sweep reads few of many.
func unheardIn(end time.Time) store.Index {
	return store.Index{Name: "unheard", Value: strconv.FormatInt(end.Truncate(time.Hour).Unix(), 10)}
}

// Unheard lists the tasks whose time is over without a word of their app.
func (s *Tasks) Unheard(ctx context.Context) ([]Task, error) {
	now := s.clock.Now()
	var all []Task
	for h := now.Add(-unheardKept).Truncate(time.Hour); !h.After(now); h = h.Add(time.Hour) {
		items, err := s.tasks.All(ctx, unheardIn(h))
		if err != nil {
			return nil, wrap("look for tasks whose time is over", err)
		}
		for _, it := range items {
			if !now.Before(it.Value.Ends) {
				all = append(all, it.Value)
			}
		}
	}
	return all, nil
}

// Forget deletes a task whose time is over, in the commit of what is added to
// it. Of many who try, one succeeds; the others get ErrTaken.
func (s *Tasks) Forget(ctx context.Context, id string, with func(*store.Tx)) error {
	for range maxTries {
		t, version, err := s.tasks.Get(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return ErrTaken
		}
		if err != nil {
			return wrap("read a task", err)
		}
		var tx store.Tx
		s.tasks.Delete(&tx, id, version)
		if t.Place != "" {
			tx.Delete(s.places.Key(t.Place))
		}
		with(&tx)
		if _, err = s.db.Commit(ctx, tx); !store.Again(err) {
			return wrap("forget a task", err)
		}
	}
	return wrap("forget a task", store.ErrConflict)
}
