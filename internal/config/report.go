package config

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// A report collects the problems of one file, and remembers where each key
// stands, so that rules between keys can name lines.
type report struct {
	file     string
	lines    map[string]int
	broken   map[string]bool // keys whose value could not be read
	problems Problems
	hidden   []string // what came from the environment; no message repeats it
}

func newReport(file string) *report {
	return &report{file: file, lines: map[string]int{}, broken: map[string]bool{}}
}

// at reports a value that can't be read.
func (r *report) at(line int, path, format string, args ...any) {
	r.broken[path] = true
	r.add(line, path, format, args...)
}

// refuse reports a rule that the key at path breaks, on its line, or on that of
// the nearest group around it where the key was left out. Of what could not be
// read there is nothing more to say.
func (r *report) refuse(path, format string, args ...any) {
	for at := path; at != ""; at = around(at) {
		if r.broken[at] {
			return
		}
	}
	r.add(r.line(path), path, format, args...)
}

func (r *report) add(line int, path, format string, args ...any) {
	message := r.conceal(fmt.Sprintf(format, args...))
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Path: path, Message: message})
}

// hide keeps a value out of messages: a secret may have been put at a key that is
// none.
func (r *report) hide(value string) {
	const tooShort = 4 // to be a secret, and not to be any word's part
	if len(value) >= tooShort {
		r.hidden = append(r.hidden, value)
	}
}

func (r *report) conceal(message string) string {
	for _, value := range r.hidden {
		quoted := strconv.Quote(value)
		message = strings.ReplaceAll(message, quoted[1:len(quoted)-1], "${…}")
		message = strings.ReplaceAll(message, value, "${…}")
	}
	return message
}

// has reports whether the file says something at path.
func (r *report) has(path string) bool { return r.lines[path] > 0 }

func (r *report) line(path string) int {
	for ; path != ""; path = around(path) {
		if line := r.lines[path]; line > 0 {
			return line
		}
	}
	return 1
}

// around is the path of the group or list that a key or entry stands in.
func around(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// under joins a group's path and a key.
func under(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// index is the path of an entry of a list.
func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// children yields the keys that the file has in the group at path.
func (r *report) children(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for at := range r.lines {
			key, below := strings.CutPrefix(at, path+".")
			if below && !strings.ContainsAny(key, ".[") && !yield(key) {
				return
			}
		}
	}
}
