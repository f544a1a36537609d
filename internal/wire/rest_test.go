package wire

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// rested reads a stream as who takes at most so many bytes at once.
func rested(t *testing.T, raw string, most int, rest func(io.Reader) io.Reader) (all []string, ids string, err error) {
	t.Helper()
	r := NewEventReader(rest(strings.NewReader(raw)), 2*streamBuffer)
	for {
		e, more, err := r.NextUpTo(most)
		if err != nil {
			id, _ := r.Last()
			return all, id, err
		}
		data := string(e.Data)
		if more {
			if len(data) <= most {
				t.Errorf("got %q; want more than %d bytes at once", data, most)
			}
			tail, err := io.ReadAll(iotest.HalfReader(r))
			if err != nil {
				return all, "", err
			}
			data += string(tail)
		}
		all = append(all, data)
	}
}

var streams = []string{
	"data: abcdefghijklmnopqrstuvwxyz\n\ndata: short\n\n",
	"id: 1\nevent: message\ndata:  two spaces, and a long line\nretry: 5\ndata\ndata:\ndata: x\n: comment\nid: 2\n\n",
	"data: {\"a\":\r\ndata: 1}\r\n\r\ndata:x\r\rdata: abcdefghi\r\r",
	"data:\ndata:\ndata:\ndata:\ndata:\ndata:\ndata:\n\n: nothing\n\nid: 7\n\n",
	"\xef\xbb\xbfdata: abcdefghijkl\ndata: mnop\n\n",
	"data: " + strings.Repeat("0123456789", 50) + "\n\nevent: other\ndata: abcdefghijklmnop\n\n",
}

func TestALargeEventIsReadPieceByPieceAsWhole(t *testing.T) {
	for _, raw := range streams {
		want, wantID, _ := rested(t, raw, 0, pieces["whole"])
		for how, rest := range pieces {
			for most := 1; most < 40; most++ {
				got, id, err := rested(t, strings.Replace(raw, "event: other\n", "", 1), most, rest)
				if !errors.Is(err, io.EOF) || strings.Join(got, "|") != strings.Join(want, "|") || id != wantID {
					t.Fatalf("%q, %s, %d at once: got %q, id %q, %v; want %q, id %q", raw, how, most, got, id, err, want, wantID)
				}
			}
		}
	}
}

func TestAnEventThatBreaksOffIsNoWhole(t *testing.T) {
	for _, raw := range []string{"data: abcdefghijklmnop", "data: abcdefghijklmnop\n", "data: abcdefghijklmnop\ndata: x", "data: abcdefghijklmnop\nid: 7\n"} {
		for how, rest := range pieces {
			if _, _, err := rested(t, raw, 5, rest); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q, %s: got %v; want an unexpected end", raw, how, err)
			}
		}
	}
	if _, _, err := rested(t, "data: abcdefghijklmnop\nevent: other\n\n", 5, pieces["whole"]); !errors.Is(err, ErrSyntax) {
		t.Errorf("got %v for an event that is none in the end; want an error", err)
	}
}

func TestTheRestOfAnEventHasNoLimit(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	got, _, err := rested(t, "data: "+long+"\n\n", 100, pieces["whole"])
	if !errors.Is(err, io.EOF) || len(got) != 1 || got[0] != long {
		t.Errorf("got %d events, %v; want the long one", len(got), err)
	}
	if _, _, err := rested(t, "data: "+long+"\n\n", 0, pieces["whole"]); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v at once; want too large", err)
	}
}
