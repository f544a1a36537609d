package wire

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
)

// HeadSize is how much of a response is looked at, in bytes, before it is
// known whether it can be passed on while it comes. Smaller ones are not worth
// it.
const HeadSize = 64 << 10

// maxMembers bounds how many members such a result may have.
const maxMembers = 64 << 10

// maxTail bounds what stands behind the result in a response.
const maxTail = HeadSize

// A Passage is a response with a large result, which is passed on while it
// comes: checked as far as it goes out, changed at its top level, never held
// whole. It is not safe for concurrent use.
type Passage struct {
	in     io.Reader
	accept func(Message) error
	out    io.Writer
	read   int64 // bytes of the message so far

	// What was read and is not yet passed on is buf[from:pos]; what stands
	// in buf[pos:end] was not looked at.
	buf            []byte
	from, pos, end int

	prefix  []byte // of the message, before the result
	walker  walker
	edits   []*memberEdit
	holding bool
	held    []byte // of a value that is changed, where it comes in pieces
	limit   int    // of held

	members map[uint64]struct{} // of the result so far, as hashes
	text    utf8Text
}

// A memberEdit changes one member of the result.
type memberEdit struct {
	key  string
	seen bool
	edit func(value []byte) ([]byte, error)
}

// OpenPassage looks at the head of a response whose rest is still to be read.
// What is no such response, or will not be one, is not ok, and nothing was
// read of rest. accept is asked, in the end or sooner, whether the message is
// the answer that is waited for; its Result is then {}. Values that are
// changed may be limit bytes long. The head belongs to the Passage.
func OpenPassage(head []byte, rest io.Reader, limit int64, accept func(Message) error) (*Passage, bool) {
	at, ok := resultIn(head)
	if !ok {
		return nil, false
	}
	var w walker
	if _, over, wrong := w.walk(head[at:]); over || wrong != nil {
		return nil, false
	}
	p := &Passage{in: rest, accept: accept, read: int64(len(head)), buf: head, from: at, pos: at, end: len(head), prefix: bytes.Clone(head[:at]), limit: int(limit)}
	if m, err := ParseReply(append(bytes.Clone(p.prefix), "{}}"...)); err == nil && accept(m) != nil {
		return nil, false // the id stands before the result
	}
	p.members = map[uint64]struct{}{}
	return p, p.text.goesOn(head)
}

// resultIn returns where the result of a response begins, which must be an
// object.
func resultIn(head []byte) (at int, ok bool) {
	s := newTrusting(head)
	o, err := s.openObject()
	for err == nil {
		key, more, err := s.member(&o)
		if err != nil || !more {
			return 0, false
		}
		switch string(key) {
		case "result":
			return s.pos, s.peek() == '{'
		case "error", "method", "params":
			return 0, false
		}
		if s.value() != nil {
			return 0, false
		}
	}
	return 0, false
}

// Text returns the text of a member of the result, as far as the head goes.
// Call it before Copy.
func (p *Passage) Text(key string) (text string, ok bool) {
	return LookupText(p.buf[p.pos:p.end], key)
}

// Names returns the keys of the result, as far as the head goes. Call it
// before Copy.
func (p *Passage) Names() []string { return Names(p.buf[p.pos:p.end]) }

// Edit has Copy put what edit makes of a member of the result in its place.
// It gets nil for a member that is absent, and makes nil of it to leave it
// so.
func (p *Passage) Edit(key string, edit func(value []byte) ([]byte, error)) {
	p.edits = append(p.edits, &memberEdit{key: key, edit: edit})
}

// Bytes returns how many of the message were read so far.
func (p *Passage) Bytes() int64 { return p.read }

// Copy writes the result to dst while it is read. Nothing reaches dst that
// was not checked. Without an error the whole message was read, and is good;
// with one the result has not come to its end in dst. Errors are those of
// reading, of dst, of accept, ParseErrors and ErrTooLarge.
func (p *Passage) Copy(dst io.Writer) error {
	p.out = dst
	if err := p.object(); err != nil {
		return err
	}
	tail, err := p.tail()
	if err != nil {
		return err
	}
	m, err := ParseReply(append(append(p.prefix, "{}"...), tail...))
	if err != nil {
		return err
	}
	if m.Flaw != nil {
		return m.Flaw
	}
	if err := p.accept(m); err != nil {
		return err
	}
	_, err = dst.Write([]byte{'}'}) // of the result
	return err
}

// object passes on the result, but for its closing brace.
func (p *Passage) object() error {
	p.pos++
	for members := 0; ; members++ {
		b, err := p.peek()
		if err == nil && b == '}' {
			return p.close(members > 0)
		}
		if err == nil && members > 0 {
			if b != ',' {
				return p.wrong(0, ErrSyntax, "',' or '}'")
			}
			p.pos++
			b, err = p.peek()
		}
		switch {
		case err != nil:
			return err
		case b != '"':
			return p.wrong(0, ErrSyntax, "a key")
		}
		if err := p.member(); err != nil {
			return err
		}
	}
}

// close adds what was absent, and passes over the brace.
func (p *Passage) close(more bool) error {
	if err := p.flush(); err != nil {
		return err
	}
	for _, e := range p.edits {
		if e.seen {
			continue
		}
		value, err := e.edit(nil)
		if err != nil {
			return err
		}
		if value == nil {
			continue
		}
		var added []byte
		if more {
			added = append(added, ',')
		}
		added = append(AppendString(added, e.key), ':')
		if _, err := p.out.Write(append(added, value...)); err != nil {
			return err
		}
		more = true
	}
	p.pos++
	p.from = p.pos
	return nil
}

