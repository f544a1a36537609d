package wire

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// object is an open object. Its keys are s.keys[base:], where each is a hash
// of 32 bits and the offset of the key in data. The hash is seeded anew in
// every process, so that nobody can send keys that collide.
type object struct {
	base    int
	started bool
}

var keySeed = maphash.MakeSeed()

// fewKeys is how many keys are compared each with each; more are sorted when
// the object ends.
const fewKeys = 12

func (s *scanner) object() error {
	o, err := s.openObject()
	if err != nil {
		return err
	}
	for {
		_, more, err := s.member(&o)
		if err != nil || !more {
			return err
		}
		if err := s.value(); err != nil {
			return err
		}
	}
}

func (s *scanner) openObject() (object, error) {
	if s.peek() != '{' {
		return object{}, s.unexpected("an object")
	}
	return object{base: len(s.keys)}, s.enter()
}

// member goes to the next member of o, returns its key and stands before its
// value, or behind the object when there are no more. The key is decoded.
func (s *scanner) member(o *object) (key []byte, more bool, err error) {
	b := s.peek()
	if b == '}' && !o.started {
		return nil, false, s.leave(o)
	}
	if o.started {
		switch b {
		case '}':
			return nil, false, s.leave(o)
		case ',':
			s.pos++
		default:
			return nil, false, s.unexpected("',' or '}'")
		}
	}
	o.started = true
	key, err = s.key(o)
	return key, err == nil, err
}

func (s *scanner) key(o *object) ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.unexpected("a key")
	}
	at := s.pos
	escaped, err := s.str()
	if err != nil {
		return nil, err
	}
	key := decodeText(s.data[at:s.pos], escaped)
	if s.strict {
		if err := s.unique(o, key, at); err != nil {
			return nil, err
		}
	}
	if s.peek() != ':' {
		return nil, s.unexpected("':'")
	}
	s.pos++
	s.peek()
	return key, nil
}

// unique remembers a key of o and, while there are few, refuses one that was
// there before.
func (s *scanner) unique(o *object, key []byte, at int) error {
	hash := maphash.Bytes(keySeed, key) << 32
	open := s.keys[o.base:]
	if len(open) < fewKeys {
		for _, k := range open {
			if k&^offsetMask == hash && bytes.Equal(s.keyAt(k), key) {
				return s.duplicate(at)
			}
		}
	}
	s.keys = append(s.keys, hash|uint64(at))
	return nil
}

const offsetMask = 1<<32 - 1

// leave closes o. Of many keys the same ones now stand side by side.
func (s *scanner) leave(o *object) error {
	s.pos++
	s.depth--
	open := s.keys[o.base:]
	s.keys = s.keys[:o.base]
	if len(open) <= fewKeys {
		return nil
	}
	slices.Sort(open)
	for i, k := range open {
		for _, next := range open[i+1:] {
			if next&^offsetMask != k&^offsetMask {
				break
			}
			if bytes.Equal(s.keyAt(k), s.keyAt(next)) {
				return s.duplicate(int(next & offsetMask))
			}
		}
	}
	return nil
}

// keyAt decodes a key that was passed before.
func (s *scanner) keyAt(k uint64) []byte {
	again := scanner{data: s.data, pos: int(k & offsetMask)}
	from := again.pos
	escaped, err := again.str()
	if err != nil {
		return nil
	}
	return decodeText(s.data[from:again.pos], escaped)
}

func (s *scanner) duplicate(at int) error {
	end := scanner{data: s.data, pos: at}
	_, _ = end.str() // it was read before
	return s.fail(ErrDuplicateKey, at, excerpt(s.data[at+1:end.pos-1]))
}
