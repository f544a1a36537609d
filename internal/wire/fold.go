package wire

import (
	"bytes"
	"unicode/utf8"

	"github.com/ostiary/ostiary"
)

// Known holds the keys that somebody will read from an object, and from the
// objects inside it. A key that is not one of them but becomes one when case
// is folded is a twin: we would pass over it, and another reader of the same
// bytes (encoding/json, for one) would take it for ours. Nil knows nothing.
//
// Folding is Unicode's simple case folding, as encoding/json does it, so
// that K (the Kelvin sign) is k and ſ is s; full width forms of ASCII count
// as ASCII. Other compatibility forms, such as ligatures, need tables which
// the standard library doesn't have, and no JSON reader known to us folds
// them.
//
// Add before use; afterwards a Known may be used concurrently.
type Known struct {
	exact    map[string][]string // by folded name
	prefixes []string            // of names that belong to somebody whole
	below    map[string]*Known   // by exact name
	rest     *Known              // under all other names
	each     *Known              // in the elements, where it is an array
}

// NewKnown returns a Known of these names in the outermost object.
func NewKnown(names ...string) *Known {
	k := &Known{}
	for _, name := range names {
		k.Add(name)
	}
	return k
}

// Add makes a name known, and with more than one part of a path the names
// on the way to it.
func (k *Known) Add(path ...string) {
	for _, name := range path {
		k.add(name)
		k = k.at(name)
	}
}

func (k *Known) add(name string) {
	if k.exact == nil {
		k.exact = map[string][]string{}
	}
	folded := string(appendFolded(nil, []byte(name)))
	for _, known := range k.exact[folded] {
		if known == name {
			return
		}
	}
	k.exact[folded] = append(k.exact[folded], name)
}

func (k *Known) at(name string) *Known {
	if k.below == nil {
		k.below = map[string]*Known{}
	}
	if k.below[name] == nil {
		k.below[name] = &Known{}
	}
	return k.below[name]
}

// inside returns what is known of the object under key.
func (k *Known) inside(key []byte) *Known {
	if k == nil {
		return nil
	}
	if below := k.below[string(key)]; below != nil {
		return below
	}
	return k.rest
}

// twin returns the known name that key is a twin of.
func (k *Known) twin(key []byte) (name string, is bool) {
	if k == nil || len(k.exact)+len(k.prefixes) == 0 {
		return "", false
	}
	var room [64]byte
	folded := appendFolded(room[:0], key)
	names := k.exact[string(folded)]
	for _, name := range names {
		if name == string(key) {
			return "", false
		}
	}
	if len(names) > 0 {
		return names[0], true
	}
	for _, prefix := range k.prefixes {
		if hasFolded(folded, prefix) && !bytes.HasPrefix(key, []byte(prefix)) {
			return prefix, true
		}
	}
	return "", false
}

func hasFolded(folded []byte, prefix string) bool {
	var room [64]byte
	return bytes.HasPrefix(folded, appendFolded(room[:0], []byte(prefix)))
}

// CheckTwins refuses twins of the known keys in raw, which was checked
// before. It looks into objects and arrays on the known paths only. What is
// no object has no keys.
func CheckTwins(raw []byte, known *Known) error {
	s := newTrusting(raw)
	if known == nil || s.peek() != '{' {
		return nil
	}
	return s.twins(known)
}

// twinsBelow passes over a value that known may tell of.
func (s *scanner) twinsBelow(known *Known) error {
	if known == nil {
		return s.value()
	}
	switch b := s.peek(); {
	case b == '{':
		return s.twins(known)
	case b == '[' && known.each != nil:
		return s.twinsInEach(known.each)
	}
	return s.value()
}

func (s *scanner) twinsInEach(known *Known) error {
	a, err := s.openArray()
	for err == nil {
		var more bool
		if more, err = s.element(&a); err != nil || !more {
			return err
		}
		err = s.twinsBelow(known)
	}
	return err
}

func (s *scanner) twins(known *Known) error {
	o, err := s.openObject()
	for err == nil {
		var key []byte
		var more bool
		if key, more, err = s.member(&o); err != nil || !more {
			return err
		}
		if name, is := known.twin(key); is {
			return s.twin(key, name)
		}
		err = s.twinsBelow(known.inside(key))
	}
	return err
}

// twin is the error for a key that was just passed.
func (s *scanner) twin(key []byte, name string) error {
	return s.fail(ErrTwinKey, s.pos, excerpt(key)+" for "+excerpt([]byte(name)))
}

func appendFolded(dst, key []byte) []byte {
	for i := 0; i < len(key); {
		if c := key[i]; c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(key[i:])
		dst = utf8.AppendRune(dst, ostiary.FoldRune(r))
		i += size
	}
	return dst
}
