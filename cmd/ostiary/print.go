package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"
)

// printJSON writes one value, indented.
func printJSON(w io.Writer, v any) error { return writeJSON(w, v, "  ") }

// printLine writes one value on a line of its own.
func printLine(w io.Writer, v any) error { return writeJSON(w, v, "") }

func writeJSON(w io.Writer, v any, indent string) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(plainJSON(text.Bytes()))
	return err
}

// plainJSON is the same JSON without anything that a terminal would obey or
// hide. Such characters stand in texts only, where \u says the same.
func plainJSON(raw []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(raw) {
		if r == '\n' || shows(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.Bytes()
}

// A plainWriter writes lines of JSON as plainJSON has them.
type plainWriter struct {
	io.Writer
	line []byte // what is not whole yet
}

func (w *plainWriter) Write(p []byte) (int, error) {
	w.line = append(w.line, p...)
	end := bytes.LastIndexByte(w.line, '\n') + 1
	if _, err := w.Writer.Write(plainJSON(w.line[:end])); err != nil {
		return 0, err
	}
	w.line = w.line[end:]
	return len(p), nil
}

// printItems writes a list, as JSON or in columns.
func printItems[T any](p *program, asJSON bool, items []T, heading string, cells func(T) []string) error {
	if asJSON {
		return printJSON(p.stdout, append([]T{}, items...)) // no items are [], not null
	}
	rows := make([][]string, len(items))
	for i, item := range items {
		rows[i] = cells(item)
	}
	return printTable(p.stdout, heading, rows)
}

// printTable writes rows under a heading, in columns. What stands in cells
// may come from agents: control characters are shown, not sent to the
// terminal.
func printTable(w io.Writer, heading string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(strings.Fields(heading), "\t"))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = visible(cell)
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// say writes to standard output, warn to standard error. A text may have
// lines; whatever else a terminal would obey is shown. Of what comes from
// elsewhere the lines, too, are to be made visible first.
func (p *program) say(format string, args ...any) { _ = tell(p.stdout, format, args...) }

func (p *program) warn(format string, args ...any) { _ = tell(p.stderr, format, args...) }

func tell(w io.Writer, format string, args ...any) error {
	lines := strings.Split(fmt.Sprintf(format, args...), "\n")
	for i := range lines {
		lines[i] = visible(lines[i])
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// visible shows what a terminal would obey or hide.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		if shows(r) {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, "⟨U+%04X⟩", r)
	}
	return b.String()
}

func shows(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.Is(unicode.Bidi_Control, r) && (r == ' ' || !unicode.IsSpace(r))
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func whenOr(t *time.Time, otherwise string) string {
	if t == nil {
		return otherwise
	}
	return when(*t)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
