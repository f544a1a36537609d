package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A Problem is one thing that is wrong with a file.
type Problem struct {
	// File as it was named to Load or Parse.
	File string
	// Line, from 1; 0 where the file as a whole is meant.
	Line int
	// Path of the key, like tools[2].approval.max_ttl, as the file writes it; empty
	// for the whole file.
	Path string
	// Message says what is wrong and what would be right. It never holds a secret.
	// Only String makes what it quotes printable.
	Message string
}

// String writes FILE:LINE: PATH: MESSAGE, in which nothing is left that a terminal
// would obey.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	return printable(b.String() + ": " + p.Message)
}

// printable writes what can't be seen as Go escapes.
func printable(text string) string {
	var b strings.Builder
	for _, c := range text {
		if unicode.IsPrint(c) {
			b.WriteRune(c)
			continue
		}
		quoted := strconv.QuoteRune(c)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// Problems is everything that is wrong with a file, by line. Load and Parse
// return it as their error; errors.As finds it.
type Problems []Problem

// Error writes one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted puts the problems in the order of the file and drops repetitions.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(ps)
}
