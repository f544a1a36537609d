package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/glob"
	"go.yaml.in/yaml/v3"
)

// A reader makes a value of one type from its text in the file.
type reader func(text string) (any, error)

// scalars are the types that stand as one text in the file, besides texts,
// numbers and truth values.
var scalars = map[reflect.Type]reader{
	reflect.TypeFor[time.Duration](): func(s string) (any, error) { return parseDuration(s) },
	reflect.TypeFor[Size]():          func(s string) (any, error) { return parseSize(s) },
	reflect.TypeFor[Rate]():          func(s string) (any, error) { return parseRate(s) },
	reflect.TypeFor[netip.Prefix]():  func(s string) (any, error) { return parsePrefix(s) },
	reflect.TypeFor[*url.URL]():      func(s string) (any, error) { return parseURL(s) },
	reflect.TypeFor[glob.Glob]():     func(s string) (any, error) { return parseGlob(s) },
	reflect.TypeFor[*bool]():         func(s string) (any, error) { b, err := parseBool(s); return &b, err },
}

var secretType = reflect.TypeFor[ostiary.Secret]()

// isScalar reports whether a key of this type holds one text.
func isScalar(t reflect.Type) bool {
	if _, ok := scalars[t]; ok {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int:
		return true
	}
	return false
}

// wantsText reports whether a number or a truth value without quotes is refused:
// YAML would lose the zeros of 007 and make a truth value of true.
func wantsText(t reflect.Type) bool {
	return t.Kind() == reflect.String || t == reflect.TypeFor[netip.Prefix]() || t == reflect.TypeFor[*url.URL]()
}

// readerOf reads the plain kinds.
func readerOf(t reflect.Type) reader {
	switch t.Kind() {
	case reflect.Bool:
		return func(s string) (any, error) { return parseBool(s) }
	case reflect.Int:
		return func(s string) (any, error) { return parseInt(s) }
	}
	if options := optionsOf(t); options != nil {
		return func(s string) (any, error) { return parseOption(s, options) }
	}
	return func(s string) (any, error) { return s, nil }
}

func (d *decoder) decodeScalar(n *yaml.Node, path string, v reflect.Value, f field, read reader) {
	text, ok := d.text(n, path, v.Type())
	if !ok {
		return
	}
	value, err := read(text)
	if err == nil {
		err = f.allows(text, value)
	}
	if err != nil {
		d.report.at(n.Line, path, "%s%v", shown(n, v.Type()), err)
		return
	}
	v.Set(reflect.ValueOf(value).Convert(v.Type()))
}

const emptyValue = "is empty; leave it out, or write %s"

// text is the value of a scalar for a key of type t, expanded.
func (d *decoder) text(n *yaml.Node, path string, t reflect.Type) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.report.at(n.Line, path, "must be one value, not a list or group")
		return "", false
	case n.Tag == "!!null":
		d.report.at(n.Line, path, emptyValue, emptyForm(t))
		return "", false
	case wantsText(t) && n.Tag != "!!str" && n.Tag != "!!timestamp":
		d.report.at(n.Line, path, "must be text; put %sin quotes", shown(n, t))
		return "", false
	case n.Tag != "!!str":
		return n.Value, true
	}
	text, err := d.expand(n.Value)
	if err != nil {
		d.report.at(n.Line, path, "%v", err)
		return "", false
	}
	return text, true
}

// shown quotes a refused value as the file has it: what came from the environment
// or stands at a secret key is not repeated.
func shown(n *yaml.Node, t reflect.Type) string {
	if t == secretType {
		return "the value "
	}
	return strconv.Quote(n.Value) + " "
}

// allows holds a value against the tags min and pattern.
func (f field) allows(text string, value any) error {
	if f.required && text == "" {
		return errors.New("must not be empty")
	}
	if f.pattern != nil && !f.pattern.MatchString(text) {
		return fmt.Errorf("must match %s", f.pattern)
	}
	if f.min == "" {
		return nil
	}
	least, err := readLike(value, f.min)
	if err != nil {
		panic(fmt.Sprintf("min of %s: %v", f.name, err))
	}
	if reflect.ValueOf(value).Int() < reflect.ValueOf(least).Int() {
		return fmt.Errorf("must be at least %s", f.min)
	}
	return nil
}

func readLike(value any, text string) (any, error) {
	t := reflect.TypeOf(value)
	if read, ok := scalars[t]; ok {
		return read(text)
	}
	return readerOf(t)(text)
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errors.New("must be true or false")
}

func parseInt(text string) (int, error) {
	n, err := parseCount(text)
	if err != nil || n > 1<<31-1 {
		return 0, errors.New("is not a whole number (like 20)")
	}
	return int(n), nil
}

func parseOption(text string, options []string) (string, error) {
	if slices.Contains(options, text) {
		return text, nil
	}
	return "", fmt.Errorf("must be one of %s", strings.Join(named(options), ", "))
}

func named(options []string) []string {
	return slices.DeleteFunc(slices.Clone(options), func(o string) bool { return o == "" })
}

func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, errors.New("is not a CIDR (like 10.0.0.0/8)")
	}
	if prefix != prefix.Masked() {
		return netip.Prefix{}, fmt.Errorf("has bits after its mask; did you mean %s?", prefix.Masked())
	}
	return prefix, nil
}

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, errors.New("is not a URL (like https://gateway.example)")
	}
	return u, nil
}

func parseGlob(text string) (glob.Glob, error) {
	g, err := glob.Parse(text)
	if err != nil {
		return "", errors.New("is not a pattern (like crm:delete_*)")
	}
	return g, nil
}
