package wire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheNamesThatASchemaDeclaresAreFoundWhereverTheyStand(t *testing.T) {
	for schema, want := range map[string][]string{
		``: nil, `true`: nil, `{}`: nil, `{"properties":[]}`: nil, `{"properties":{`: nil, `{"required":"s"}`: nil, `{"properties":{"x":{"enum":["s"]}}}`: {"x"},
		`{"properties":{"s":{},"id":true}}`:                   {"id", "s"},
		`{"required":["s"]}`:                                  {"s"},
		`{"allOf":[{"properties":{"s":{}}}]}`:                 {"s"},
		`{"anyOf":[{},{"oneOf":[{"properties":{"s":{}}}]}]}`:  {"s"},
		`{"not":{"required":["s"]}}`:                          {"s"},
		`{"dependentSchemas":{"a":{"properties":{"s":{}}}}}`:  {"a", "s"},
		`{"dependentRequired":{"a":["s"]}}`:                   {"a", "s"},
		`{"dependencies":{"a":["b"],"c":{"required":["s"]}}}`: {"a", "b", "c", "s"},

		`{"if":{"properties":{"a":{}}},"then":{"required":["b"]},"else":{"required":["s"]}}`: {"a", "b", "s"},
		`{"$ref":"#/$defs/a","$defs":{"a":{"properties":{"s":{}}}}}`:                         {"s"},
		`{"$ref":"#/definitions/a~1b%20c/0","definitions":{"a/b c":[{"required":["s"]}]}}`:   {"s"},
		`{"$ref":"#x","$defs":{"a":{"$anchor":"x","required":["s"]}}}`:                       {"s"},
		`{"$dynamicRef":"#x","$defs":{"a":{"$dynamicAnchor":"x","required":["s"]}}}`:         {"s"},
		`{"allOf":[{"$ref":"#"},{"$ref":"#/allOf/0"}],"required":["s"]}`:                     {"s"},
	} {
		s := ReadSchema([]byte(schema))
		if !cmp.Equal(s.Fields, want) || s.Open {
			t.Errorf("%s: got %q, open %v; want %q", schema, s.Fields, s.Open, want)
		}
	}
}

func TestASchemaWithAPartElsewhereIsOpen(t *testing.T) {
	for schema, want := range map[string]bool{
		`{"$ref":"https://example.com/s"}`:                    true,
		`{"allOf":[{"$ref":"#/$defs/nothing"}]}`:              true,
		`{"$ref":"#/allOf/7","allOf":[{}]}`:                   true,
		`{"$ref":"#nowhere"}`:                                 true,
		`{"$ref":"#/%zz"}`:                                    true,
		`{"properties":{"x":{"$ref":"https://example.com"}}}`: false,
		`{"$ref":"#/$defs/a","$defs":{"a":{}}}`:               false,
		`{"$schema":"https://example.com/s"}`:                 false,
	} {
		if got := ReadSchema([]byte(schema)).Open; got != want {
			t.Errorf("%s: got open %v; want %v", schema, got, want)
		}
	}
}

