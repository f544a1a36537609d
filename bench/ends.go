package main

import "slices"

// endSize is how much is kept of either end of a body, in bytes.
const endSize = 4 << 10

// ends keeps the beginning and the end of what is written to it: a driver
// that held large results whole would measure its own memory. The zero value
// is ready.
type ends struct {
	head, tail []byte
}

func (e *ends) reset() { e.head, e.tail = e.head[:0], e.tail[:0] }

func (e *ends) Write(p []byte) (int, error) {
	n := len(p)
	fits := min(endSize-len(e.head), len(p))
	e.head, p = append(e.head, p[:fits]...), p[fits:]
	e.tail = append(e.tail, p[max(0, len(p)-endSize):]...)
	if over := len(e.tail) - endSize; over > 0 {
		e.tail = slices.Delete(e.tail, 0, over)
	}
	return n, nil
}

// bytes are valid until the next reset.
func (e *ends) bytes() []byte {
	if len(e.tail) == 0 {
		return e.head
	}
	return slices.Concat(e.head, e.tail)
}
