package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
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
	few     [4]change // most edits have no more
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

// EditParams begins an edit of the message's params alone.
func (m *Message) EditParams() *Edit {
	from := m.argumentsAt - m.paramsAt
	return &Edit{body: m.Params, skipAt: from, skipTo: from + len(m.Arguments)}
}

// Set gives the member at path a value, which must be JSON. Members that are
// missing on the way are made. Of two changes of one member the later counts.
func (e *Edit) Set(value []byte, path ...string) *Edit {
	if e.changes == nil {
		e.changes = e.few[:0]
	}
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
// ErrNotObject where a path leads through something else, ErrOverlap,
// ErrSyntax where the body was no JSON after all, or ErrTooLarge over 64
// changes.
func (e *Edit) Bytes() ([]byte, error) {
	if len(e.changes) == 0 {
		return e.body, nil
	}
	if len(e.changes) > maxChanges {
		return nil, fmt.Errorf("edit a message: over %d changes: %w", maxChanges, ErrTooLarge)
	}
	if e.overlaps() {
		return nil, fmt.Errorf("edit a message: %w", ErrOverlap)
	}
	w := splicer{scanner: newTrusting(e.body), edit: e, dst: make([]byte, 0, e.room())}
	if err := w.splice(some(1)<<len(e.changes)-1, 0); err != nil {
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

// some is a set of changes, by their index.
type some uint64

const maxChanges = 64

func (s some) last() int { return bits.Len64(uint64(s)) - 1 }

// concerning returns those of mine that go through a member or are of it.
func (e *Edit) concerning(mine some, level int, key string) some {
	var set some
	for i, c := range e.changes {
		if mine&(1<<i) != 0 && c.path[level] == key {
			set |= 1 << i
		}
	}
	return set
}

// whole returns the change that gives a member its value, among those that
// concern it; nil where they change parts of it.
func (e *Edit) whole(mine some, level int) *change {
	if mine == 0 || len(e.changes[mine.last()].path) > level+1 {
		return nil
	}
	return &e.changes[mine.last()]
}

// adds tells whether those that concern a member which is absent make one.
func (e *Edit) adds(mine some, level int) bool {
	if c := e.whole(mine, level); c != nil {
		return c.value != nil
	}
	for i, c := range e.changes {
		if mine&(1<<i) != 0 && c.value != nil {
			return true
		}
	}
	return false
}

// splice copies the object that begins here with changes, whose paths lead
// from it on at level.
func (w *splicer) splice(mine some, level int) error {
	if w.peek() != '{' {
		return fmt.Errorf("member %q: %w", w.edit.changes[mine.last()].path[level], ErrNotObject)
	}
	o, err := w.openObject()
	if err != nil {
		return err
	}
	w.flush(w.pos)
	kept := false
	for left := mine; ; {
		from := w.pos // of the comma and space before the member
		key, more, err := w.member(&o)
		if err != nil {
			return err
		}
		if !more {
			return w.close(left, level, kept)
		}
		here := w.edit.concerning(mine, level, string(key))
		left &^= here
		if kept, err = w.change(here, level, from, kept); err != nil {
			return err
		}
	}
}

// change writes the member whose value begins here. From is where the comma
// before it stands; kept tells whether a member stands before it in dst.
func (w *splicer) change(here some, level, from int, kept bool) (bool, error) {
	whole := w.edit.whole(here, level)
	if whole != nil && whole.value == nil {
		if kept {
			w.flush(from)
		}
		return kept, w.leaveOut()
	}
	if !kept {
		w.copied = w.afterComma(from)
	}
	switch {
	case here == 0:
		return true, w.pass()
	case whole == nil:
		return true, w.splice(here, level+1)
	}
	w.flush(w.pos)
	w.dst = append(w.dst, whole.value...)
	return true, w.leaveOut()
}

// leaveOut passes over a value that won't be copied.
func (w *splicer) leaveOut() error {
	err := w.pass()
	w.copied = w.pos
	return err
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
func (w *splicer) close(left some, level int, kept bool) error {
	brace := w.pos - 1
	space := brace
	for space > w.copied && isSpace(w.data[space-1]) {
		space--
	}
	w.flush(space)
	for i, c := range w.edit.changes {
		if left&(1<<i) == 0 {
			continue
		}
		here := w.edit.concerning(left, level, c.path[level])
		left &^= here
		if !w.edit.adds(here, level) {
			continue
		}
		if kept {
			w.dst = append(w.dst, ',')
		}
		kept = true
		w.dst = append(AppendString(w.dst, c.path[level]), ':')
		if err := w.create(here, level); err != nil {
			return err
		}
	}
	w.flush(brace + 1)
	return nil
}

// create writes a member's value: what was set, or an object that is made to
// hold it.
func (w *splicer) create(here some, level int) error {
	if whole := w.edit.whole(here, level); whole != nil {
		w.dst = append(w.dst, whole.value...)
		return nil
	}
	made := splicer{scanner: newTrusting([]byte("{}")), edit: &Edit{changes: w.edit.changes}, dst: w.dst}
	err := made.splice(here, level+1)
	w.dst = made.dst
	return err
}

func (w *splicer) flush(to int) {
	w.dst = append(w.dst, w.data[w.copied:to]...)
	w.copied = to
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }
