package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnIDHasItsNameOnTheWire(t *testing.T) {
	long := strings.Repeat("x", 60)
	for _, test := range []struct{ separator, id, want string }{
		{"__", "crm:get_contacts", "crm__get_contacts"},
		{".", "crm:get_contacts", "crm.get_contacts"},
		{":", "crm:get_contacts", "crm:get_contacts"},
		{"/", "my-app:A-1", "my-app/A-1"},
		{"__", "crm:a__b", "crm__a__b"},
		{"", "crm:get_contacts", "get_contacts"},
		{"__", "crm:" + long[:59], "crm__" + long[:59]},
		{"__", "crm:" + long, "crm__" + long[:46] + "_eba64ba6a57f"},
		{"__", "crm:contact.get", "crm__contact_get_da7ac441f660"},
		{".", "crm:contact.get", "crm.contact_get_da7ac441f660"},
		{"__", "crm:löschen ✓", "crm__l_schen_e529cfdb005c"},
		{"__", "crm:✓", "crm___0f124e6dce11"},
		{"__", "crm:", "crm___6a8997ceea13"},
	} {
		got := Scheme{test.separator}.Name(test.id)
		if got != test.want {
			t.Errorf("name of %s with %q: got %s, want %s", test.id, test.separator, got, test.want)
		}
	}
}

func TestANameIsAlwaysShortAndPlain(t *testing.T) {
	for _, separator := range []string{"__", ".", ":", "/", "_tools__", ""} {
		for _, tool := range []string{"a", strings.Repeat("é", 200), strings.Repeat("a.", 60), "a b", "\x00", "\xff", "a:b", strings.Repeat("a", 65)} {
			app := strings.Repeat("p", 32)
			name := Scheme{separator}.Name(app + ":" + tool)
			rest := name
			if separator != "" {
				rest = strings.TrimPrefix(name, app+separator)
				if rest == name {
					t.Errorf("%s doesn't begin with its app", name)
				}
			}
			if len(name) > longestName || !isPlainName(rest) {
				t.Errorf("name of %q with %q: %s (%d)", tool, separator, name, len(name))
			}
		}
	}
}

func TestNamesLeadBackToTheirIDs(t *testing.T) {
	ids := []string{"crm:get", "crm:get.all", "notes:get", "notes:crm__get", "crm:" + strings.Repeat("x", 90), "crm:" + strings.Repeat("x", 91)}
	for _, separator := range []string{"__", ".", ":", "/"} {
		table, clashes := NewNameTable(Scheme{separator}, ids)
		if len(clashes) != 0 {
			t.Errorf("separator %s: clashes %v, want none", separator, clashes)
		}
		for _, id := range ids {
			name, ok := table.Name(id)
			back, known := table.ID(name)
			same, canonical := table.ID(id)
			if !ok || !known || !canonical || back != id || same != id {
				t.Errorf("separator %s: %s is %s, which is %s; the id itself is %s", separator, id, name, back, same)
			}
		}
	}
}

func TestWhatClashesIsLeftOutAndNeverGuessed(t *testing.T) {
	s := Scheme{"__"}
	impostor := "crm:" + strings.TrimPrefix(s.Name("crm:a.b"), "crm__")
	table, clashes := NewNameTable(s, []string{"crm:ok", "crm:a.b", impostor, "crm:twice", "crm:twice"})
	want := []Clash{
		{s.Name(impostor), []string{"crm:a.b", impostor}},
		{"crm__twice", []string{"crm:twice", "crm:twice"}},
	}
	if diff := cmp.Diff(want, clashes); diff != "" {
		t.Errorf("clashes (-want +got):\n%s", diff)
	}
	for _, name := range []string{"crm:a.b", impostor, s.Name(impostor), "crm:twice", "crm__twice"} {
		if id, ok := table.ID(name); ok {
			t.Errorf("%s leads to %s, want nothing", name, id)
		}
		if got, ok := table.Name(name); ok {
			t.Errorf("%s is called %s, want nothing", name, got)
		}
	}
	if id, ok := table.ID("crm__ok"); !ok || id != "crm:ok" {
		t.Errorf("crm__ok leads to %q, %v; want crm:ok", id, ok)
	}
}

func TestAnAppServedAloneKnowsBareNamesOnly(t *testing.T) {
	table, _ := NewNameTable(Scheme{}, []string{"crm:get"})
	if id, ok := table.ID("get"); !ok || id != "crm:get" {
		t.Errorf("get leads to %q, %v; want crm:get", id, ok)
	}
	for _, name := range []string{"crm:get", "crm__get", "Get", ""} {
		if id, ok := table.ID(name); ok {
			t.Errorf("%q leads to %s, want nothing", name, id)
		}
	}
	if _, ok := (&NameTable{}).ID("get"); ok {
		t.Error("the zero table knows a name")
	}
}

func TestSeparatorsThatCouldBePartOfAnAppAreRefused(t *testing.T) {
	for _, good := range []string{"__", "_", "-_-", "x_", ".", ":", "/"} {
		if err := CheckSeparator(good); err != nil {
			t.Errorf("CheckSeparator(%q) = %v", good, err)
		}
	}
	for _, bad := range []string{"", "-", "--", "x", "::", "_.", "_ ", "é_", "_________"} {
		if err := CheckSeparator(bad); err == nil {
			t.Errorf("CheckSeparator(%q): want an error", bad)
		}
	}
}
