package config

import (
	"fmt"
	"strings"
)

// A report collects the problems of one file, and remembers where each key
// stands, so that rules between keys can name lines.
type report struct {
	file     string
	lines    map[string]int
	problems Problems
}

// at reports a problem on a line.
func (r *report) at(line int, path, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Path: path, Message: message})
}

// refuse reports a problem of the key at path, on its line, or on that of the
// nearest group around it where the key was left out.
func (r *report) refuse(path, format string, args ...any) {
	r.at(r.line(path), path, format, args...)
}

// has reports whether the file says something at path.
func (r *report) has(path string) bool { return r.lines[path] > 0 }

func (r *report) line(path string) int {
	for path != "" {
		if line := r.lines[path]; line > 0 {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 1
}

// under joins a group's path and a key.
func under(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// index is the path of an entry of a list.
func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
