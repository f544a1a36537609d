package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// A field is what a struct field's tags say of a key.
type field struct {
	key      string
	name     string // of the Go field, for its comment
	index    []int
	typ      reflect.Type
	required bool
	min      string
	pattern  *regexp.Regexp
	fallback *yaml.Node // the default; nil where it is the zero value
}

var fieldCache sync.Map // of reflect.Type to []field

// fieldsOf lists the keys of a group. It panics on a bad tag: that is a mistake in
// this package, and its tests load every struct.
func fieldsOf(t reflect.Type) []field {
	if cached, ok := fieldCache.Load(t); ok {
		return cached.([]field)
	}
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		key, tagged := f.Tag.Lookup("yaml")
		if !tagged || key == "-" {
			continue
		}
		fields = append(fields, newField(key, f))
	}
	fieldCache.Store(t, fields)
	return fields
}

func newField(key string, f reflect.StructField) field {
	return field{
		key:      key,
		name:     f.Name,
		index:    f.Index,
		typ:      f.Type,
		required: f.Tag.Get("required") == "true",
		min:      f.Tag.Get("min"),
		pattern:  patternOf(f.Tag.Get("pattern")),
		fallback: fallbackOf(f),
	}
}

func patternOf(tag string) *regexp.Regexp {
	if tag == "" {
		return nil
	}
	return regexp.MustCompile(tag)
}

// fallbackOf reads a default as text where the key is one, so that no default
// needs quotes, else as YAML.
func fallbackOf(f reflect.StructField) *yaml.Node {
	text, ok := f.Tag.Lookup("default")
	if !ok {
		return nil
	}
	if wantsText(f.Type) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		panic(fmt.Sprintf("default of %s: %v", f.Name, err))
	}
	return document.Content[0]
}

// suggest names the key that was probably meant.
func suggest(key string, fields []field) string {
	for _, f := range fields {
		if fold(f.key) == fold(key) {
			return fmt.Sprintf(" (did you mean %s?)", f.key)
		}
	}
	return " (keys here: " + keyList(fields) + ")"
}

// fold leaves out what people get wrong in keys.
func fold(key string) string {
	return strings.TrimSuffix(strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(key)), "s")
}
