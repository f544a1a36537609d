package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAListIsTakenApart(t *testing.T) {
	items, next, err := Items([]byte(`{"nextCursor":"p2","tools":[ {"name":"a"}, {"name":"b","x":1.0} ],"resultType":"complete"}`), "tools")
	want := [][]byte{[]byte(`{"name":"a"}`), []byte(`{"name":"b","x":1.0}`)}
	if err != nil || next != "p2" || !cmp.Equal(items, want) {
		t.Errorf("got %s, next %q, %v; want %s, p2", items, next, err, want)
	}
	for _, last := range []string{`{"tools":[]}`, `{"tools":[],"nextCursor":null}`} {
		if items, next, err := Items([]byte(last), "tools"); err != nil || next != "" || len(items) != 0 {
			t.Errorf("Items(%s) = %s, next %q, %v; want none", last, items, next, err)
		}
	}
}

func TestAListThatIsNoneIsRefused(t *testing.T) {
	for _, result := range []string{``, `{}`, `[]`, `{"Tools":[]}`, `{"tools":null}`, `{"tools":{}}`, `{"tools":[1`, `{"tools":[],"nextCursor":7}`} {
		if items, _, err := Items([]byte(result), "tools"); err == nil {
			t.Errorf("Items(%s) = %s, want an error", result, items)
		}
	}
}

func TestAToolsDefinitionIsTakenApart(t *testing.T) {
	raw := `{"name":"n\u0061","description":"d","inputSchema":{"type":"object","properties":{"id":{},"Site":{"properties":{"x":1}}}},"_meta":{"kept":1}}`
	tool, err := ParseTool([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	d := tool.Definition
	if tool.Name != "na" || string(d.Name) != `"n\u0061"` || string(d.Description) != `"d"` || d.Title != nil || string(tool.Raw) != raw {
		t.Errorf("got %q, %s, %s, %s", tool.Name, d.Name, d.Description, d.Title)
	}
}

func TestADefinitionThatReadsTwoWaysIsRefused(t *testing.T) {
	for raw, want := range map[string]error{
		`{"name":"a","name":"b"}`:                               ErrDuplicateKey,
		`{"name":"a","description":"safe","Description":"not"}`: ErrTwinKey,
		`{"name":"a","inputSchema":{"a":1,"a":2}}`:              ErrDuplicateKey,
		`{"name":"a","title":"\ud800"}`:                         ErrUnicode,
		`{"title":"a"}`:                                         ErrParams,
		`{"name":""}`:                                           ErrParams,
		`{"name":7}`:                                            ErrParams,
		`"name"`:                                                ErrParams,
		`{"name":"a"} {}`:                                       ErrSyntax,
		strings.Repeat(`{"a":`, 70):                             ErrDepth,
	} {
		if _, err := ParseTool([]byte(raw)); !errors.Is(err, want) {
			t.Errorf("ParseTool(%.60s) = %v, want %v", raw, err, want)
		}
	}
}
