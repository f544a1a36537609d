package stdio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// What a watchdog is told of a process group, one line each: the word, a space
// and the id.
const (
	begun = "begun"
	over  = "over"
)

// Watch is what the process of a [Watchdog] does: it listens until told ends,
// as it does when the gateway dies, and then ends the groups that are left. It
// takes over the process's signals: those that ask for an end are ignored,
// since the gateway may still live for a while after them. An error says that
// it was told nonsense; then it ends nothing.
func Watch(told io.Reader) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	groups := make(map[int]bool)
	for lines := bufio.NewReader(told); ; {
		line, err := lines.ReadString('\n')
		switch {
		case errors.Is(err, io.EOF): // a line without end is none
			endAll(groups)
			return nil
		case err != nil:
			return fmt.Errorf("watchdog: read what it is told: %w", err)
		}
		if err := note(groups, line); err != nil {
			return err
		}
	}
}

// note keeps what one line says.
func note(groups map[int]bool, line string) error {
	var word string
	var id int32
	_, err := fmt.Sscanf(line, "%s %d\n", &word, &id)
	group := int(id)
	switch {
	case err != nil || group <= 1: // 0 would be our own group, 1 everybody
		return fmt.Errorf("watchdog: no process group: %q", strings.TrimSpace(line))
	case word == begun:
		groups[group] = true
	case word == over:
		delete(groups, group)
	default:
		return fmt.Errorf("watchdog: neither %q nor %q: %q", begun, over, word)
	}
	return nil
}

func endAll(groups map[int]bool) {
	for group := range groups {
		_ = syscall.Kill(-group, syscall.SIGKILL) // gone already is fine
	}
}
