package wire

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A ParamHeader says that a request header repeats an argument of a tool:
// the tool's schema marks it with x-mcp-header (2026-07-28, Custom Headers
// from Tool Parameters).
type ParamHeader struct {
	Name string   // of the header: "Mcp-Param-Region"
	Path []string // to the argument
}

const (
	paramHeaderPrefix = "Mcp-Param-"
	maxSafeInteger    = 1<<53 - 1 // of JavaScript
)

// ParamHeaders returns what an input schema marks along its properties. A
// mark that breaks the rules makes the whole definition invalid: the error
// wraps ErrParams and the tool must be left out of lists. schema must have
// been checked.
func ParamHeaders(schema []byte) ([]ParamHeader, error) {
	return appendParamHeaders(nil, schema, nil)
}

func appendParamHeaders(all []ParamHeader, schema []byte, path []string) ([]ParamHeader, error) {
	properties, _ := Lookup(schema, "properties")
	for _, name := range memberNames(properties) {
		property, _ := Lookup(properties, name)
		at := append(path[:len(path):len(path)], name)
		if mark, ok := Lookup(property, "x-mcp-header"); ok {
			header, err := paramHeader(mark, property, all)
			if err != nil {
				return nil, fmt.Errorf("x-mcp-header of %s: %w", excerpt([]byte(strings.Join(at, "."))), err)
			}
			all = append(all, ParamHeader{header, at})
		}
		var err error
		if all, err = appendParamHeaders(all, property, at); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func paramHeader(mark, property []byte, taken []ParamHeader) (string, error) {
	name, _ := Text(mark)
	if !isToken(name) {
		return "", fmt.Errorf("%s is no header name: %w", excerpt(mark), ErrParams)
	}
	switch kind, _ := LookupText(property, "type"); kind {
	case "string", "integer", "boolean":
	default:
		return "", fmt.Errorf("type %s is neither string, integer nor boolean: %w", excerpt([]byte(kind)), ErrParams)
	}
	name = paramHeaderPrefix + name
	for _, other := range taken {
		if strings.EqualFold(other.Name, name) {
			return "", fmt.Errorf("%s is there twice: %w", name, ErrParams)
		}
	}
	return name, nil
}

// isToken tells whether s may be the name of a header (RFC 9110 section 5.1).
func isToken(s string) bool {
	for i := range len(s) {
		if !isNameByte(s[i]) && strings.IndexByte("!#$%&'*+.^`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// Text returns the argument as the header repeats it, before EncodeHeader;
// not ok where the arguments have none, or null, and there must be no
// header. An argument that can't be repeated is an error wrapping ErrParams.
func (p ParamHeader) Text(arguments []byte) (text string, ok bool, err error) {
	argument, found := Lookup(arguments, p.Path...)
	if !found || argument[0] == 'n' {
		return "", false, nil
	}
	switch argument[0] {
	case '"':
		text, ok = Text(argument)
	case 't', 'f':
		text, ok = string(argument), true
	default:
		text, ok = integerText(string(argument))
	}
	if !ok {
		return "", false, fmt.Errorf("%s: %s is no string, boolean or safe integer: %w", p.Name, excerpt(argument), ErrParams)
	}
	return text, true, nil
}

// integerText writes a number as digits, so that 42.0 equals 42; not ok where
// it isn't whole or JavaScript could not hold it.
func integerText(number string) (string, bool) {
	s := newTrusting([]byte(number)) // ParseFloat knows more forms than JSON
	if s.number() != nil || s.pos < len(number) {
		return "", false
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > maxSafeInteger {
		return "", false
	}
	return strconv.FormatInt(int64(f), 10), true
}

// CheckParamHeaders holds the headers that repeat arguments to the
// arguments, as CheckHeaders does with the others: for tools/call of
// 2026-07-28, once the tool is known. Errors are HeaderErrors.
func CheckParamHeaders(get func(string) []string, arguments []byte, marked []ParamHeader) error {
	for _, p := range marked {
		if err := p.check(get, arguments); err != nil {
			return err
		}
	}
	return nil
}

func (p ParamHeader) check(get func(string) []string, arguments []byte) error {
	want, required, err := p.Text(arguments)
	if err != nil {
		return mismatch(p.Name, "%v", err)
	}
	if !required && len(get(p.Name)) > 0 {
		return mismatch(p.Name, "repeats an argument that isn't there")
	}
	argument, _ := Lookup(arguments, p.Path...)
	decode := DecodeHeader
	if required && (argument[0] == '-' || argument[0]-'0' <= 9) {
		decode = integerText
	}
	return checkHeader(get, p.Name, want, required, decode)
}
