package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// Schema is the JSON Schema (2020-12) of the configuration file, for editors. It
// knows keys and forms; rules between keys are Parse's alone.
func Schema() []byte {
	s := groupSchema(reflect.TypeFor[Config]())
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "Ostiary configuration"
	s.Defs = definitions()
	compact, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("write schema: %v", err))
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		panic(fmt.Sprintf("write schema: %v", err))
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// definitions are the forms that many keys share.
func definitions() map[string]*jsonschema.Schema {
	text := func(pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: pattern}
	}
	var zero any = 0
	off := &jsonschema.Schema{Const: &zero}
	return map[string]*jsonschema.Schema{
		"expanded": text(`\$\{`),
		"duration": either(text(`^(0|([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+)$`), off),
		"size":     either(text(`^[0-9]+(B|KiB|MiB|GiB)?$`), &jsonschema.Schema{Type: "integer"}),
		"rate":     either(text(`^(0|[0-9]+/[smh])$`), off),
	}
}

func either(forms ...*jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: forms}
}

func reference(name string) *jsonschema.Schema {
	return &jsonschema.Schema{Ref: "#/$defs/" + name}
}

func groupSchema(t reflect.Type) *jsonschema.Schema {
	s := &jsonschema.Schema{
		Type:                 "object",
		Properties:           map[string]*jsonschema.Schema{},
		AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}, // false
	}
	for _, f := range fieldsOf(t) {
		s.Properties[f.key] = keySchema(t, f)
		s.PropertyOrder = append(s.PropertyOrder, f.key)
		if f.required && f.fallback == nil {
			s.Required = append(s.Required, f.key)
		}
	}
	return s
}

func keySchema(group reflect.Type, f field) *jsonschema.Schema {
	s := typeSchema(f.typ)
	if f.typ.Kind() == reflect.Int {
		least, err := strconv.ParseFloat(f.min, 64)
		if err == nil {
			s.Minimum = &least
		}
	}
	if f.pattern != nil {
		s.Pattern = f.pattern.String()
	}
	if isScalar(f.typ) {
		s = orExpanded(s)
	}
	s.Description = describe(group.Name(), f)
	s.Default = defaultJSON(f)
	return s
}

// orExpanded takes ${…} as well, where it is not text like any other.
func orExpanded(s *jsonschema.Schema) *jsonschema.Schema {
	if plainText(s) {
		return s
	}
	return either(s, reference("expanded"))
}

func plainText(s *jsonschema.Schema) bool {
	return s.Type == "string" && s.Pattern == "" && s.Enum == nil
}

func typeSchema(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return reference("duration")
	case reflect.TypeFor[Size]():
		return reference("size")
	case reflect.TypeFor[Rate]():
		return reference("rate")
	case reflect.TypeFor[*bool]():
		return &jsonschema.Schema{Type: "boolean"}
	case reflect.TypeFor[RedirectURIs]():
		var loopback any = "loopback"
		return either(&jsonschema.Schema{Const: &loopback}, reference("expanded"), typeSchema(reflect.TypeFor[[]string]()))
	case reflect.TypeFor[APIKey]():
		return either(&jsonschema.Schema{Type: "string"}, groupSchema(t))
	}
	if isScalar(t) {
		return scalarSchema(t)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeSchema(t.Elem())
	case reflect.Slice:
		items := typeSchema(t.Elem())
		if isScalar(t.Elem()) {
			items = orExpanded(items)
		}
		return &jsonschema.Schema{Type: "array", Items: items}
	case reflect.Map:
		return &jsonschema.Schema{Type: "object", AdditionalProperties: typeSchema(t.Elem())}
	case reflect.Struct:
		return groupSchema(t)
	}
	return &jsonschema.Schema{} // claims: anything
}

func scalarSchema(t reflect.Type) *jsonschema.Schema {
	switch t.Kind() {
	case reflect.Bool:
		return &jsonschema.Schema{Type: "boolean"}
	case reflect.Int:
		return &jsonschema.Schema{Type: "integer"}
	}
	s := &jsonschema.Schema{Type: "string"}
	for _, option := range optionsOf(t) {
		s.Enum = append(s.Enum, option)
	}
	return s
}

// optionsOf lists what an enumeration takes, else nothing.
func optionsOf(t reflect.Type) []string {
	if e, ok := reflect.Zero(t).Interface().(interface{ options() []string }); ok {
		return e.options()
	}
	return nil
}

// defaultJSON is a key's default, or nothing where that is the zero value of a
// list or group.
func defaultJSON(f field) json.RawMessage {
	var value any
	switch {
	case f.fallback != nil:
		if err := f.fallback.Decode(&value); err != nil {
			panic(fmt.Sprintf("default of %s: %v", f.name, err))
		}
	case f.required || f.typ.Kind() == reflect.Pointer:
		return nil
	case f.typ.Kind() == reflect.Bool:
		value = false
	case f.typ.Kind() == reflect.Slice:
		value = []any{}
	default:
		return nil
	}
	data, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("default of %s: %v", f.name, err))
	}
	return data
}
