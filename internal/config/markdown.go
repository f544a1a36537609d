package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

//go:generate go test -run TestTheManual -update

const manualHead = `<!-- Made from the comments of internal/config; do not edit. Run: go generate ./internal/config -->
# The configuration file

YAML (or JSON, which is YAML). Durations are written like ` + "`90s` or `720h`, sizes like `4MiB`, rates like `10/m`" + `.
Unknown and repeated keys, anchors, tags and second documents are errors; every problem of a file is reported at once,
with line and path.

` + "`${NAME}` puts an environment variable into any value, `${file:/path}` what a file holds (less one line end);" + `
an unset variable or unreadable file is an error. ` + "`$${` stands for `${` itself." + ` What was put in is not expanded again
and no message repeats it.

` + "`ostiary config init` writes a starter, `ostiary config validate FILE` checks a file, `ostiary config schema` prints" + `
the JSON Schema for editors. What this version understands but does not do yet is refused when it is turned on.
`

// Markdown is the manual of the configuration file: docs/configuration.md.
func Markdown() []byte {
	m := manual{}
	m.WriteString(manualHead)
	m.group("", reflect.TypeFor[Config]())
	return []byte(m.String())
}

// A manual is being written, group by group, in the order of the file.
type manual struct{ strings.Builder }

// group writes the keys of a group, then the groups among them.
func (m *manual) group(path string, t reflect.Type) {
	var nested []field
	table := 0
	for _, f := range fieldsOf(t) {
		if groupOf(f.typ) != nil {
			nested = append(nested, f)
			continue
		}
		if table++; table == 1 {
			m.WriteString("\n| key | takes | default | |\n|---|---|---|---|\n")
		}
		fmt.Fprintf(m, "| `%s` | %s | %s | %s |\n", f.key, takes(f), defaultText(f), cell(describe(t.Name(), f)))
	}
	for _, f := range nested {
		at := under(path, f.key)
		if f.typ.Kind() == reflect.Slice {
			at += "[]"
		}
		fmt.Fprintf(m, "\n%s `%s`\n\n%s\n", strings.Repeat("#", min(2+strings.Count(at, "."), 4)), at, describe(t.Name(), f))
		m.group(at, groupOf(f.typ))
	}
}

// groupOf is the struct of a key that holds a group, or a list of groups.
func groupOf(t reflect.Type) reflect.Type {
	if isScalar(t) || t == reflect.TypeFor[RedirectURIs]() {
		return nil
	}
	if k := t.Kind(); k == reflect.Slice || k == reflect.Pointer {
		return groupOf(t.Elem())
	}
	if t.Kind() == reflect.Struct {
		return t
	}
	return nil
}

// takes says in a few words what may stand at a key.
func takes(f field) string {
	if f.typ == reflect.TypeFor[RedirectURIs]() {
		return "`loopback` or list"
	}
	if options := optionsOf(f.typ); options != nil {
		return optionText(options)
	}
	switch f.typ.Kind() {
	case reflect.Slice:
		if options := optionsOf(f.typ.Elem()); options != nil {
			return "list of " + optionText(options)
		}
		return "list"
	case reflect.Map:
		return "names and values"
	case reflect.Bool, reflect.Pointer:
		return pointerText(f.typ)
	}
	return scalarText(f.typ)
}

func pointerText(t reflect.Type) string {
	if t == reflect.TypeFor[*bool]() || t.Kind() == reflect.Bool {
		return "true, false"
	}
	return "URL"
}

func scalarText(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[Size]():
		return "size"
	case reflect.TypeFor[Rate]():
		return "rate"
	case secretType:
		return "secret"
	}
	if t.Kind() == reflect.Int {
		return "number"
	}
	return "text"
}

func optionText(options []string) string {
	return "`" + strings.Join(named(options), "`, `") + "`"
}

func defaultText(f field) string {
	if f.required && f.fallback == nil {
		return "*needed*"
	}
	data := string(defaultJSON(f))
	if data == "" || data == "[]" {
		return ""
	}
	return "`" + strings.Trim(data, `"`) + "`"
}

// cell keeps a bar from ending a table's cell.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
