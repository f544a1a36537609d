package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// dataField begins the lines of an event's data.
var dataField = []byte("data:")

// NextUpTo is Next for who can read a large event piece by piece: of one whose
// data is longer than so many bytes it returns what it has read by then, with
// more. Then Read reads the rest, up to io.EOF, before the next event.
func (r *EventReader) NextUpTo(most int) (e Event, more bool, err error) {
	r.most = most
	e, err = r.Next()
	r.most = 0
	return e, r.open, err
}

func (r *EventReader) exceeds(size int) bool { return r.most > 0 && size > r.most }

// mayCut says whether the line under way is one of data, and long enough.
func (r *EventReader) mayCut() bool {
	return bytes.HasPrefix(r.line, dataField) && r.exceeds(len(r.data)+len(r.line)-len(dataField)-1)
}

// leaveOpen returns an event that goes on.
func (r *EventReader) leaveOpen(e Event) Event {
	r.open, r.late, r.ready = true, e, nil
	e.Data, r.data = r.data, nil
	return e
}

// Read reads the rest of an event's data, without its limit. An event that
// turns out to be no message is an error. Use it after NextUpTo alone.
func (r *EventReader) Read(p []byte) (int, error) {
	for r.err == nil && r.open && len(p) > 0 {
		n, err := r.rest(p)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("read event: %w", io.ErrUnexpectedEOF)
			}
			r.err = err
		}
		if n > 0 {
			return n, nil
		}
	}
	if r.err != nil {
		return 0, r.err
	}
	return 0, io.EOF
}

// rest reads on in a line that goes on, or the next one.
func (r *EventReader) rest(p []byte) (int, error) {
	switch {
	case len(r.ready) > 0:
		n := copy(p, r.ready)
		r.ready = r.ready[n:]
		return n, nil
	case r.cut:
		return r.within(p)
	}
	return 0, r.nextOfRest()
}

// within reads on in a line that goes on.
func (r *EventReader) within(p []byte) (int, error) {
	if _, err := r.in.Peek(1); err != nil {
		return 0, err
	}
	chunk, _ := r.in.Peek(min(r.in.Buffered(), len(p)))
	end := lineBreak(chunk)
	if end < 0 {
		n := copy(p, chunk)
		_, _ = r.in.Discard(n)
		return n, nil
	}
	n := copy(p, chunk[:end])
	r.cut, r.skipLF = false, chunk[end] == '\r'
	_, _ = r.in.Discard(end + 1)
	return n, nil
}

// nextOfRest reads a line behind the first ones. What it holds of data is then
// ready, with the line break before it.
func (r *EventReader) nextOfRest() error {
	r.data, r.most = r.data[:0], 1
	line, err := r.readLine()
	r.most = 0
	if err != nil {
		return err
	}
	if len(line) == 0 {
		r.open = false
		r.passed(r.late)
		return nil
	}
	hasData, err := r.field(&r.late, line, false)
	if err != nil {
		return err
	}
	if name := r.late.Name; name != "" && name != "message" {
		return fmt.Errorf("read event: the name %s behind its data: %w", excerpt([]byte(name)), ErrSyntax)
	}
	if hasData {
		r.ready = append([]byte{'\n'}, r.data...)
	}
	return nil
}
