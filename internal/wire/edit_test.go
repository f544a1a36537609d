package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestAnEditChangesItsMemberAndNoOtherByte(t *testing.T) {
	big := `{ "id" : 1 , "n": 12345678901234567890.10, "params":{"name":"a","_meta":{"x":1,"y":2,"z":3}, "u\u0041" :[1,{"name":"a"}]} }`
	for _, test := range []struct {
		name, in, want string
		edit           func(*Edit)
	}{
		{"nothing", big, big, func(*Edit) {}},
		{
			"replace", big, strings.Replace(big, `"name":"a","_`, `"name":"tool \"b\"","_`, 1),
			func(e *Edit) { e.SetText(`tool "b"`, "params", "name") },
		},
		{"replace in front", big, strings.Replace(big, `: 1 `, `: "new" `, 1), func(e *Edit) { e.Set([]byte(`"new"`), "id") }},
		{"replace an escaped key", `{"n\u0061me":1}`, `{"n\u0061me":2}`, func(e *Edit) { e.Set([]byte("2"), "name") }},
		{"replace twice", `{"a":1}`, `{"a":3}`, func(e *Edit) { e.Set([]byte("2"), "a").Set([]byte("3"), "a") }},
		{"drop the first", `{ "a":1, "b":2 }`, `{ "b":2 }`, func(e *Edit) { e.Drop("a") }},
		{"drop the middle", `{"a":1, "b":2, "c":3}`, `{"a":1, "c":3}`, func(e *Edit) { e.Drop("b") }},
		{"drop the last", `{"a":1,"b":2 }`, `{"a":1 }`, func(e *Edit) { e.Drop("b") }},
		{"drop the only one", `{"a":1}`, `{}`, func(e *Edit) { e.Drop("a") }},
		{"drop the first two", `{"a":1,"b":2,"c":3}`, `{"c":3}`, func(e *Edit) { e.Drop("a").Drop("b") }},
		{"drop the last two", `{"a":1,"b":2,"c":3}`, `{"a":1}`, func(e *Edit) { e.Drop("b").Drop("c") }},
		{"drop all but one", `{"a":1,"b":2,"c":3}`, `{"b":2}`, func(e *Edit) { e.Drop("a").Drop("c") }},
		{"drop what isn't there", big, big, func(e *Edit) { e.Drop("absent").Drop("params", "absent").Drop("no", "where") }},
		{"drop and replace", `{"a":{"x":1},"b":2}`, `{"b":3}`, func(e *Edit) { e.Drop("a").Set([]byte("3"), "b") }},
		{"drop, then set", `{"a":1,"b":2}`, `{"a":3,"b":2}`, func(e *Edit) { e.Drop("a").Set([]byte("3"), "a") }},
		{"set, then drop", `{"b":2}`, `{"b":2}`, func(e *Edit) { e.Set([]byte("3"), "a").Drop("a") }},
		{"drop one, add one", `{"a":1}`, `{"b":2}`, func(e *Edit) { e.Drop("a").Set([]byte("2"), "b") }},
		{"drop inside", big, strings.Replace(big, `"x":1,"y":2,`, ``, 1), func(e *Edit) { e.Drop("params", "_meta", "x").Drop("params", "_meta", "y") }},
		{"add", `{"a":1}`, `{"a":1,"b":2}`, func(e *Edit) { e.Set([]byte("2"), "b") }},
		{"add before space", "{\n \"a\":1\n}", "{\n \"a\":1,\"b\":2\n}", func(e *Edit) { e.Set([]byte("2"), "b") }},
		{"add to nothing", `{}`, `{"a":1,"b":2}`, func(e *Edit) { e.Set([]byte("1"), "a").Set([]byte("2"), "b") }},
		{"add to space", `{ }`, `{"a":1 }`, func(e *Edit) { e.Set([]byte("1"), "a") }},
		{
			"add into what must be made", `{"id":1}`, `{"id":1,"params":{"_meta":{"a/b":1,"c":2},"n":3}}`,
			func(e *Edit) {
				e.Set([]byte("1"), "params", "_meta", "a/b").Set([]byte("3"), "params", "n").Set([]byte("2"), "params", "_meta", "c")
			},
		},
		{
			"many at once", `{"p":{"m":{"t":1,"k":0},"n":"x"},"id":1}`, `{"p":{"m":{"k":0,"v":"w"},"n":"y"},"id":2}`,
			func(e *Edit) {
				e.Drop("p", "m", "t").Set([]byte(`"w"`), "p", "m", "v").Set([]byte(`"y"`), "p", "n").Set([]byte("2"), "id")
			},
		},
		{"as much as there may be", `{"a":1}`, `{"a":3}`, func(e *Edit) {
			for range maxChanges {
				e.Set([]byte("3"), "a")
			}
		}},
		{"a strange name", `{}`, `{"a\"b\n":1}`, func(e *Edit) { e.Set([]byte("1"), "a\"b\n") }},
		{"names inside are others", big, strings.Replace(big, `{ "id"`, `{ "id"`, 1), func(e *Edit) { e.Drop("name") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := NewEdit([]byte(test.in))
			test.edit(e)
			got, err := e.Bytes()
			if err != nil || string(got) != test.want {
				t.Errorf("edit of %s\n got %s, %v\nwant %s", test.in, got, err, test.want)
			}
		})
	}
}

