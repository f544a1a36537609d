package connect

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A tomlKey is a name that a file of TOML gives a value or table to.
type tomlKey struct {
	path  []string // from the root
	table bool     // a [table]; else a value, or an array of tables
}

// A tomlReader reads as much of TOML as nobody can read in two ways, and fails
// at the rest: what is written into a file that was not understood may make it
// unreadable to the program whose it is.
type tomlReader struct {
	text string // that is still to be read
	line int
	keys []tomlKey
}

// readTOML returns the keys of a file.
func readTOML(file string) ([]tomlKey, error) {
	r := &tomlReader{text: strings.ReplaceAll(file, "\r\n", "\n"), line: 1}
	if !utf8.ValidString(file) {
		return nil, fmt.Errorf("%w: it is not UTF-8", ErrOwnForm)
	}
	var table []string
	for r.blank(true); r.text != ""; r.blank(true) {
		path, ok := r.statement(table)
		r.blank(false)
		if !ok || r.text != "" && r.text[0] != '\n' {
			return nil, fmt.Errorf("%w: line %d is not of a form that we know", ErrOwnForm, r.line)
		}
		if path != nil {
			table = path
		}
	}
	return r.keys, nil
}

// statement is a [table], whose path it returns, or a key with its value.
func (r *tomlReader) statement(table []string) (path []string, ok bool) {
	var open, end string
	switch {
	case strings.HasPrefix(r.text, "[["):
		open, end = "[[", "]]"
	case strings.HasPrefix(r.text, "["):
		open, end = "[", "]"
	default:
		return nil, r.pair(table)
	}
	r.text = r.text[len(open):]
	path, ok = r.path()
	r.keys = append(r.keys, tomlKey{path, open == "["})
	return path, ok && r.take(end)
}

func (r *tomlReader) pair(table []string) bool {
	path, ok := r.path()
	if !ok || !r.take("=") {
		return false
	}
	r.keys = append(r.keys, tomlKey{slices.Concat(table, path), false})
	r.blank(false)
	return r.value()
}

// path is a key, dotted maybe.
func (r *tomlReader) path() (path []string, ok bool) {
	for {
		r.blank(false)
		part := r.match(tomlBare)
		if part == "" {
			if part = r.match(tomlQuoted); part == "" {
				return nil, false
			}
			part = part[1 : len(part)-1]
		}
		path = append(path, part)
		r.blank(false)
		if !r.take(".") {
			return path, true
		}
	}
}

var (
	tomlBare   = regexp.MustCompile(`^[A-Za-z0-9_-]+`)
	tomlQuoted = regexp.MustCompile(`^("[^"\\\n]+"|'[^'\n]+')`)
	tomlString = regexp.MustCompile(`^("([^"\\\n]|\\[^\n])*"|'[^'\n]*')`)
	tomlPlain  = regexp.MustCompile(`^(true|false|\d{4}-\d\d-\d\d(T[0-9:.]+(Z|[+-]\d\d:\d\d)?)?|[+-]?\d+(_\d+)*(\.\d+)?)`)
)

func (r *tomlReader) value() bool {
	switch {
	case strings.HasPrefix(r.text, `"""`), strings.HasPrefix(r.text, `'''`):
		return false
	case r.take("["):
		return r.items("]", true, r.value)
	case r.take("{"):
		return r.items("}", false, r.inline)
	}
	return r.match(tomlString) != "" || r.match(tomlPlain) != ""
}

// inline reads a pair of a table in braces, whose keys are nobody else's.
func (r *tomlReader) inline() bool {
	keys := r.keys
	ok := r.pair(nil)
	r.keys = keys
	return ok
}

// items are parted by commas; the last one may have one, too, in lists.
func (r *tomlReader) items(end string, lines bool, item func() bool) bool {
	for first := true; ; first = false {
		r.blank(lines)
		if (first || lines) && r.take(end) {
			return true
		}
		if !item() {
			return false
		}
		r.blank(lines)
		if r.take(end) {
			return true
		}
		if !r.take(",") {
			return false
		}
	}
}

// blank passes over spaces and comments, and line ends where lines says so.
func (r *tomlReader) blank(lines bool) {
	for r.text != "" {
		switch c := r.text[0]; {
		case c == ' ', c == '\t':
			r.text = r.text[1:]
		case c == '#':
			_, rest, more := strings.Cut(r.text, "\n")
			r.text = rest
			if more {
				r.text = "\n" + rest
			}
		case c == '\n' && lines:
			r.text, r.line = r.text[1:], r.line+1
		default:
			return
		}
	}
}

func (r *tomlReader) take(word string) bool {
	rest, ok := strings.CutPrefix(r.text, word)
	r.text = rest
	return ok
}

func (r *tomlReader) match(form *regexp.Regexp) string {
	found := form.FindString(r.text)
	r.text = r.text[len(found):]
	return found
}