func (p *Passage) member() error {
	token, inside, err := p.token()
	if err != nil {
		return err
	}
	s := scanner{data: token, strict: true}
	escaped, err := s.str()
	if err != nil {
		return p.wrong(0, ErrUnicode, "whole characters in a key")
	}
	key := decodeText(token, escaped)
	if err := p.unique(key); err != nil {
		return err
	}
	e := p.editOf(key)
	if err := p.replace(token, token, inside); err != nil {
		return err
	}
	b, err := p.peek()
	if err != nil {
		return err
	}
	if b != ':' {
		return p.wrong(0, ErrSyntax, "':'")
	}
	p.pos++
	if _, err := p.peek(); err != nil {
		return err
	}
	if e == nil {
		return p.skip()
	}
	return p.change(e)
}

// unique refuses a member that was there before: it has gone out.
func (p *Passage) unique(key []byte) error {
	hash := maphash.Bytes(keySeed, key)
	if _, twice := p.members[hash]; twice {
		return p.wrong(0, ErrDuplicateKey, excerpt(key)+" once")
	}
	if len(p.members) == maxMembers {
		return fmt.Errorf("over %d members: %w", maxMembers, ErrTooLarge)
	}
	p.members[hash] = struct{}{}
	return nil
}

func (p *Passage) editOf(key []byte) *memberEdit {
	for _, e := range p.edits {
		if e.key == string(key) {
			return e
		}
	}
	return nil
}

func (p *Passage) change(e *memberEdit) error {
	e.seen = true
	old, inside, err := p.token()
	if err != nil {
		return err
	}
	value, err := e.edit(old)
	if err != nil {
		return err
	}
	return p.replace(old, value, inside)
}

// token returns the value that begins here, whole. Where it is inside the
// buffer, it still stands there to be passed on.
func (p *Passage) token() (raw []byte, inside bool, err error) {
	p.begin()
	n, over, wrong := p.walker.walk(p.buf[p.pos:p.end])
	if wrong != nil {
		return nil, false, p.wrong(wrong.at, wrong.err, wrong.wants)
	}
	if over {
		return p.buf[p.pos : p.pos+n], true, nil
	}
	if err := p.flush(); err != nil {
		return nil, false, err
	}
	p.holding, p.held = true, p.held[:0]
	p.pos = p.end
	err = p.goOn()
	p.held = append(p.held, p.buf[p.from:p.pos]...)
	p.holding, p.from = false, p.pos
	return p.held, false, err
}

// replace passes on a value in the place of a token.
func (p *Passage) replace(token, value []byte, inside bool) error {
	if inside && bytes.Equal(token, value) {
		p.pos += len(token)
		return nil
	}
	if inside {
		if err := p.flush(); err != nil {
			return err
		}
		p.pos += len(token)
		p.from = p.pos
	}
	_, err := p.out.Write(value)
	return err
}

// skip passes on the value that begins here.
func (p *Passage) skip() error {
	p.begin()
	n, over, wrong := p.walker.walk(p.buf[p.pos:p.end])
	if wrong != nil {
		return p.wrong(wrong.at, wrong.err, wrong.wants)
	}
	p.pos += n
	if over {
		return nil
	}
	return p.goOn()
}

// begin makes the walker one of a new value.
func (p *Passage) begin() { p.walker = walker{open: p.walker.open[:0]} }

// goOn goes to the end of the value under way.
func (p *Passage) goOn() error {
	for {
		if err := p.refill(); err != nil {
			return err
		}
		n, over, wrong := p.walker.walk(p.buf[p.pos:p.end])
		if wrong != nil {
			return p.wrong(wrong.at, wrong.err, wrong.wants)
		}
		p.pos += n
		if over {
			return nil
		}
	}
}

// peek passes over space and returns the byte behind it.
func (p *Passage) peek() (byte, error) {
	for {
		for ; p.pos < p.end; p.pos++ {
			if b := p.buf[p.pos]; !isSpace(b) {
				return b, nil
			}
		}
		if err := p.refill(); err != nil {
			return 0, err
		}
	}
}

// refill reads on, once everything that was read was looked at.
func (p *Passage) refill() error {
	if err := p.flush(); err != nil {
		return err
	}
	n, err := p.in.Read(p.buf)
	p.from, p.pos, p.end = 0, 0, n
	p.read += int64(n)
	switch {
	case !p.text.goesOn(p.buf[:n]):
		return p.wrong(0, ErrUnicode, "UTF-8 from here on")
	case n > 0 || err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return fmt.Errorf("read the answer: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("read the answer: %w", err)
}

// flush passes on what was looked at, or holds it.
func (p *Passage) flush() error {
	ready := p.buf[p.from:p.pos]
	p.from = p.pos
	if len(ready) == 0 {
		return nil
	}
	if !p.holding {
		_, err := p.out.Write(ready)
		return err
	}
	if len(p.held)+len(ready) > p.limit {
		return fmt.Errorf("a member of over %d bytes: %w", p.limit, ErrTooLarge)
	}
	p.held = append(p.held, ready...)
	return nil
}

// tail reads what stands behind the result.
func (p *Passage) tail() ([]byte, error) {
	tail := bytes.Clone(p.buf[p.pos:p.end])
	more, err := io.ReadAll(io.LimitReader(p.in, maxTail+1-int64(len(tail))))
	p.read += int64(len(more))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if tail = append(tail, more...); len(tail) > maxTail {
		return nil, fmt.Errorf("over %d bytes behind the result: %w", maxTail, ErrTooLarge)
	}
	return tail, nil
}

// wrong is an error at a byte that comes so much later.
func (p *Passage) wrong(later int, what error, wants string) error {
	at := p.read - int64(p.end) + int64(p.pos+later)
	return &ParseError{Err: what, Detail: "want " + wants, Offset: int(at), Path: "$.result"}
}