func TestWhatStandsBelowHasAPathWhereOneCanBeTold(t *testing.T) {
	for schema, want := range map[string][]string{
		`{"properties":{"to":{"properties":{"s":{}}}}}`:                                                            {"to", "s"},
		`{"properties":{"to":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/t"}]}},"$defs":{"t":{"required":["s"]}}}`:  {"to", "s"},
		`{"allOf":[{"properties":{"to":{"properties":{"s":{}}}}},{"properties":{"to":{"required":["s"]}}}]}`:       {"to", "s"},
		`{"properties":{"to":{"items":{"properties":{"s":{}}}}}}`:                                                  nil,
		`{"properties":{"to":{"prefixItems":[{"properties":{"s":{}}}]}}}`:                                          nil,
		`{"additionalProperties":{"properties":{"s":{}}}}`:                                                         nil,
		`{"patternProperties":{"^x":{"properties":{"s":{}}}}}`:                                                     nil,
		`{"properties":{"a":{"properties":{"s":{}}},"b":{"properties":{"s":{}}}}}`:                                 nil,
		`{"properties":{"a":{"$ref":"#/$defs/t"},"b":{"$ref":"#/$defs/t"}},"$defs":{"t":{"properties":{"s":{}}}}}`: nil,
		`{"properties":{"to":{"properties":{"s":{}}},"next":{"$ref":"#"}}}`:                                        nil,
		`{"$defs":{"unused":{"properties":{"s":{}}}}}`:                                                             nil,
		`{"properties":{"to":{"properties":{"s":{}}}},"propertyNames":{"x":{"required":["s"]}}}`:                   nil,
	} {
		got, declared := ReadSchema([]byte(schema)).Below["s"]
		if !declared || !cmp.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", schema, got, declared, want)
		}
	}
	if got, is := ReadSchema([]byte(`{"properties":{"to":{"enum":["s"],"default":{"s":1}}}}`)).Below["s"]; is {
		t.Errorf("got %q for what is no property", got)
	}
}

func TestTwinsAreRefusedAtTheLevelOfTheirProperty(t *testing.T) {
	const schema = `{"properties":{"to":{"properties":{"id":{}}},"list":{"items":{"properties":{"id":{}}}},"map":{"additionalProperties":{"properties":{"id":{}}}},
		"pat":{"patternProperties":{"^x":{"properties":{"id":{}}}}},"two":{"items":[{"properties":{"id":{}}}]},"free":{}},
		"allOf":[{"properties":{"all":{}}}],"$defs":{"tree":{"properties":{"leaf":{},"sub":{"items":{"$ref":"#/$defs/tree"}}}}},"anyOf":[{"$ref":"#/$defs/tree"}]}`
	known := ReadSchema([]byte(schema)).Known
	for arguments, refused := range map[string]bool{
		`{"to":{"ID":1}}`: true, `{"to":{"id":1,"other":2}}`: false, `{"to":[{"ID":1}]}`: false,
		`{"list":[{"id":1},{"Id":1}]}`: true, `{"list":[{"id":1},7]}`: false, `{"list":{"Id":1}}`: false,
		`{"map":{"any":{"iD":1}}}`: true, `{"map":{"ID":{"id":1}}}`: false,
		`{"pat":{"x1":{"ID":1}}}`: true, `{"two":[{"ID":1}]}`: true, `{"free":{"ID":1}}`: false,
		`{"All":1}`: true, `{"all":1}`: false, `{"ſub":1}`: true,
		`{"sub":[{"sub":[{"sub":[{"Leaf":1}]}]}]}`: true, `{"sub":[{"sub":[{"sub":[{"leaf":1}]}]}]}`: false,
	} {
		if err := CheckTwins([]byte(arguments), known); (err != nil) != refused {
			t.Errorf("%s: got %v; want refused %v", arguments, err, refused)
		}
	}
}

// A schema of n parts may have 2^n levels, or n levels of n names each.
func TestASchemaThatNeverEndsIsReadInTheEnd(t *testing.T) {
	var many, deep strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&many, `,"p%d":{"allOf":[{"$ref":"#"},{"x":%d}]}`, i, i)
		fmt.Fprintf(&deep, `,"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"}}}]}`, i, i+1, i+1, i+1)
	}
	for _, schema := range []string{
		`{"properties":{"to":{"properties":{"s":{}}}` + many.String() + `}}`,
		`{"properties":{"to":{"properties":{"s":{}}}},"$ref":"#/$defs/d0","$defs":{"x":{}` + deep.String() + `}}`,
	} {
		s := ReadSchema([]byte(schema))
		if path, is := s.Below["s"]; !is || path != nil {
			t.Errorf("got %q, %v; want s somewhere", path, is)
		}
	}
}
