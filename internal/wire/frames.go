package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A GarbageError is a line that is no message. The lines after it can be
// read all the same.
type GarbageError struct {
	Length  int    // of the line, in bytes
	Excerpt string // its beginning, quoted
	Err     error  // ErrSyntax or ErrTooLarge
}

func (e *GarbageError) Error() string {
	return fmt.Sprintf("line of %d bytes: %v: %s", e.Length, e.Err, e.Excerpt)
}

func (e *GarbageError) Unwrap() error { return e.Err }

// A FrameReader reads the messages of a stdio stream: JSON, one a line
// (2025-11-25, stdio: "Messages are delimited by newlines, and MUST NOT
// contain embedded newlines").
type FrameReader struct {
	in    *bufio.Reader
	limit int
	line  []byte
}

// NewFrameReader reads messages of at most limit bytes from r.
func NewFrameReader(r io.Reader, limit int) *FrameReader {
	return &FrameReader{in: bufio.NewReaderSize(r, streamBuffer), limit: limit}
}

// Next returns the next line that isn't blank; it is valid until the next
// call and begins like an object or array, which is all that is known of it.
// A line that doesn't is a GarbageError, as is one over the limit, of which
// no more than the limit is kept; call Next again. The end of the stream is
// io.EOF, in the middle of a line io.ErrUnexpectedEOF.
func (r *FrameReader) Next() ([]byte, error) {
	for {
		length, err := r.readLine()
		if err != nil {
			return nil, err
		}
		frame := bytes.Trim(r.line, " \t\r\n")
		switch {
		case length > r.limit:
			return nil, &GarbageError{length, excerpt(frame), ErrTooLarge}
		case len(frame) == 0:
			continue
		case frame[0] != '{' && frame[0] != '[':
			return nil, &GarbageError{length, excerpt(frame), ErrSyntax}
		}
		return frame, nil
	}
}

// readLine reads a line into r.line, up to the limit, and returns its true
// length without the newline.
func (r *FrameReader) readLine() (length int, err error) {
	r.line = emptied(r.line)
	for {
		part, err := r.in.ReadSlice('\n')
		full := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !full {
			return 0, r.ended(err, part)
		}
		if !full {
			part = part[:len(part)-1]
		}
		length += len(part)
		r.line = append(r.line, part[:min(len(part), r.limit-len(r.line))]...)
		if !full {
			return length, nil
		}
	}
}

func (r *FrameReader) ended(err error, part []byte) error {
	rest := append(r.line, part...)
	if errors.Is(err, io.EOF) && len(bytes.TrimSpace(rest)) > 0 {
		return fmt.Errorf("stream ends within a line: %s: %w", excerpt(rest), io.ErrUnexpectedEOF)
	}
	return err
}
