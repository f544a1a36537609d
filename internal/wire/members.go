package wire

// Names returns the keys of an object, which was checked before, in its
// order. What is no object has none.
func Names(raw []byte) []string {
	s := newTrusting(raw)
	if s.peek() != '{' {
		return nil
	}
	o, err := s.openObject()
	var names []string
	for err == nil {
		var key []byte
		var more bool
		if key, more, err = s.member(&o); err != nil || !more {
			break
		}
		names = append(names, string(key))
		err = s.value()
	}
	return names
}
