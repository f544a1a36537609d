package mcp

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// What belongs to no request is said on one stream of a session only: "the
// server … MUST NOT broadcast the same message across multiple streams"
// (2025-11-25 basic/transports, multiple connections). Whose turn it is stands
// in storage, since the streams may be at several instances: the newest's, for
// an older one may be one that nobody reads any more.

const kindSpeaker store.Kind = "mcp-speaker"

// speaking is how long it stays written down whose turn it is. It only has to
// be seen by those who listen when it is written.
const speaking = time.Hour

// A turn is a stream's part in it. Its fields belong to the stream's goroutine.
type turn struct {
	h     *Handler
	row   store.Key
	id    string
	rings <-chan struct{} // whose turn it is may be another's now; nil: nobody else speaks
	stop  func()
	// silent: another speaks. shared: there are or were others, who wait for
	// the end of this one.
	silent, shared bool
}

// takeTurn gives a stream of a session the turn.
func (h *Handler) takeTurn(ctx context.Context, t *session) *turn {
	s := &turn{h: h, row: h.config.DB.RowKey(kindSpeaker, t.Key), id: ostiary.NewID("str")}
	s.rings, s.stop = h.turns.listen(s.row)
	_, err := h.config.DB.Get(ctx, s.row)
	s.shared = err == nil
	s.report(s.write(ctx, func(*store.Tx) {}))
	return s
}

func (s *turn) write(ctx context.Context, condition func(*store.Tx)) error {
	var tx store.Tx
	condition(&tx)
	tx.Put(store.Put{Key: s.row, Value: []byte(s.id), Expires: s.h.clock.Now().Add(speaking)})
	_, err := s.h.config.DB.Commit(ctx, tx)
	return err
}

// report logs a fault. A message that is said twice then does less harm than
// one that is never said.
func (s *turn) report(err error) {
	if err != nil {
		s.h.config.Logger.Warn("whose turn it is to speak could not be settled", "error", err)
	}
}

// look finds out whose turn it is, and takes one that nobody has.
func (s *turn) look(ctx context.Context) {
	s.shared = true
	rec, err := s.h.config.DB.Get(ctx, s.row)
	switch {
	case err == nil:
		s.silent = string(rec.Value) != s.id
	case errors.Is(err, store.ErrNotFound):
		err = s.write(ctx, func(tx *store.Tx) { tx.Assert(s.row, 0) })
		s.silent = errors.Is(err, store.ErrConflict)
		if s.silent {
			err = nil
		}
		s.report(err)
	default:
		s.report(err)
	}
}

// pass gives the turn to whoever else is there.
func (s *turn) pass(ctx context.Context) {
	s.stop()
	if s.silent || !s.shared {
		return
	}
	ctx = context.WithoutCancel(ctx) // the client is gone
	rec, err := s.h.config.DB.Get(ctx, s.row)
	if err != nil || string(rec.Value) != s.id {
		return
	}
	var tx store.Tx
	tx.Assert(s.row, rec.Version)
	tx.Delete(s.row)
	if _, err := s.h.config.DB.Commit(ctx, tx); !errors.Is(err, store.ErrConflict) {
		s.report(err)
	}
}
