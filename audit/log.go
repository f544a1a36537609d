package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// prefix begins the name of every log: "audit-1", "audit-2".
const prefix = "audit-"

// Options say how a log is kept. The zero Options are good.
type Options struct {
	Arguments Arguments // zero: ArgumentsDigest
	// CheckpointInterval is how often a checkpoint is made, if there is
	// anything new; zero: a minute.
	CheckpointInterval time.Duration
	// Mirror gets every checkpoint that this instance makes, in one Write
	// each; nil: nothing. It may be slow, or fail: nobody waits for it, and
	// Close no longer than its context lets it.
	Mirror io.Writer
	Logger *slog.Logger // nil: silent
}

// A Log writes what happens on this instance. It is safe for concurrent use.
type Log struct {
	*Reader

	clock    ostiary.Clock
	logger   *slog.Logger
	recorder *recorder
	index    *indexer

	claiming sync.Mutex // held while another log is claimed
	held     atomic.Pointer[held]
	mine     map[string]bool // logs that this process ever held; guarded by claiming

	// handed counts entries that were handed to a transaction, made those
	// whose line was asked for: where they differ, a claim may be lost.
	handed, made atomic.Uint64
	recent       recent

	closed atomic.Bool
	queue  *queue
	keeper *keeper
	mirror *mirror
}

// A held log is one that this process has claimed.
type held struct {
	name    string
	release func()
}

// Open claims a log for this process. Calls that a crash cut off, in any log
// that nobody holds now, get the outcome StatusUnknown. Close the log before
// its storage.
func Open(ctx context.Context, db *store.DB, o Options) (*Log, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.CheckpointInterval <= 0 {
		o.CheckpointInterval = time.Minute
	}
	l := &Log{
		Reader:   NewReader(db),
		clock:    db.Clock(),
		logger:   o.Logger,
		recorder: newRecorder(o.Arguments, db.DeriveKey("audit arguments")),
		index:    newIndexer(db),
		mine:     map[string]bool{},
		recent:   recent{many: make(chan struct{}, 1)},
	}
	if err := l.claimFirst(ctx); err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	l.mirror = startMirror(o.Mirror, o.Logger)
	l.queue = startQueue(l)
	l.keeper = startKeeper(l, o.CheckpointInterval)
	return l, nil
}

// Append adds an entry to a transaction, so that the entry is in the log if
// and only if the transaction is committed. Seq, Log and Time of e are filled
// in. After a commit that failed with store.ErrLogTaken, Append it anew.
func (l *Log) Append(tx *store.Tx, e Entry) {
	tx.Append(l.on(l.held.Load(), l.prepare(&e)))
}

// Background hands an entry over to be written soon. Entries handed over
// stand in the log in that order; a crash may lose them. false means that
// there was no room, or the log is closed, and nothing was handed over.
func (l *Log) Background(e Entry) bool {
	return l.queue.offer(l.prepare(&e))
}

// Close writes what was handed over, makes a last checkpoint and gives the
// log back. It stops when ctx is done, with an error that says what is
// missing. Closing again does nothing; nothing may be appended any more.
func (l *Log) Close(ctx context.Context) error {
	if l.closed.Swap(true) {
		return nil
	}
	err := errors.Join(l.queue.close(ctx), l.keeper.close(ctx), l.mirror.close(ctx))
	l.held.Load().release()
	if err != nil {
		return fmt.Errorf("close the audit log: %w", err)
	}
	return nil
}

// A prepared entry is ready but for its place.
type prepared struct {
	time  time.Time
	line  line
	index []store.Index
	bound []byte // what it is sealed together with, but for the place
	about about
}

func (l *Log) prepare(e *Entry) prepared {
	e.Time = l.clock.Now().UTC().Truncate(time.Microsecond)
	e.Arguments = l.recorder.keep(e.RawArguments)
	e.Detail = redactDetail(e.Detail)
	index := l.index.of(e)
	return prepared{e.Time, render(e), index, bind(e.Time, index), about{e.Kind, e.CallID}}
}

// on is the append of an entry to a log.
func (l *Log) on(h *held, p prepared) store.Append {
	l.handed.Add(1)
	aead := l.seals.of(h.name)
	return store.Append{
		Log: h.name, Time: p.time, Index: p.index,
		Line: func(seq uint64) ([]byte, error) {
			l.made.Add(1)
			plain := p.line.write(h.name, seq)
			l.recent.put(h.name, seq, made{plain, p.about})
			return seal(aead, plain, place(p.bound, h.name, seq)), nil
		},
	}
}

func redactDetail(d map[string]string) map[string]string {
	if len(d) == 0 {
		return nil
	}
	clean := maps.Clone(d)
	for k, v := range clean {
		clean[k] = redactText(v)
	}
	return clean
}
