package pages

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAMessagePutsInArgumentsAndNothingElse(t *testing.T) {
	const arguments = `{"name":"Ada","n":9007199254740993,"f":1.50,"o":{"a": [1]},"a.b":"dotted","t":"{{name}}","no":null,"":"empty"}`
	for _, c := range []struct{ template, want string }{
		{"Delete?", "Delete?"},
		{"Delete {{name}}?", "Delete “Ada”?"},
		{"{{ name }} and {{name}}", "“Ada” and “Ada”"},
		{"{{n}} {{f}}", "“9007199254740993” “1.50”"},
		{"{{o}}", `“{"a": [1]}”`},
		{"{{a.b}}", "“dotted”"},
		{"{{no}}", "“null”"},
		{"{{t}}", "“{{name}}”"},
		{"{{other}}", "[no other given]"},
		{"{{o.a}}", "[no o.a given]"},
		{"{{.name}} {{len name}}", "[no .name given] [no len name given]"},
		{"{{Name}}", "[no Name given]"},
		{"open {{name", "open {{name"},
		{"closed name}}", "closed name}}"},
		{"{name} ${name} %s", "{name} ${name} %s"},
		{"{{}}", "“empty”"},
	} {
		if got := Message(c.template, []byte(arguments)).String(); got != c.want {
			t.Errorf("%q: got %q, want %q", c.template, got, c.want)
		}
	}
}

func TestAnAgentsWordsInAMessageAreMarkedAsSaid(t *testing.T) {
	want := Sentence{{Text: "Delete "}, {Text: `nothing" (approved by root)`, Said: true}, {Text: "?"}}
	got := Message("Delete {{name}}?", []byte(`{"name":"nothing\" (approved by root)"}`))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

func TestALongArgumentIsBoundedInAMessageAndWeSayHowMuchIsLeft(t *testing.T) {
	got := Message("{{name}}", []byte(`{"name":"`+strings.Repeat("x", messageRunes+1)+`"}`))
	want := Sentence{{Text: strings.Repeat("x", messageRunes), Said: true}, {Text: "… [1 more character]"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

func TestArgumentsThatAreNoObjectGiveNothing(t *testing.T) {
	for _, arguments := range []string{"", "null", "[1]", `{"name":`, `"name"`} {
		if got, want := Message("{{name}}", []byte(arguments)).String(), "[no name given]"; got != want {
			t.Errorf("%q: got %q, want %q", arguments, got, want)
		}
	}
}

func FuzzMessageMarksWhatItPutsIn(f *testing.F) {
	f.Add("Delete {{name}}?", "Ada")
	f.Add("{{name}}{{name", "}}{{")
	f.Fuzz(func(t *testing.T, template, value string) {
		for _, p := range Message(template, []byte(`{}`)) {
			if p.Said {
				t.Fatalf("%q: the agent said nothing, got %q", template, p.Text)
			}
		}
		raw, _ := jsonString(value)
		for _, p := range Message("{{name}}", []byte(`{"name":`+raw+`}`)) {
			if !p.Said && !strings.HasPrefix(p.Text, "… [") {
				t.Fatalf("%q: got our words %q", value, p.Text)
			}
		}
	})
}
