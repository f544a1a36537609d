package wire

import (
	"strings"
	"testing"
)

// walked passes over a value in pieces of some bytes and says where it ended;
// -1 for an error, or none.
func walked(raw string, piece int) int {
	var w walker
	for at := 0; at < len(raw); at += piece {
		n, over, wrong := w.walk([]byte(raw[at:min(at+piece, len(raw))]))
		if wrong != nil {
			return -1
		}
		if over {
			return at + n
		}
	}
	return -1
}

// scanned says the same of a value that is held whole, and followed by
// something.
func scanned(raw string) int {
	s := newTrusting([]byte(raw))
	s.depth = enclosing
	s.peek()
	if err := s.value(); err != nil || s.pos == len(raw) && !strings.ContainsAny(raw[len(raw)-1:], `"}]el`) {
		return -1
	}
	return s.pos
}

var walks = []string{
	`0,`, `-0,`, `-,`, `01,`, `00,`, `1,`, `12345678901234567890123,`, `1.,`, `1.5,`, `1.5e,`, `1.5e+,`, `1.5e+7,`, `1E-07]`, `0.0e0}`, `0e0 `, `.5,`, `+1,`, `1e5.5,`, `--1,`, `0x1,`, `1_,`,
	`true,`, `truE,`, `false}`, `null]`, `nul,`, `nulll`, `True,`, `t`, `""`, `"a"`, `"a`, `"\"`, `"\\"`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\ud800"`, `"\u00e9\/\b\f\n\r\t\""`, "\"\n\"", "\"\x00\"", "\"\x1f\"", "\"\x7f\xff\"",
	`[]`, `[ ]`, `[1]`, `[1,]`, `[,1]`, `[1 2]`, `[1,2`, `[}`, `{]`, `{}`, `{ }`, `{"a":1}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":1,"a":2}`, `{"a":{"b":[{"c":null}]}}`,
	` 	` + "\r\n" + `{ "a" : [ 1 , "x" , { } ] } `, `[1]]`, `{}}`, `[[[]]`, `,`, `:`, `}`, `]`, `"a":1`, `[1e]`, `[-]`, `[0.]`, `[tru]`, `{"a":tru}`, "\v1,", "1\v", "\ufeff1,",
}

func TestAWalkGoesWhereAScanGoes(t *testing.T) {
	deep := replyDepth - enclosing
	all := append([]string{strings.Repeat("[", deep) + strings.Repeat("]", deep), strings.Repeat(`{"a":`, deep) + "1" + strings.Repeat("}", deep), strings.Repeat("[", deep+1) + strings.Repeat("]", deep+1)}, walks...)
	for _, raw := range all {
		want := scanned(raw)
		for _, piece := range []int{1, 2, 3, 7, 1 << 20} {
			if got := walked(raw, piece); got != want {
				t.Errorf("%.60q in pieces of %d: ended at %d; want %d", raw, piece, got, want)
			}
		}
	}
}

func FuzzWalk(f *testing.F) {
	for _, raw := range walks {
		f.Add(raw, 3)
	}
	f.Fuzz(func(t *testing.T, raw string, piece int) {
		if raw == "" || piece < 1 {
			return
		}
		if got, want := walked(raw, piece), scanned(raw); got != want {
			t.Errorf("%q in pieces of %d: ended at %d; want %d", raw, piece, got, want)
		}
	})
}

func TestAWalkThatCantGoOnSaysWhatShouldStandThere(t *testing.T) {
	for raw, want := range map[string]string{
		`{a`: "a key", `{"a" 1`: "':'", `{"a":}`: "a value", `[1 2`: "',' or an end", `[1}`: "',' or an end", `{"a":1,}`: "a key", "\"\n": "no control character",
		`"\x`: "a known escape", `"\u12g`: "a hex digit", `-x`: "a digit", `1.x`: "a digit", `1ex`: "a digit", `trx`: "a value", `[1,]`: "a value",
	} {
		var w walker
		n, _, wrong := w.walk([]byte(raw))
		if wrong == nil || wrong.wants != want || wrong.at != n {
			t.Errorf("%q: got %+v at %d; want %s", raw, wrong, n, want)
		}
	}
}
