package pages

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArgumentsKeepOrderAndNumberTokensAsWritten(t *testing.T) {
	want := node{Kind: "object", Nodes: []node{
		{Name: "z", Kind: "literal", Text: "9007199254740993"},
		{Name: "a", Kind: "literal", Text: "1.50"},
		{Name: "e", Kind: "literal", Text: "1e400"},
		{Name: "s", Kind: "string", Text: "é\"\n"},
		{Name: "l", Kind: "array", Nodes: []node{{Name: "0", Kind: "literal", Text: "true"}, {Name: "1", Kind: "literal", Text: "null"}, {Name: "2", Kind: "object"}}},
	}}
	got := readArguments([]byte(` {"z":9007199254740993,"a":1.50,"e":1e400,"s":"\u00e9\"\n","l":[true,null,{}]} `))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
}

func TestArgumentsThatMakeNoTreeAreShownAsWritten(t *testing.T) {
	for name, raw := range map[string]string{
		"not JSON":          `{"a":`,
		"two values":        `{} {}`,
		"a stray bracket":   `{"a":1}]`,
		"too many values":   `[` + strings.Repeat("0,", treeNodes) + `0]`,
		"nested bottomless": strings.Repeat("[", 20000),
	} {
		want := node{Kind: "json", Text: raw}
		if diff := cmp.Diff(want, readArguments([]byte(raw))); diff != "" {
			t.Errorf("%s (-want +got):\n%.300s", name, diff)
		}
	}
}

func TestWhatIsNestedDeepIsShownAsWrittenBelow(t *testing.T) {
	n := readArguments([]byte(strings.Repeat(`{"a":`, 40) + `"end"` + strings.Repeat(`}`, 40)))
	for range treeDepth + 1 {
		if len(n.Nodes) != 1 {
			t.Fatalf("got %d members, want 1", len(n.Nodes))
		}
		n = n.Nodes[0]
	}
	want := node{Name: "a", Kind: "json", Text: strings.Repeat(`{"a":`, 39-treeDepth) + `"end"` + strings.Repeat(`}`, 39-treeDepth)}
	if diff := cmp.Diff(want, n); diff != "" {
		t.Errorf("deepest (-want +got):\n%s", diff)
	}
}

func TestNoArgumentsAreNoError(t *testing.T) {
	for _, raw := range []string{"", " ", "{}"} {
		if got := readArguments([]byte(raw)); !got.Empty() {
			t.Errorf("%q: got %+v, want none", raw, got)
		}
	}
	for _, raw := range []string{"null", "[]", `{"a":1}`} {
		if got := readArguments([]byte(raw)); got.Empty() {
			t.Errorf("%q: got none, want it shown", raw)
		}
	}
}

func TestChangesNameEachFieldThatDiffers(t *testing.T) {
	before := `{"name":"send","description":"Sends.","inputSchema":{"required":["to"],"properties":{"to":{"type":"string"},"old":{"type":"string"}}},"_meta":{"v":1}}`
	after := `{"description":"Sends all.","name":"send","inputSchema":{"required":["to","all"],"properties":{"to":{"type":"string"},"all":{"default":1.0}}},"_meta":{"v":2}}`
	want := []Change{
		{Field: "description", Before: `"Sends."`, After: `"Sends all."`},
		{Field: "inputSchema › required", Before: `["to"]`, After: `["to", "all"]`},
		{Field: "inputSchema › properties › all › default", After: "1.0", Added: true},
		{Field: "inputSchema › properties › old › type", Before: `"string"`, Removed: true},
	}
	if diff := cmp.Diff(want, Changes([]byte(before), []byte(after))); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestEqualDefinitionsHaveNoChanges(t *testing.T) {
	if got := Changes([]byte(`{"name":"a","title":"b"}`), []byte(`{"title": "b", "name": "a"}`)); got != nil {
		t.Errorf("got %v, want none", got)
	}
}

func TestNoChangeHidesBehindAnothersPathOrValue(t *testing.T) {
	for _, c := range []struct{ before, after string }{
		{`{"annotations":{"a":{"b":1}}}`, `{"annotations":{"a › b":1}}`},
		{`{"annotations":{"a":["x","y"]}}`, `{"annotations":{"a":["x\", \"y"]}}`},
		{`{"title":1}`, `{"title":"1"}`},
		{`{"title":{}}`, `{"title":"{}"}`},
		{`{"title":[]}`, `{"title":{}}`},
		{`{"title":1}`, `{"title":1.0}`},
	} {
		if got := Changes([]byte(c.before), []byte(c.after)); len(got) == 0 {
			t.Errorf("%s → %s: got no change", c.before, c.after)
		}
	}
}

func TestAnUnreadableDefinitionIsShownWhole(t *testing.T) {
	got := Changes([]byte(`{"name":"a"}`), []byte(`not JSON`))
	want := []Change{{Field: "definition", After: "not JSON", Added: true}, {Field: "name", Before: `"a"`, Removed: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}
