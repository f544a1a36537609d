package wire

import "bytes"

// Lookup returns the member of an object that path leads to, as it stands
// there: JSON without the space around it. It finds nothing where raw is not
// JSON, a part of the path is absent, or what should hold it is no object.
// raw must have been checked: of two members with one key it would return
// the first. An empty path leads to raw itself.
func Lookup(raw []byte, path ...string) (span []byte, ok bool) {
	s := newTrusting(raw)
	for _, name := range path {
		if s.peek() != '{' || !s.find(name) {
			return nil, false
		}
	}
	span, err := s.span()
	return span, err == nil
}

// find goes to the value of a member of the object that begins here.
func (s *scanner) find(name string) bool {
	o, err := s.openObject()
	for err == nil {
		var key []byte
		var more bool
		if key, more, err = s.member(&o); err != nil || !more {
			return false
		}
		if string(key) == name {
			return true
		}
		err = s.value()
	}
	return false
}

// LookupText returns the text of a string member; of what is no string, not
// ok.
func LookupText(raw []byte, path ...string) (text string, ok bool) {
	span, ok := Lookup(raw, path...)
	if !ok {
		return "", false
	}
	return Text(span)
}

// IsObject tells whether raw, which was checked before, is an object.
func IsObject(raw []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")) }
