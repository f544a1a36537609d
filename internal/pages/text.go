package pages

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A segment is a run of text that can be shown as it is, or a Mark that
// stands for one character that can't be seen.
type segment struct {
	Text string
	Mark bool
	Name string // what the mark stands for, in words
}

// segments cuts foreign text into what can be shown and marks for what
// can't: control, bidirectional, zero-width and other invisible characters,
// and bytes that are no UTF-8.
func segments(s string) []segment {
	var all []segment
	start := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		mark, hidden := markFor(r, s[i:i+size])
		if hidden {
			if start < i {
				all = append(all, segment{Text: s[start:i]})
			}
			all = append(all, mark)
			start = i + size
		}
		if r == '\n' || r == '\t' {
			start = i // behind its mark it still breaks the line
		}
		i += size
	}
	if start < len(s) {
		all = append(all, segment{Text: s[start:]})
	}
	return all
}

func markFor(r rune, raw string) (segment, bool) {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		return segment{fmt.Sprintf("⟨byte %02X⟩", raw[0]), true, "a byte that is no text"}, true
	case r == '\n':
		return segment{"↵", true, "line break"}, true
	case r == '\t':
		return segment{"⇥", true, "tab"}, true
	case visible(r):
		return segment{}, false
	}
	return segment{fmt.Sprintf("⟨U+%04X⟩", r), true, nameOf(r)}, true
}

// visible says whether a reader can see the character. unicode.IsPrint knows
// of controls, formats and spaces that aren't U+0020; the rest takes part in
// no picture of its own, or looks like nothing.
func visible(r rune) bool {
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		r != utf8.RuneError && r != brailleBlank
}

const brailleBlank = '\u2800'

func nameOf(r rune) string {
	if name, ok := hiddenNames[r]; ok {
		return name
	}
	switch {
	case unicode.Is(unicode.Bidi_Control, r):
		return "changes the direction of text"
	case unicode.IsControl(r):
		return "control character"
	case unicode.IsSpace(r):
		return "unusual space"
	case unicode.Is(unicode.Co, r):
		return "private character"
	}
	return "invisible character"
}

var hiddenNames = map[rune]string{
	0x0000: "null character",
	0x000D: "carriage return",
	0x001B: "escape character",
	0x00A0: "no-break space",
	0x00AD: "soft hyphen",
	0x200B: "zero-width space",
	0x200C: "zero-width non-joiner",
	0x200D: "zero-width joiner",
	0x202D: "left-to-right override",
	0x202E: "right-to-left override",
	0x2060: "word joiner",
	0xFEFF: "zero-width no-break space",
	0xFFFD: "stands for what was no text",
}

// A folded is a value and, where it is long, its beginning.
type folded struct {
	Text  string
	Head  string // "" when the whole is short enough to stand there
	Count int    // characters of the whole
}

// What a reader takes in at a glance.
const (
	foldRunes = 240
	headRunes = 120
	foldLines = 8
	nameRunes = 60
)

// fold prepares a value to be shown: whole when it is short, else its
// beginning and a way to the rest.
func fold(s string) folded {
	f := folded{Text: s, Count: utf8.RuneCountInString(s)}
	if f.Count > foldRunes || strings.Count(s, "\n") >= foldLines {
		f.Head = firstLine(first(s, headRunes))
	}
	return f
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line + "…"
}

// brief bounds a value that stands in the middle of a sentence, and says how
// much it left out.
func brief(s string) string { return bounded(s, nameRunes) }

func bounded(s string, limit int) string {
	count := utf8.RuneCountInString(s)
	if count <= limit {
		return s
	}
	return first(s, limit) + "… [" + plural(count-limit, "more character") + "]"
}

// first returns at most n runes from the start of s.
func first(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
