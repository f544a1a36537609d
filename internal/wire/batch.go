package wire

import "fmt"

// maxBatch bounds how many messages one body may hold.
const maxBatch = 100

// ParseBatch reads the messages of a batch, which only revision 2025-03-26
// has ("Implementations MAY support sending JSON-RPC batches, but MUST
// support receiving"). Each is parsed as Parse does, and its Body is its own
// part of the body. One that is wrong spoils the whole: nothing of it may
// run. An empty batch is wrong too (JSON-RPC 2.0 section 6).
func ParseBatch(body []byte) ([]Message, error) {
	if err := Check(body); err != nil {
		return nil, err
	}
	elements, err := elements(body)
	if err != nil {
		return nil, err
	}
	if n := len(elements); n == 0 || n > maxBatch {
		return nil, &ParseError{Err: ErrEnvelope, Detail: fmt.Sprintf("a batch of %d messages, want 1 to %d", n, maxBatch), Path: "$"}
	}
	batch := make([]Message, len(elements))
	for i, element := range elements {
		if batch[i], err = Parse(element); err != nil {
			return nil, fmt.Errorf("message %d of the batch: %w", i, err)
		}
	}
	return batch, nil
}

// elements returns the values of an array that was checked before.
func elements(raw []byte) ([][]byte, error) {
	s := newTrusting(raw)
	if s.peek() != '[' {
		return nil, s.unexpected("an array")
	}
	a, err := s.openArray()
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for {
		more, err := s.element(&a)
		if err != nil || !more {
			return all, err
		}
		span, err := s.span()
		if err != nil {
			return nil, err
		}
		all = append(all, span)
	}
}
