package stdio

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/ostiary/ostiary/internal/upstream"
)

const (
	// maxWords is kept of one line that a child writes to its standard error.
	maxWords = 1 << 10
	// maxReported is how many lines of one child are logged, and how much
	// garbage of one app: beyond it a talkative child would fill the log.
	maxReported = 1000
)

// lastWords is the last line that a child wrote to its standard error: often
// the reason why it ended.
type lastWords struct {
	mu   sync.Mutex
	last string
}

// copy logs the lines of stream until it ends.
func (w *lastWords) copy(stream io.Reader, log *slog.Logger) {
	reader := bufio.NewReaderSize(stream, maxWords)
	for said := 1; ; said++ {
		text, err := nextLine(reader)
		if text != "" {
			w.keep(text)
			if said <= maxReported {
				log.Info("a child says", "line", text)
			}
		}
		if err != nil {
			return
		}
	}
}

// nextLine reads a line and keeps its beginning.
func nextLine(reader *bufio.Reader) (string, error) {
	begin, more, err := reader.ReadLine()
	text := string(begin)
	for more && err == nil {
		_, more, err = reader.ReadLine()
	}
	return text, err
}

func (w *lastWords) keep(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = text
}

// append adds the last words to the reason why a child ended.
func (w *lastWords) append(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == "" {
		return err
	}
	return fmt.Errorf("%w; it said last: %s", err, upstream.Excerpt([]byte(w.last)))
}
