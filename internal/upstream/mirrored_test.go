package upstream

import "testing"

func TestAMirroredArgumentMustAgreeWithItsHeader(t *testing.T) {
	mirrors, err := Mirrors([]byte(`{"name":"t","inputSchema":{"type":"object","properties":{
		"region":{"type":"string","x-mcp-header":"region"},"where":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"Count"}}}}}}`))
	if err != nil || len(mirrors) != 2 {
		t.Fatalf("got %v, %v; want two", mirrors, err)
	}
	by := map[string]Mirror{}
	for _, m := range mirrors {
		by[m.Header()] = m
	}
	for _, c := range []struct {
		header, arguments string
		values            []string
		want              bool
	}{
		{"Mcp-Param-Region", `{"region":"eu"}`, []string{"eu"}, true},
		{"Mcp-Param-Region", `{"region":"eu"}`, []string{"us"}, false},
		{"Mcp-Param-Region", `{"region":"eu"}`, nil, false},
		{"Mcp-Param-Region", `{"region":"eu"}`, []string{"eu", "eu"}, false},
		{"Mcp-Param-Region", `{}`, nil, true},
		{"Mcp-Param-Region", `{}`, []string{"eu"}, false},
		{"Mcp-Param-Region", `{"region":null}`, nil, true},
		{"Mcp-Param-Region", `{"region":"1"}`, []string{"1.0"}, false},
		{"Mcp-Param-Region", `{"region":"\u00fc"}`, []string{"=?base64?w7w=?="}, true},
		{"Mcp-Param-Region", `{"region":"\u00fc"}`, []string{"=?base64?***?="}, false},
		{"Mcp-Param-Count", `{"where":{"n":42}}`, []string{"42.0"}, true},
		{"Mcp-Param-Count", `{"where":{"n":42}}`, []string{"43"}, false},
		{"Mcp-Param-Count", `{"where":{"n":42}}`, []string{"x"}, false},
	} {
		if got := by[c.header].Agrees([]byte(`{"arguments":`+c.arguments+`}`), c.values); got != c.want {
			t.Errorf("%s %s with %q: got %v; want %v", c.header, c.arguments, c.values, got, c.want)
		}
	}
}

func TestWrongAnnotationsMirrorNothing(t *testing.T) {
	if m, err := Mirrors([]byte(`{"inputSchema":{"properties":{"a":{"type":"number","x-mcp-header":"a"}}}}`)); err == nil {
		t.Errorf("got %v; want an error", m)
	}
}
