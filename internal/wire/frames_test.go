package wire

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestFramesAreReadLineByLine(t *testing.T) {
	in := "\n{\"a\":1}\r\n  \t\n[1]\n" + // two messages between blank lines
		"npm WARN something\n" + strings.Repeat("{x", 20_000) + "\n\xff\n" + // garbage
		` {"b":2}` + "\n"
	want := []string{`{"a":1}`, `[1]`, "garbage: npm WARN something", "garbage: {x{x", "garbage: ÿ", `{"b":2}`}
	for _, reader := range []io.Reader{strings.NewReader(in), iotest.HalfReader(strings.NewReader(in)), iotest.DataErrReader(strings.NewReader(in))} {
		var got []string
		r := NewFrameReader(reader, 1000)
		for {
			frame, err := r.Next()
			var garbage *GarbageError
			if errors.As(err, &garbage) {
				got = append(got, "garbage: "+garbage.Excerpt)
				continue
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("ended by %v, want %v", err, io.EOF)
				}
				break
			}
			got = append(got, string(frame))
		}
		want[2], want[3], want[4] = `garbage: "npm WARN something"`, fmt.Sprintf("garbage: %q…", strings.Repeat("{x", 30)), `garbage: "\xff"`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("frames (-want +got):\n%s", diff)
		}
	}
}

func TestALongLineCostsItsLimitAndNoMore(t *testing.T) {
	const length = 10_000_000
	r := NewFrameReader(io.MultiReader(io.LimitReader(letters{}, length), strings.NewReader("\n{}\n")), 5000)
	var garbage *GarbageError
	if _, err := r.Next(); !errors.As(err, &garbage) || !errors.Is(err, ErrTooLarge) || garbage.Length != length {
		t.Errorf("got %v, want %v and %d bytes", err, ErrTooLarge, length)
	}
	if cap(r.line) > 20_000 {
		t.Errorf("%d bytes were kept", cap(r.line))
	}
	if frame, err := r.Next(); err != nil || string(frame) != "{}" {
		t.Errorf("then got %s, %v; want {}", frame, err)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '{'
	}
	return len(p), nil
}

func TestAFrameOfTheLimitIsRead(t *testing.T) {
	for length, ok := range map[int]bool{8: true, 9: false} {
		line := "{" + strings.Repeat(" ", length-2) + "}\n"
		if _, err := NewFrameReader(strings.NewReader(line), 8).Next(); (err == nil) != ok {
			t.Errorf("%d bytes with a limit of 8: %v", length, err)
		}
	}
}

func TestAStreamThatEndsWithinALineSaysSo(t *testing.T) {
	for in, want := range map[string]error{`{"a":`: io.ErrUnexpectedEOF, "": io.EOF, " \t": io.EOF, "{}\n{}": nil} {
		if _, err := NewFrameReader(strings.NewReader(in), 100).Next(); !errors.Is(err, want) {
			t.Errorf("%q ends by %v, want %v", in, err, want)
		}
	}
	boom := errors.New("boom")
	if _, err := NewFrameReader(iotest.ErrReader(boom), 100).Next(); !errors.Is(err, boom) {
		t.Errorf("got %v, want boom", err)
	}
}
