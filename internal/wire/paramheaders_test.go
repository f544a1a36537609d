package wire

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const markedSchema = `{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"query":{"type":"string"},` +
	`"page":{"type":"object","properties":{"size":{"type":"integer","x-mcp-header":"Page-Size"}}},"dry":{"type":"boolean","x-mcp-header":"Dry"}},` +
	`"default":{"properties":{"x":{"x-mcp-header":""}}}}`

var marked = []ParamHeader{{"Mcp-Param-Region", []string{"region"}}, {"Mcp-Param-Page-Size", []string{"page", "size"}}, {"Mcp-Param-Dry", []string{"dry"}}}

func TestMarkedParametersAreFound(t *testing.T) {
	got, err := ParamHeaders([]byte(markedSchema))
	if diff := cmp.Diff(marked, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, schema := range []string{``, `{}`, `true`, `{"properties":{"a":true}}`} {
		if got, err := ParamHeaders([]byte(schema)); err != nil || got != nil {
			t.Errorf("ParamHeaders(%s) = %v, %v; want none", schema, got, err)
		}
	}
}

func TestAMarkThatBreaksTheRulesIsRefused(t *testing.T) {
	for _, properties := range []string{
		`"a":{"type":"string","x-mcp-header":""}`, `"a":{"type":"string","x-mcp-header":7}`, `"a":{"type":"string","x-mcp-header":"A B"}`,
		`"a":{"type":"string","x-mcp-header":"A\r\nB"}`, `"a":{"type":"string","x-mcp-header":"É"}`, `"a":{"type":"string","x-mcp-header":"A:"}`,
		`"a":{"type":"number","x-mcp-header":"A"}`, `"a":{"type":"object","x-mcp-header":"A"}`, `"a":{"type":["string"],"x-mcp-header":"A"}`, `"a":{"x-mcp-header":"A"}`,
		`"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"object","properties":{"c":{"type":"string","x-mcp-header":"a"}}}`,
	} {
		if got, err := ParamHeaders([]byte(`{"properties":{` + properties + `}}`)); !errors.Is(err, ErrParams) {
			t.Errorf("%s: got %v, %v; want %v", properties, got, err, ErrParams)
		}
	}
}

func TestHeadersThatRepeatArgumentsMustEqualThem(t *testing.T) {
	with := func(region, size, dry string) headers {
		return headers{}.with("Mcp-Param-Region", region).with("Mcp-Param-Page-Size", size).with("Mcp-Param-Dry", dry)
	}
	const all = `{"region":"eu","page":{"size":42},"dry":true}`
	for _, test := range []struct {
		name, arguments string
		headers         headers
		ok              bool
	}{
		{"equal", all, with("eu", "42", "true"), true},
		{"equal number", all, with("eu", "42.0", "true"), true},
		{"equal number in the body", `{"region":"eu","page":{"size":4.2e1},"dry":true}`, with("eu", "42", "true"), true},
		{"encoded", `{"region":" é","page":{"size":42},"dry":true}`, with(EncodeHeader(" é"), "42", "true"), true},
		{"empty", `{"region":"","page":{"size":42},"dry":true}`, with("", "42", "true"), true},
		{"nothing", `{}`, headers{}, true},
		{"null", `{"region":null,"page":null}`, headers{}, true},
		{"other string", all, with("us", "42", "true"), false},
		{"other number", all, with("eu", "43", "true"), false},
		{"other boolean", all, with("eu", "42", "false"), false},
		{"other case", all, with("EU", "42", "true"), false},
		{"missing", all, with("eu", "42", "true").with("Mcp-Param-Dry"), false},
		{"twice", all, with("eu", "42", "true").with("Mcp-Param-Region", "eu", "eu"), false},
		{"without argument", `{}`, headers{}.with("Mcp-Param-Region", "eu"), false},
		{"empty without argument", `{}`, headers{}.with("Mcp-Param-Region", ""), false},
		{"with null", `{"region":null}`, headers{}.with("Mcp-Param-Region", "null"), false},
		{"an object", `{"region":{}}`, headers{}.with("Mcp-Param-Region", "{}"), false},
		{"a fraction", `{"page":{"size":1.5}}`, headers{}.with("Mcp-Param-Page-Size", "1.5"), false},
		{"beyond safe integers", `{"page":{"size":9007199254740993}}`, headers{}.with("Mcp-Param-Page-Size", "9007199254740993"), false},
		{"no number", `{"page":{"size":42}}`, headers{}.with("Mcp-Param-Page-Size", "0x2ap0"), false},
	} {
		err := CheckParamHeaders(test.headers.get, []byte(test.arguments), marked)
		if (err == nil) != test.ok || err != nil && Code(err) != CodeHeaderMismatch {
			t.Errorf("%s: got %v, want ok %v", test.name, err, test.ok)
		}
	}
}
