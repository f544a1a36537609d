package glob

import (
	"errors"
	"unicode"
	"unicode/utf8"
)

// ErrPattern is wrapped by the errors of Parse.
var ErrPattern = errors.New("not a pattern")

// A Glob is a pattern over names. The zero value matches no name but the empty
// one. A Glob may be compared, printed and used from any goroutine.
type Glob string

// Parse returns text as a pattern. It must return an error wrapping ErrPattern if
// text is empty, is no valid UTF-8 or holds control characters: such a pattern was
// not meant.
func Parse(text string) (Glob, error) {
	if text == "" || !utf8.ValidString(text) {
		return "", ErrPattern
	}
	for _, r := range text {
		if unicode.IsControl(r) {
			return "", ErrPattern
		}
	}
	return Glob(text), nil
}

// String returns the pattern as it was written.
func (g Glob) String() string { return string(g) }

// Match reports whether the whole of name is matched. It compares characters and
// not bytes, keeps one place to come back to, and so takes at most the product of
// both lengths, whatever the pattern.
func (g Glob) Match(name string) bool {
	pattern := string(g)
	rest, again := "", "" // after the last *: its pattern, the name from where it was tried
	starred := false
	for name != "" {
		if pattern != "" && pattern[0] == '*' {
			pattern = pattern[1:]
			rest, again, starred = pattern, name, true
			continue
		}
		if p, n, ok := step(pattern, name); ok {
			pattern, name = p, n
			continue
		}
		if !starred {
			return false
		}
		again = again[width(again):] // the last * takes one character more
		pattern, name = rest, again
	}
	return onlyStars(pattern)
}

// step takes one character off both if the pattern begins with ? or with the
// character that name begins with.
func step(pattern, name string) (string, string, bool) {
	if pattern == "" {
		return "", "", false
	}
	w := width(name)
	if pattern[0] == '?' {
		return pattern[1:], name[w:], true
	}
	if len(pattern) >= w && pattern[:w] == name[:w] {
		return pattern[w:], name[w:], true
	}
	return "", "", false
}

func width(s string) int {
	_, w := utf8.DecodeRuneInString(s)
	return w
}

func onlyStars(pattern string) bool {
	for i := range len(pattern) {
		if pattern[i] != '*' {
			return false
		}
	}
	return true
}
