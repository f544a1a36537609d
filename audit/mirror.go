package audit

import (
	"context"
	"errors"
	"io"
	"log/slog"
)

// mirrorSize is how many checkpoints wait for a slow mirror before the next
// is left out. Each checkpoint covers all that the ones before it covered.
const mirrorSize = 16

// A mirror copies checkpoints to somewhere outside of storage. It keeps
// nobody waiting.
type mirror struct {
	notes chan []byte
	done  chan struct{}
	log   *slog.Logger
}

func startMirror(w io.Writer, log *slog.Logger) *mirror {
	m := &mirror{make(chan []byte, mirrorSize), make(chan struct{}), log}
	if w == nil {
		w = io.Discard
	}
	go m.run(w)
	return m
}

func (m *mirror) run(w io.Writer) {
	defer close(m.done)
	for note := range m.notes {
		if _, err := w.Write(note); err != nil {
			m.log.Error("a checkpoint could not be copied to the audit mirror", "error", err)
		}
	}
}

// copy hands a checkpoint over.
func (m *mirror) copy(note []byte) {
	select {
	case m.notes <- note:
	default:
		m.log.Error("a checkpoint was left out of the audit mirror, which is too slow")
	}
}

func (m *mirror) close(ctx context.Context) error {
	close(m.notes)
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("the audit mirror did not take the last checkpoint"), ctx.Err())
	}
}