func TestAnEditOfAMessageLeavesTheArguments(t *testing.T) {
	m, err := Parse([]byte(fullCall))
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Edit().SetText("delete_contact", "params", "name").Set([]byte("9"), "id").
		Set([]byte(`"p9"`), "params", "_meta", MetaProgressToken).Drop("params", "requestState").Bytes()
	want := strings.NewReplacer(`crm__delete_contact`, `delete_contact`, `"a-1"`, `9`, `"p1"`, `"p9"`, `"requestState":"sealed",`, ``).Replace(fullCall)
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	if string(m.Body) != fullCall {
		t.Errorf("the message itself was changed: %s", m.Body)
	}
}

func TestAnEditThatMakesNoSenseIsRefused(t *testing.T) {
	one := []byte("1")
	for _, test := range []struct {
		name, in string
		edit     func(*Edit)
		want     error
	}{
		{"member of a number", `{"a":1}`, func(e *Edit) { e.Set(one, "a", "b") }, ErrNotObject},
		{"member of an array", `{"a":[]}`, func(e *Edit) { e.Set(one, "a", "b") }, ErrNotObject},
		{"member of nothing", ``, func(e *Edit) { e.Set(one, "a") }, ErrNotObject},
		{"whole and part", `{"a":{}}`, func(e *Edit) { e.Set([]byte("{}"), "a").Set(one, "a", "b") }, ErrOverlap},
		{"part and whole", `{"a":{}}`, func(e *Edit) { e.Set(one, "a", "b").Drop("a") }, ErrOverlap},
		{"no path", `{}`, func(e *Edit) { e.Set(one) }, ErrOverlap},
		{"too much", `{}`, func(e *Edit) {
			for range maxChanges + 1 {
				e.Set(one, "a")
			}
		}, ErrTooLarge},
		{"no JSON", `{"a":1`, func(e *Edit) { e.Set(one, "b") }, ErrSyntax},
		{"something behind", `{"a":1}}`, func(e *Edit) { e.Set(one, "b") }, ErrSyntax},
	} {
		e := NewEdit([]byte(test.in))
		test.edit(e)
		if got, err := e.Bytes(); !errors.Is(err, test.want) {
			t.Errorf("%s: got %s, %v; want %v", test.name, got, err, test.want)
		}
	}
}

func TestLookupReadsAMemberAsItStands(t *testing.T) {
	raw := []byte(` {"a":{"b":[1, 2],"c.d":"x","\u0065":1.0}, "n":null,"":0 } `)
	for _, test := range []struct {
		path []string
		want string
		ok   bool
	}{
		{[]string{"a", "b"}, `[1, 2]`, true},
		{[]string{"a", "c.d"}, `"x"`, true},
		{[]string{"a", "e"}, `1.0`, true},
		{[]string{"n"}, `null`, true},
		{[]string{""}, `0`, true},
		{[]string{"A"}, ``, false},
		{[]string{"b"}, ``, false},
		{[]string{"a", "b", "0"}, ``, false},
		{[]string{"n", "x"}, ``, false},
		{[]string{"a", "c", "d"}, ``, false},
		{nil, strings.TrimSpace(string(raw)), true},
	} {
		got, ok := Lookup(raw, test.path...)
		if string(got) != test.want || ok != test.ok {
			t.Errorf("Lookup(%q) = %s, %v; want %s, %v", test.path, got, ok, test.want, test.ok)
		}
	}
	for _, nonsense := range []string{``, `{`, `{"a"`, `{"a":`, `{"a":}`, `x`, `{"a":{"b"`} {
		if got, ok := Lookup([]byte(nonsense), "a", "b"); ok {
			t.Errorf("Lookup in %s found %s", nonsense, got)
		}
	}
	if got, ok := LookupText(raw, "a", "c.d"); got != "x" || !ok {
		t.Errorf("LookupText = %q, %v; want x", got, ok)
	}
	if got, ok := LookupText(raw, "a", "b"); ok {
		t.Errorf("LookupText of an array = %q, want not ok", got)
	}
}

func TestAnEditOfParamsIsThatOfTheirBytes(t *testing.T) {
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"name":"a","x":[1,{}]},"name":"old","_meta":{}}}`,
		`{"params" : { "name":"old", "arguments" : {"name":"b"} } ,"jsonrpc":"2.0","id":1,"method":"tools/call"}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"old"}}`,
	} {
		m, err := Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.EditParams().SetText("new", "name").Bytes()
		want, err2 := NewEdit(m.Params).SetText("new", "name").Bytes()
		if err != nil || err2 != nil || string(got) != string(want) || !strings.Contains(string(got), `"name":"new"`) {
			t.Errorf("got %s, %v; want %s, %v", got, err, want, err2)
		}
	}
}
