package wire

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// What an edit can't do.
var (
	ErrNotObject = errors.New("not an object")
	ErrOverlap   = errors.New("one member changed both whole and in part")
)

// An Edit collects changes to the members of a body and makes a new body in
// which every other byte is as it was. The body must have been checked. The
// zero Edit is an empty body; begin with NewEdit or Message.Edit.
type Edit struct {
	body    []byte
	skipAt  int // a value whose end is known already, often most of the body
	skipTo  int
	changes []change
}

// A change is a member's new value; nil drops it.
type change struct {
	path  []string
	value []byte
}

// NewEdit begins an edit of an object.
func NewEdit(body []byte) *Edit { return &Edit{body: body} }

// Edit begins an edit of the message.
func (m *Message) Edit() *Edit {
	return &Edit{body: m.Body, skipAt: m.argumentsAt, skipTo: m.argumentsAt + len(m.Arguments)}
}

// Set gives the member at path a value, which must be JSON. Members that are
// missing on the way are made. Of two changes of one member the later counts.
func (e *Edit) Set(value []byte, path ...string) *Edit {
	e.changes = append(e.changes, change{path, value})
	return e
}

// SetText gives the member at path a string.
func (e *Edit) SetText(text string, path ...string) *Edit {
	return e.Set(AppendString(nil, text), path...)
}

// Drop takes the member at path away; one that is absent stays so.
func (e *Edit) Drop(path ...string) *Edit { return e.Set(nil, path...) }

// Bytes returns the new body. Without changes it is the old one. Errors wrap
// ErrNotObject where a path leads through something else, ErrOverlap, or
// ErrSyntax where the body was no JSON after all.
func (e *Edit) Bytes() ([]byte, error) {
	if len(e.changes) == 0 {
		return e.body, nil
	}
	if e.overlaps() {
		return nil, fmt.Errorf("edit a message: %w", ErrOverlap)
	}
	w := splicer{scanner: newTrusting(e.body), edit: e, dst: make([]byte, 0, e.room())}
	if err := w.splice(e.changes, 0); err != nil {
		return nil, fmt.Errorf("edit a message: %w", err)
	}
	if err := w.end(); err != nil {
		return nil, fmt.Errorf("edit a message: %w", err)
	}
	return append(w.dst, w.data[w.copied:]...), nil
}

// overlaps tells whether a path is empty or leads through what another sets.
func (e *Edit) overlaps() bool {
	for _, c := range e.changes {
		for _, other := range e.changes {
			longer := len(other.path) > len(c.path)
			if len(c.path) == 0 || longer && slices.Equal(c.path, other.path[:len(c.path)]) {
				return true
			}
		}
	}
	return false
}

// room is enough for the new body, escapes in names apart.
func (e *Edit) room() int {
	room := len(e.body)
	for _, c := range e.changes {
		room += len(c.value)
		for _, name := range c.path {
			room += len(name) + len(`,"":{}`)
		}
	}
	return room
}

// splicer copies a body while it passes over it, and writes the changes at
// their places.
type splicer struct {
	scanner
	edit   *Edit
	dst    []byte
	copied int // up to where the body is in dst
}

// splice copies the object that begins here with changes, whose paths lead
// from it on at level.
func (w *splicer) splice(changes []change, level int) error {
	if w.peek() != '{' {
		return fmt.Errorf("member %q: %w", changes[0].path[level], ErrNotObject)
	}
	o, err := w.openObject()
	if err != nil {
		return err
	}
	w.flush(w.pos)
	met := make(map[string]bool, len(changes))
	kept := false
	for {
		from := w.pos // of the comma and space before the member
		key, more, err := w.member(&o)
		if err != nil {
			return err
		}
		if !more {
			return w.close(changes, level, met, kept)
		}
		mine := concerning(changes, level, key)
		if len(mine) > 0 {
			met[string(key)] = true
		}
		if kept, err = w.change(mine, level, from, kept); err != nil {
			return err
		}
	}
}

// change writes the member whose value begins here. From is where the comma
// before it stands, kept whether a member stands before it in dst.
func (w *splicer) change(mine []change, level, from int, kept bool) (bool, error) {
	last := len(mine) - 1
	whole := last >= 0 && len(mine[last].path) == level+1
	if whole && mine[last].value == nil {
		if kept {
			w.flush(from)
		}
		err := w.pass()
		w.copied = w.pos
		return kept, err
	}
	if !kept {
		w.copied = w.afterComma(from)
	}
	switch {
	case last < 0:
		return true, w.pass()
	case !whole:
		return true, w.splice(mine, level+1)
	}
	w.flush(w.pos)
	w.dst = append(w.dst, mine[last].value...)
	err := w.pass()
	w.copied = w.pos
	return true, err
}

// pass goes over a value, by a jump where its end is known.
func (w *splicer) pass() error {
	if w.pos == w.edit.skipAt && w.edit.skipTo > w.pos {
		w.pos = w.edit.skipTo
		return nil
	}
	return w.value()
}

// afterComma returns from, or where the comma between the member before,
// which was dropped, and this one ends.
func (w *splicer) afterComma(from int) int {
	gap := w.data[from:w.pos]
	key := bytes.IndexByte(gap, '"')
	if comma := bytes.IndexByte(gap[:key], ','); comma >= 0 {
		return from + comma + 1
	}
	return from
}

// close adds the members that were not there, before the brace behind which
// the scanner stands.
func (w *splicer) close(changes []change, level int, met map[string]bool, kept bool) error {
	brace := w.pos - 1
	space := brace
	for space > w.copied && isSpace(w.data[space-1]) {
		space--
	}
	w.flush(space)
	for _, c := range changes {
		name := c.path[level]
		mine := concerning(changes, level, []byte(name))
		if met[name] || !adds(mine, level) {
			continue
		}
		met[name] = true
		if kept {
			w.dst = append(w.dst, ',')
		}
		kept = true
		w.dst = append(AppendString(w.dst, name), ':')
		if err := w.create(mine, level); err != nil {
			return err
		}
	}
	w.flush(brace + 1)
	return nil
}

// create writes a member's value: what was set, or an object that is made to
// hold it.
func (w *splicer) create(mine []change, level int) error {
	last := mine[len(mine)-1]
	if len(last.path) == level+1 {
		w.dst = append(w.dst, last.value...)
		return nil
	}
	inner := splicer{scanner: newTrusting([]byte("{}")), edit: &Edit{}, dst: w.dst}
	err := inner.splice(mine, level+1)
	w.dst = inner.dst
	return err
}

func (w *splicer) flush(to int) {
	w.dst = append(w.dst, w.data[w.copied:to]...)
	w.copied = to
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

// concerning returns the changes that go through a member or are of it.
func concerning(changes []change, level int, key []byte) []change {
	var mine []change
	for _, c := range changes {
		if c.path[level] == string(key) {
			mine = append(mine, c)
		}
	}
	return mine
}

// adds tells whether these changes of one member leave something there.
func adds(mine []change, level int) bool {
	if last := mine[len(mine)-1]; len(last.path) == level+1 {
		return last.value != nil
	}
	return slices.ContainsFunc(mine, func(c change) bool { return c.value != nil })
}
