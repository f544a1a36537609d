package wire

import (
	"bytes"
	"fmt"
	"math"
	"unicode/utf8"
)

// maxDepth is how many objects and arrays may stand inside each other in
// what is read strictly; replyDepth in the rest of what servers answer,
// which is carried and not decided on.
const (
	maxDepth   = 64
	replyDepth = 512
)

// Check reads one JSON value strictly and returns nil when there is nothing
// to object to. Errors are ParseErrors.
func Check(raw []byte) error {
	s, err := newScanner(raw, nil)
	if err != nil {
		return err
	}
	if err := s.value(); err != nil {
		return err
	}
	return s.end()
}

// A scanner passes over JSON once, from left to right, and answers where
// values stand. It keeps the keys of the objects that are open and nothing
// else.
type scanner struct {
	data   []byte
	pos    int
	depth  int
	strict bool     // unique keys, whole characters, few levels
	keys   []uint64 // of all open objects, see keys.go
}

// newScanner begins a strict scan of data. The room is for keys; most
// messages need no more than the caller's stack can lend.
func newScanner(data []byte, room []uint64) (scanner, error) {
	s := scanner{data: data, strict: true, keys: room}
	if len(data) > math.MaxUint32 {
		return s, s.fail(ErrTooLarge, 0, "")
	}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return s, s.fail(ErrSyntax, 0, "byte order mark")
	}
	if !utf8.Valid(data) {
		return s, s.fail(ErrUnicode, invalidUTF8(data), "invalid UTF-8")
	}
	return s, nil
}

// newTrusting begins a scan of what was checked before, or of what is only
// carried: grammar is all that is asked.
func newTrusting(data []byte) scanner { return scanner{data: data} }

func (s *scanner) fail(what error, at int, detail string) error {
	return &ParseError{Err: what, Detail: detail, Offset: at, Path: pathTo(s.data, at)}
}

// peek skips white space and returns the byte that begins what comes next,
// 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch b := s.data[s.pos]; b {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return b
		}
	}
	return 0
}

// end refuses whatever follows the value.
func (s *scanner) end() error {
	if s.peek(); s.pos < len(s.data) {
		return s.fail(ErrSyntax, s.pos, "data after the end")
	}
	return nil
}

func (s *scanner) unexpected(want string) error {
	if s.pos >= len(s.data) {
		return s.fail(ErrSyntax, s.pos, "ends where "+want+" should be")
	}
	r, _ := utf8.DecodeRune(s.data[s.pos:])
	return s.fail(ErrSyntax, s.pos, fmt.Sprintf("%q where %s should be", r, want))
}

// value passes over one value.
func (s *scanner) value() error {
	switch b := s.peek(); b {
	case '{':
		return s.object()
	case '[':
		return s.array()
	case '"':
		_, err := s.str()
		return err
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

// span passes over one value and returns it without the space around it.
func (s *scanner) span() ([]byte, error) {
	s.peek()
	from := s.pos
	if err := s.value(); err != nil {
		return nil, err
	}
	return s.data[from:s.pos:s.pos], nil
}

func (s *scanner) word(w string) error {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(w)) {
		return s.unexpected("a value")
	}
	s.pos += len(w)
	return nil
}

func (s *scanner) enter() error {
	limit := replyDepth
	if s.strict {
		limit = maxDepth
	}
	if s.depth++; s.depth > limit {
		return s.fail(ErrDepth, s.pos, fmt.Sprintf("over %d levels", limit))
	}
	s.pos++
	return nil
}

func (s *scanner) array() error {
	a, err := s.openArray()
	if err != nil {
		return err
	}
	for {
		more, err := s.element(&a)
		if err != nil || !more {
			return err
		}
		if err := s.value(); err != nil {
			return err
		}
	}
}

// array is an open array.
type array struct{ started bool }

func (s *scanner) openArray() (array, error) { return array{}, s.enter() }

// element goes to the next element of a and stands before it, or behind the
// array when there are no more.
func (s *scanner) element(a *array) (more bool, err error) {
	switch b := s.peek(); {
	case b == ']':
		s.pos++
		s.depth--
		return false, nil
	case !a.started:
		a.started = true
		return true, nil
	case b == ',':
		s.pos++
		return true, nil // a value, or whoever reads it will say
	}
	return false, s.unexpected("',' or ']'")
}

// number passes over a number token: RFC 8259 section 6, to the letter.
func (s *scanner) number() error {
	start := s.pos
	s.skip('-')
	switch {
	case s.skip('0'), s.digits():
	case s.pos == start:
		return s.unexpected("a value")
	default:
		return s.unexpected("a digit")
	}
	if s.skip('.') && !s.digits() {
		return s.unexpected("a digit")
	}
	if s.skip('e') || s.skip('E') {
		if !s.skip('+') {
			s.skip('-')
		}
		if !s.digits() {
			return s.unexpected("a digit")
		}
	}
	return nil
}

func (s *scanner) skip(b byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == b {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos]-'0' <= 9 {
		s.pos++
	}
	return s.pos > start
}

// invalidUTF8 returns where the first byte stands that begins no character.
func invalidUTF8(data []byte) int {
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}
