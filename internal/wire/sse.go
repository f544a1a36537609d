package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// An Event is one server-sent event (WHATWG HTML, section 9.2). A message is
// its Data.
type Event struct {
	Name  string // of the event; "" counts as "message"
	ID    string // of this event; "" when it has none
	Data  []byte
	Retry time.Duration // 0: not said
}

// AppendEvent appends an event as it goes over the wire. Line breaks in Data
// split it into several data lines, which a reader joins by \n: in JSON they
// stand between tokens only. Those in Name and ID have no such form and are
// an error.
func AppendEvent(dst []byte, e Event) ([]byte, error) {
	if strings.ContainsAny(e.Name, "\r\n") || strings.ContainsAny(e.ID, "\r\n\x00") {
		return dst, fmt.Errorf("write event: line break in name %q or id %q", e.Name, e.ID)
	}
	if e.Name != "" {
		dst = append(append(append(dst, "event: "...), e.Name...), '\n')
	}
	if e.ID != "" {
		dst = append(append(append(dst, "id: "...), e.ID...), '\n')
	}
	if e.Retry > 0 {
		dst = append(dst, "retry: "...)
		dst = append(strconv.AppendInt(dst, e.Retry.Milliseconds(), 10), '\n')
	}
	for data := e.Data; ; {
		line, rest, more := cutLine(data)
		dst = append(append(append(dst, "data: "...), line...), '\n')
		if !more {
			return append(dst, '\n'), nil
		}
		data = rest
	}
}

// AppendComment appends a line that readers ignore; it keeps a connection
// open.
func AppendComment(dst []byte) []byte { return append(dst, ":\n\n"...) }

// cutLine cuts data at its first line break, which is \r\n, \n or \r.
func cutLine(data []byte) (line, rest []byte, found bool) {
	i := lineBreak(data)
	if i < 0 {
		return data, nil, false
	}
	rest = data[i+1:]
	if data[i] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return data[:i], rest, true
}

func lineBreak(data []byte) int {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		return bytes.IndexByte(data, '\r')
	}
	if cr := bytes.IndexByte(data[:i], '\r'); cr >= 0 {
		return cr
	}
	return i
}

// An EventReader reads the events of a stream that somebody else writes.
type EventReader struct {
	in     *bufio.Reader
	limit  int
	line   []byte
	data   []byte
	skipLF bool // the line before ended in \r
	first  bool // nothing was read yet
	lastID string
	retry  time.Duration
	err    error
	most   int // of data in one piece; 0: no matter how much
	// What Read reads: the rest of an event that goes on, and of a line of it.
	open, cut bool
	late      Event
	ready     []byte
}

const (
	streamBuffer = 8 << 10
	keptBuffer   = 64 << 10 // what a quiet stream keeps after a large event
)

// NewEventReader reads events from r. Neither a line nor the data of one
// event may be longer than limit bytes.
func NewEventReader(r io.Reader, limit int) *EventReader {
	return &EventReader{in: bufio.NewReaderSize(r, streamBuffer), limit: limit, first: true}
}

// Next returns the next event that has data; others only end lines. Data is
// valid until the next call. The end of the stream is io.EOF, in the middle
// of an event io.ErrUnexpectedEOF: such an event is dropped. An event over
// the limit is ErrTooLarge. After an error Next returns it again.
func (r *EventReader) Next() (Event, error) {
	if r.err != nil {
		return Event{}, r.err
	}
	e, err := r.event()
	if err != nil {
		r.err = err
		return Event{}, err
	}
	return e, nil
}

func (r *EventReader) event() (Event, error) {
	var e Event
	begun, hasData := false, false
	r.data = emptied(r.data)
	for {
		line, err := r.readLine()
		switch {
		case errors.Is(err, io.EOF) && (begun || len(line) > 0):
			return e, fmt.Errorf("read event: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return e, err
		case len(line) > 0:
			begun = true
			if hasData, err = r.field(&e, line, hasData); err != nil {
				return e, err
			}
			if r.cut || r.exceeds(len(r.data)) {
				return r.leaveOpen(e), nil
			}
		case hasData:
			r.passed(e)
			e.Data = r.data
			return e, nil
		default:
			r.passed(e)
			e, begun = Event{}, false
		}
	}
}

// passed remembers where the stream could be taken up again.
func (r *EventReader) passed(e Event) {
	if e.ID != "" {
		r.lastID = e.ID
	}
	if e.Retry > 0 {
		r.retry = e.Retry
	}
}

// Last returns the id of the last whole event that had one, whether or not it
// had data, and how long the writer asked to wait before the stream is taken
// up again behind it; "" and 0 where it said nothing.
func (r *EventReader) Last() (id string, retry time.Duration) { return r.lastID, r.retry }

// field reads one line: "name: value", with at most one space dropped.
func (r *EventReader) field(e *Event, line []byte, hasData bool) (bool, error) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		e.Name = string(value)
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			e.ID = string(value)
		}
	case "retry":
		e.Retry = retry(value)
	case "data":
		if len(r.data)+len(value) >= r.limit {
			return hasData, fmt.Errorf("read event: over %d bytes: %w", r.limit, ErrTooLarge)
		}
		if hasData {
			r.data = append(r.data, '\n')
		}
		r.data = append(r.data, value...)
		return true, nil
	}
	return hasData, nil // comments and fields that we don't know
}

// retry reads milliseconds, digits only; whatever else is ignored. A wish
// for more than a day counts as a day.
func retry(value []byte) time.Duration {
	ms, err := strconv.ParseUint(string(value), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(ms)*time.Millisecond, 24*time.Hour)
}

// readLine returns the next line without its end. At the end of the stream
// it returns what stands behind the last line, with io.EOF.
func (r *EventReader) readLine() ([]byte, error) {
	r.line, r.cut = emptied(r.line), false
	for {
		if _, err := r.in.Peek(1); err != nil {
			return r.line, err
		}
		chunk, _ := r.in.Peek(r.in.Buffered())
		if r.skipLF && chunk[0] == '\n' {
			chunk = chunk[1:]
			_, _ = r.in.Discard(1) // it is there
		}
		r.skipLF = false
		end := lineBreak(chunk)
		take := len(chunk)
		if end >= 0 {
			take = end
		}
		if len(r.line)+take > r.limit {
			return nil, fmt.Errorf("read event: line over %d bytes: %w", r.limit, ErrTooLarge)
		}
		r.line = append(r.line, chunk[:take]...)
		if end < 0 {
			_, _ = r.in.Discard(take)
			if r.cut = r.mayCut(); r.cut {
				return r.withoutMark(), nil
			}
			continue
		}
		r.skipLF = chunk[end] == '\r'
		_, _ = r.in.Discard(end + 1)
		return r.withoutMark(), nil
	}
}

func emptied(buffer []byte) []byte {
	if cap(buffer) > keptBuffer {
		return nil
	}
	return buffer[:0]
}

// withoutMark drops the byte order mark that a stream may begin with.
func (r *EventReader) withoutMark() []byte {
	line := r.line
	if r.first {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	r.first = false
	return line
}
