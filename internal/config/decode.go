package config

import (
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A decoder writes a tree into structs. It goes on after a problem, so that one
// run reports them all.
type decoder struct {
	env    Env
	report *report
}

// decodeRoot fills config; root may be nil, for an empty file.
func (d *decoder) decodeRoot(root *yaml.Node, config *Config) {
	if root == nil {
		root = &yaml.Node{Kind: yaml.MappingNode, Line: 1}
	}
	d.decode(root, "", reflect.ValueOf(config).Elem(), field{})
}

// A customDecoder reads a form that its type alone does not tell.
type customDecoder interface {
	decodeNode(d *decoder, n *yaml.Node, path string)
}

// decode writes n into the value v of the key at path; f is the struct field that
// says what is allowed there.
func (d *decoder) decode(n *yaml.Node, path string, v reflect.Value, f field) {
	d.mark(path, n)
	if custom, ok := v.Addr().Interface().(customDecoder); ok {
		custom.decodeNode(d, n, path)
		return
	}
	if read, ok := scalars[v.Type()]; ok {
		d.decodeScalar(n, path, v, f, read)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.decodeStruct(n, path, v)
	case reflect.Pointer:
		if !isNull(n) {
			v.Set(reflect.New(v.Type().Elem()))
			d.decode(n, path, v.Elem(), f)
		}
	case reflect.Slice:
		d.decodeList(n, path, v, f)
	case reflect.Map:
		d.decodeMap(n, path, v, f)
	case reflect.Interface:
		if value := d.plain(n, path); value != nil {
			v.Set(reflect.ValueOf(value))
		}
	default:
		d.decodeScalar(n, path, v, f, readerOf(v.Type()))
	}
}

// mark remembers where list entries stand; keys were remembered by checkMapping,
// on the line of the key, which may be above that of its value.
func (d *decoder) mark(path string, n *yaml.Node) {
	if strings.HasSuffix(path, "]") && d.report.lines[path] == 0 {
		d.report.lines[path] = n.Line
	}
}

func (d *decoder) decodeStruct(n *yaml.Node, path string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	if n.Kind != yaml.MappingNode && !isNull(n) {
		d.report.at(n.Line, path, "must be a group of keys (%s)", keyList(fields))
		n = &yaml.Node{Kind: yaml.MappingNode, Line: n.Line} // its defaults, so that nothing else is reported
	}
	given := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if !slices.ContainsFunc(fields, func(f field) bool { return f.key == key.Value }) {
			d.report.at(key.Line, under(path, key.Value), "is not a key here%s", suggest(key.Value, fields))
			continue
		}
		given[key.Value] = n.Content[i+1]
	}
	for _, f := range fields {
		d.decodeField(n, path, v.FieldByIndex(f.index), f, given[f.key])
	}
}

// decodeField writes one key of a group, or its default where it was left out. In
// an entry of a list an empty group is refused: there it is more likely that its
// keys were forgotten, and what an entry of tools does not name protects nothing.
func (d *decoder) decodeField(group *yaml.Node, path string, v reflect.Value, f field, n *yaml.Node) {
	at := under(path, f.key)
	broken := d.report.broken[at]
	switch {
	case n != nil && !broken && isNull(n) && (isScalar(v.Type()) || strings.Contains(at, "[")):
		d.report.at(d.report.line(at), at, emptyValue, emptyForm(v.Type()))
	case n != nil && !broken && !isNull(n):
		d.decodeGiven(n, at, v, f)
	case f.fallback != nil:
		d.decode(f.fallback, at, v, f)
	case f.required:
		if !broken {
			d.report.at(group.Line, at, "is missing")
		}
	case v.Kind() == reflect.Struct && len(fieldsOf(v.Type())) > 0:
		d.decode(&yaml.Node{Kind: yaml.MappingNode, Line: d.report.line(at)}, at, v, f)
	}
}

// decodeGiven leaves the default in the place of a value that is refused, so that
// rules between keys do not report its absence as well.
func (d *decoder) decodeGiven(n *yaml.Node, path string, v reflect.Value, f field) {
	before := len(d.report.problems)
	d.decode(n, path, v, f)
	if refused := len(d.report.problems) > before; refused && f.fallback != nil && isScalar(v.Type()) {
		d.decode(f.fallback, path, v, f)
	}
}

func (d *decoder) decodeList(n *yaml.Node, path string, v reflect.Value, f field) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.report.at(n.Line, path, "must be a list")
		return
	}
	if f.required && len(n.Content) == 0 {
		d.report.at(n.Line, path, "must not be empty")
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, child := range n.Content {
		if at := index(path, i); !d.report.broken[at] {
			d.decode(child, at, list.Index(i), field{})
		}
	}
	v.Set(list)
}

func (d *decoder) decodeMap(n *yaml.Node, path string, v reflect.Value, f field) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.report.at(n.Line, path, "must be a group of names and values")
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Content)/2))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if d.report.broken[under(path, key)] {
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		d.decode(n.Content[i+1], under(path, key), value, field{})
		v.SetMapIndex(reflect.ValueOf(key), value)
	}
}

// emptyForm is what is written at a key of type t to say nothing on purpose.
func emptyForm(t reflect.Type) string {
	switch {
	case isScalar(t):
		return `""`
	case t.Kind() == reflect.Slice:
		return "[]"
	}
	return "{}"
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// keyList names the keys of a group, the first few of many.
func keyList(fields []field) string {
	keys := make([]string, 0, 6)
	for _, f := range fields {
		if len(keys) == 5 {
			keys = append(keys, "…")
			break
		}
		keys = append(keys, f.key)
	}
	return strings.Join(keys, ", ")
}
