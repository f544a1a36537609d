package wire

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// readAll returns the events of a stream, with copies of their data, and the
// error that ended it.
func readAll(r *EventReader) ([]Event, error) {
	var all []Event
	for {
		e, err := r.Next()
		if err != nil {
			return all, err
		}
		e.Data = append([]byte{}, e.Data...)
		all = append(all, e)
	}
}

func data(text string) Event { return Event{Data: []byte(text)} }

func TestEventsAreReadAsTheStandardSays(t *testing.T) {
	for _, test := range []struct {
		name, in string
		want     []Event
		err      error
	}{
		{"one", "data: {}\n\n", []Event{data("{}")}, io.EOF},
		{"all fields", "event: message\nid: 7\nretry: 1500\ndata: x\n\n", []Event{{Name: "message", ID: "7", Data: []byte("x"), Retry: 1500 * time.Millisecond}}, io.EOF},
		{"no space", "data:x\n\n", []Event{data("x")}, io.EOF},
		{"two spaces", "data:  x \n\n", []Event{data(" x ")}, io.EOF},
		{"many lines", "data: a\ndata:\ndata: b\n\n", []Event{data("a\n\nb")}, io.EOF},
		{"CRLF", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", []Event{data("a\nb"), data("c")}, io.EOF},
		{"CR", "data: a\rdata: b\r\rdata: c\r\r", []Event{data("a\nb"), data("c")}, io.EOF},
		{"mixed", "data: a\r\ndata: b\n\rdata: c\r\n\n", []Event{data("a\nb"), data("c")}, io.EOF},
		{"comments", ": hello\n\n:\ndata: a\n: b\n\n", []Event{data("a")}, io.EOF},
		{"byte order mark", "\ufeffdata: a\n\n", []Event{data("a")}, io.EOF},
		{"byte order mark in the middle", "data: a\n\n\ufeffdata: b\n\ndata: c\n\n", []Event{data("a"), data("c")}, io.EOF},
		{"unknown field", "dada: x\ndata\n\n", []Event{data("")}, io.EOF},
		{"no data", "event: x\nid: 1\n\ndata: a\n\n", []Event{data("a")}, io.EOF},
		{"capitals", "Data: x\n\n", nil, io.EOF},
		{"retry that is none", "retry: 1s\nretry: -1\nretry:\ndata: a\n\n", []Event{data("a")}, io.EOF},
		{"retry without end", "retry: 4000000000\ndata: a\n\n", []Event{{Data: []byte("a"), Retry: 24 * time.Hour}}, io.EOF},
		{"id with NUL", "id: a\x00b\ndata: a\n\n", []Event{data("a")}, io.EOF},
		{"nothing", "", nil, io.EOF},
		{"blank lines", "\n\r\n\r\r\n", nil, io.EOF},
		{"no end of event", "data: a\n\ndata: b\n", []Event{data("a")}, io.ErrUnexpectedEOF},
		{"no end of line", "data: a\n\ndata: b", []Event{data("a")}, io.ErrUnexpectedEOF},
		{"long enough", "data: 0123456789\n\n", []Event{data("0123456789")}, io.EOF},
		{"long line", "data: " + strings.Repeat("x", 100) + "\n\n", nil, ErrTooLarge},
		{"long comment", ": " + strings.Repeat("x", 100) + "\n\n", nil, ErrTooLarge},
		{"line without end", strings.Repeat("x", 1_000_000), nil, ErrTooLarge},
		{"event without end", strings.Repeat("data: 0123456789\n", 10_000), nil, ErrTooLarge},
		{"empty lines without end", strings.Repeat("data\n", 10_000), nil, ErrTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(test.in), iotest.OneByteReader(strings.NewReader(test.in))} {
				got, err := readAll(NewEventReader(in, 32))
				if !errors.Is(err, test.err) {
					t.Errorf("ended by %v, want %v", err, test.err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestABrokenStreamStaysBroken(t *testing.T) {
	r := NewEventReader(strings.NewReader(strings.Repeat("data: 0123456789\n", 4)+"\ndata: a\n\n"), 32)
	for range 2 {
		if e, err := r.Next(); !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v, %v; want %v", e, err, ErrTooLarge)
		}
	}
	boom := errors.New("boom")
	r = NewEventReader(io.MultiReader(strings.NewReader("data: a\n\ndata: b\n"), iotest.ErrReader(boom)), 32)
	if got, err := readAll(r); len(got) != 1 || !errors.Is(err, boom) {
		t.Errorf("got %v, %v; want one event, then boom", got, err)
	}
}

func TestAnEventIsThereWhenItsBlankLineIs(t *testing.T) {
	out, in := io.Pipe()
	defer in.Close()
	go func() { _, _ = in.Write([]byte("data: a\r\r")) }()
	if e, err := NewEventReader(out, 32).Next(); err != nil || string(e.Data) != "a" {
		t.Errorf("got %s, %v; want a, without waiting for what may follow the \\r", e.Data, err)
	}
}

func TestAnEventComesBackAsItWasWritten(t *testing.T) {
	for _, want := range []Event{
		data(`{"a":1}`), data(""), data(" x"), data("{\n\"a\":1\n}"), data("a\n"),
		{Name: "endpoint", ID: "3", Data: []byte("/x"), Retry: 2 * time.Second},
	} {
		out, err := AppendEvent([]byte(": before\n"), want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewEventReader(strings.NewReader(string(AppendComment(out))), 1000).Next()
		got.Data = append([]byte{}, got.Data...)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("written as %q, read with %v (-want +got):\n%s", out, err, diff)
		}
	}
}

func TestAnEventCannotSmuggleLines(t *testing.T) {
	for _, e := range []Event{{Name: "a\ndata: x"}, {ID: "a\rb"}, {ID: "a\x00"}} {
		if out, err := AppendEvent(nil, e); err == nil || len(out) > 0 {
			t.Errorf("%+v was written as %q", e, out)
		}
	}
	out, err := AppendEvent(nil, data("a\r\n\r\nevent: b\rc"))
	if want := "data: a\ndata: \ndata: event: b\ndata: c\n\n"; err != nil || string(out) != want {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
}

// What is not ended by an empty line has not come.
func TestTheLastEventIsTheLastWholeOne(t *testing.T) {
	for text, want := range map[string]string{
		"id: 1\ndata: x\n\n":                             "1 0s",
		"id: 1\nretry: 250\n\n":                          "1 250ms",
		"id: 1\ndata: x\n\nid: 2\ndata: y":               "1 0s",
		"id: 1\ndata: x\n\n: c\n\ndata: y\n\n":           "1 0s",
		"id: 1\nretry: 9\ndata: x\n\nid: 2\ndata: y\n\n": "2 9ms",
		"id: a\x00b\ndata: x\n\n":                        " 0s",
		"":                                               " 0s",
	} {
		r := NewEventReader(strings.NewReader(text), 100)
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
		if id, retry := r.Last(); fmt.Sprint(id, " ", retry) != want {
			t.Errorf("%q: got %q, %v; want %s", text, id, retry, want)
		}
	}
}
