package stdio

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// An ear writes down what a watchdog is told, and whether the group's id was
// taken at that moment.
type ear struct {
	mu    sync.Mutex
	heard []string
}

func (e *ear) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	word, id, _ := strings.Cut(strings.TrimSpace(string(p)), " ")
	group, err := strconv.Atoi(id)
	if err == nil {
		err = syscall.Kill(group, 0)
	}
	if err != nil {
		word += ": " + err.Error()
	}
	e.heard = append(e.heard, word)
	return len(p), nil
}

func (e *ear) Close() error { return nil }

// Were it told later, the watchdog could end a group of others that was given
// the same id.
func TestAGroupIsSaidToBeOverWhileItsIDIsTaken(t *testing.T) {
	e := new(ear)
	w := NewWatchdog([]string{"/does/not/exist"}, slog.New(slog.DiscardHandler))
	w.dog = &dog{ear: e}
	p, err := start([]string{"/bin/sh", "-c", "exit 0"}, nil, w)
	if err != nil {
		t.Fatal(err)
	}
	<-p.exited
	p.closeStreams()
	if want := []string{begun, over}; !slices.Equal(e.heard, want) {
		t.Errorf("the watchdog heard %q, want %q", e.heard, want)
	}
	if p.result != nil || len(w.groups) != 0 {
		t.Errorf("the child ended with %v, groups %v are left; want neither", p.result, w.groups)
	}
	p.signal(syscall.SIGKILL) // reaches nobody: the id may be another's
}
