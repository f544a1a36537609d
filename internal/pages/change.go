package pages

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// A Change is one field of a tool's definition that differs from the one
// that the last yes was given for.
type Change struct {
	Field   string // name, or path of names: inputSchema › properties › id
	Before  string // "" when Added
	After   string // "" when Removed
	Added   bool
	Removed bool
}

// The parts of a definition that its digest covers.
var definitionFields = []string{"name", "title", "description", "inputSchema", "outputSchema", "annotations"}

// Changes lists what differs between two definitions of a tool, as JSON. A
// definition that can't be read counts as one field without parts.
func Changes(before, after []byte) []Change {
	old, present := leaves(before), leaves(after)
	var all []Change
	for _, l := range present {
		was, ok := find(old, l.path)
		if !ok || was.text != l.text {
			all = append(all, Change{Field: l.path, Before: was.text, After: l.text, Added: !ok})
		}
	}
	for _, l := range old {
		if _, ok := find(present, l.path); !ok {
			all = append(all, Change{Field: l.path, Before: l.text, Removed: true})
		}
	}
	return all
}

// A leaf is a value of a definition that has no parts.
type leaf struct{ path, text string }

func find(all []leaf, path string) (leaf, bool) {
	i := slices.IndexFunc(all, func(l leaf) bool { return l.path == path })
	if i < 0 {
		return leaf{}, false
	}
	return all[i], true
}

func leaves(definition []byte) []leaf {
	if len(bytes.TrimSpace(definition)) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(definition, &fields) != nil {
		return []leaf{{"definition", string(definition)}}
	}
	var all []leaf
	for _, name := range definitionFields {
		if raw, ok := fields[name]; ok {
			all = readArguments(raw).leaves(all, name)
		}
	}
	return all
}

func (n node) leaves(all []leaf, path string) []leaf {
	if n.Kind == "array" && n.plain() {
		return append(all, leaf{path, n.list()})
	}
	if len(n.Nodes) == 0 {
		return append(all, leaf{path, n.written()})
	}
	for _, member := range n.Nodes {
		all = member.leaves(all, path+" › "+step(member.Name))
	}
	return all
}

// plain says whether an array holds no objects or arrays, so that it reads
// well as one list.
func (n node) plain() bool {
	return !slices.ContainsFunc(n.Nodes, func(m node) bool { return m.Kind == "object" || m.Kind == "array" })
}

func (n node) list() string {
	items := make([]string, len(n.Nodes))
	for i, m := range n.Nodes {
		items[i] = m.written()
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func (n node) written() string {
	switch n.Kind {
	case "object":
		return "{}"
	case "array":
		return "[]"
	case "string":
		return quote(n.Text)
	default:
		return n.Text
	}
}

// step is a name inside a path. One that could be taken for several is
// quoted, so that no field hides behind another's path.
func step(name string) string {
	if strings.ContainsAny(name, `›"\`) {
		return quote(name)
	}
	return name
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
