package ostiary_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary"
)

func TestTheCanonicalFormIsThatOfRFC8785ButForNumbers(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{
			"section 3.2.2, with numbers as written",
			`{ "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
			   "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
			   "literals": [null, true, false] }`,
			`{"literals":[null,true,false],"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],` +
				`"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		},
		{
			"section 3.2.3",
			`{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
			  "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}`,
			`{"\r":"Carriage Return","1":"One","` + "\u0080" + `":"Control","ö":"Latin Small Letter O With Diaeresis",` +
				`"€":"Euro Sign","😀":"Emoji: Grinning Face","` + "\ufb33" + `":"Hebrew Letter Dalet With Dagesh"}`,
		},
		{
			"nested", `{"1": {"f": {"f": "hi","F": 5} ,"\n": 56.0}, "10": { }, "": "empty", "a": { }, "111": [ {"e": "yes","E": "no" } ], "A": { }}`,
			`{"":"empty","1":{"\n":56.0,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}`,
		},
		{"escapes", `"\b\t\n\f\r\u0000\u001F\u007f\u2028\/"`, `"\b\t\n\f\r\u0000\u001f` + "\x7f\u2028" + `/"`},
		{"a prefix comes first", `{"ab":1,"a":2,"":3}`, `{"":3,"a":2,"ab":1}`},
		{"a value alone", " -0 ", "-0"},
		{"empty", "[ ]", "[]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ostiary.AppendCanonical([]byte("x"), []byte(test.in))
			if err != nil || string(got) != "x"+test.want {
				t.Errorf("got %s, %v\nwant x%s", got, err, test.want)
			}
		})
	}
}

func TestEqualArgumentsHaveOneDigest(t *testing.T) {
	for _, equal := range [][]string{
		{`{}`, ` { } `, ``, "\n"},
		{`{"a":1,"b":[true,null]}`, ` {"b" : [ true,null ],"\u0061":1} `},
		{`{"k":"é/😀"}`, `{"k":"\u00e9\/\ud83d\ude00"}`},
		{`{"o":{"x":1,"y":2}}`, `{"o":{"y":2,"x":1}}`},
	} {
		want, err := ostiary.ArgumentsDigest([]byte(equal[0]))
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range equal {
			if got, err := ostiary.ArgumentsDigest([]byte(raw)); got != want || err != nil {
				t.Errorf("%s: got %s, %v; want that of %s, %s", raw, got, err, equal[0], want)
			}
		}
	}
}

func TestDifferentArgumentsHaveDifferentDigests(t *testing.T) {
	seen := map[ostiary.Digest]string{}
	for _, raw := range []string{
		`{}`, `{"a":1}`, `{"a":1.0}`, `{"a":10e-1}`, `{"a":"1"}`, `{"a":-0}`, `{"a":0}`, `{"a":null}`, `{"a":[]}`, `{"a":{}}`,
		`{"a":9007199254740992}`, `{"a":9007199254740993}`, `{"A":1}`, `{"a":[1,2]}`, `{"a":[2,1]}`, `{"a":[12]}`,
		`{"a":"é"}`, `{"a":"e\u0301"}`, `{"a":"x\",\"b\":\"y"}`, `{"a":"x","b":"y"}`, `{"a":{"b":1},"c":2}`, `{"a":{"b":1,"c":2}}`, `null`,
	} {
		got, err := ostiary.ArgumentsDigest([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := seen[got]; taken {
			t.Errorf("%s and %s have one digest", raw, other)
		}
		seen[got] = raw
	}
}

func TestWhatCanBeReadTwoWaysHasNoDigest(t *testing.T) {
	for _, raw := range []string{
		`{"a":1,"a":2}`, `{"a":1,"\u0061":1}`, `{"x":{"b":1,"a":0,"b":1}}`, `{} {}`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`,
		`[`, `[1`, `[1,`, `[1,]`, `[,1]`, `{,}`, `"a`, `"\`, `"\u`, `"\u12`, `"\u12G4"`, `"\x"`, `"\ud800"`, `"\udc00"`, `"\udc00\udc00"`, `"\ud800\u0041"`,
		`"\ud800\ud800"`, "\"\xff\"", "\"\xed\xa0\x80\"", "\"\n\"", "{\"a\xff\":1}", `01`, `1.`, `.5`, `-`, `+1`, `1e`, `1e+`, `0x1`, `NaN`, `tru`, `nul`,
		"\ufeff{}", `{a:1}`, `{1:1}`, strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat(`{"a":`, 1_000_000),
	} {
		if got, err := ostiary.ArgumentsDigest([]byte(raw)); !errors.Is(err, ostiary.ErrNotCanonical) || got != (ostiary.Digest{}) {
			t.Errorf("%.40s: got %s, %v; want %v", raw, got, err, ostiary.ErrNotCanonical)
		}
	}
	for _, raw := range []string{strings.Repeat("[", 64) + strings.Repeat("]", 64), "[" + strings.Repeat("[{}],", 100) + "{}]"} {
		if _, err := ostiary.ArgumentsDigest([]byte(raw)); err != nil {
			t.Errorf("%.40s: %v", raw, err)
		}
	}
}

func TestARefusedValueLeavesWhatWasWritten(t *testing.T) {
	got, err := ostiary.AppendCanonical([]byte("before"), []byte(`{"a":`))
	if err == nil || string(got) != "before" {
		t.Errorf("got %s, %v; want before, and an error", got, err)
	}
}

func TestEachPartOfADefinitionCounts(t *testing.T) {
	same := ostiary.Definition{Name: []byte(`"n"`), Description: []byte(`"d"`), InputSchema: []byte(`{"type":"object","a":1}`)}
	want, err := ostiary.DefinitionDigest(same)
	if err != nil {
		t.Fatal(err)
	}
	spaced := same
	spaced.InputSchema = []byte(` { "a" : 1 , "type" : "object" } `)
	if got, err := ostiary.DefinitionDigest(spaced); got != want || err != nil {
		t.Errorf("spaces and order: got %s, %v; want %s", got, err, want)
	}
	seen := map[ostiary.Digest]int{want: -1}
	for i, change := range []func(*ostiary.Definition){
		func(d *ostiary.Definition) { d.Name = []byte(`"m"`) },
		func(d *ostiary.Definition) { d.Title = []byte(`"d"`) },
		func(d *ostiary.Definition) { d.Title, d.Description = d.Description, nil },
		func(d *ostiary.Definition) { d.Description = nil },
		func(d *ostiary.Definition) { d.Description = []byte(`null`) },
		func(d *ostiary.Definition) { d.Description = []byte(`""`) },
		func(d *ostiary.Definition) { d.InputSchema = []byte(`{"type":"object","a":1.0}`) },
		func(d *ostiary.Definition) { d.OutputSchema = d.InputSchema },
		func(d *ostiary.Definition) { d.OutputSchema, d.InputSchema = d.InputSchema, nil },
		func(d *ostiary.Definition) { d.Annotations = []byte(`{"readOnlyHint":true}`) },
	} {
		d := same
		change(&d)
		got, err := ostiary.DefinitionDigest(d)
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := seen[got]; taken {
			t.Errorf("changes %d and %d have one digest", i, other)
		}
		seen[got] = i
	}
	if _, err := ostiary.DefinitionDigest(ostiary.Definition{Title: []byte(`"a","b"`)}); !errors.Is(err, ostiary.ErrNotCanonical) {
		t.Errorf("two values in one field: got %v, want %v", err, ostiary.ErrNotCanonical)
	}
}

func TestADigestComesBackAsItWasWritten(t *testing.T) {
	d, err := ostiary.ArgumentsDigest(nil)
	if err != nil {
		t.Fatal(err)
	}
	const empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" // of {}
	if d.String() != empty {
		t.Errorf("got %s, want %s", d, empty)
	}
	if back, err := ostiary.ParseDigest(empty); back != d || err != nil {
		t.Errorf("got %s, %v; want %s", back, err, d)
	}
	for _, want := range []ostiary.Digest{d, {}} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got ostiary.Digest
		if err := json.Unmarshal(text, &got); got != want || err != nil {
			t.Errorf("%s was read as %s, %v; want %s", text, got, err, want)
		}
	}
	if got := (ostiary.Digest{}).String(); got != "" {
		t.Errorf("the zero digest is %q, want nothing", got)
	}
}

func TestWhatIsNoDigestIsRefused(t *testing.T) {
	hex := strings.Repeat("0f", 32)
	for _, s := range []string{"", "sha256:", hex, "sha256:" + hex[1:], "sha256:" + hex + "0", "SHA256:" + hex, "sha512:" + hex, "sha256:" + hex[2:] + "zz", " sha256:" + hex} {
		if d, err := ostiary.ParseDigest(s); err == nil {
			t.Errorf("%q was read as %s", s, d)
		}
	}
}

func BenchmarkArgumentsDigest(b *testing.B) {
	raw := []byte(`{"id":"c-1042","siteId":"site-A","fields":["name","email"],"limit":25,"filter":{"z":1,"a":"b\n"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ostiary.ArgumentsDigest(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"b":1,"a":[1.0,"\ud83d\ude00",{"x":null}]}`, `"\u0000\/"`, `[-0,1E5,true]`, `{"":{},"\r":[]}`, `{"a":1,"a":2}`, `"\ud800"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		canonical, err := ostiary.AppendCanonical(nil, raw)
		if err != nil {
			return
		}
		again, err := ostiary.AppendCanonical(nil, canonical)
		if err != nil || string(again) != string(canonical) {
			t.Errorf("%s is not canonical: %s, %v", canonical, again, err)
		}
		if got, want := meaning(t, canonical), meaning(t, raw); got != want {
			t.Errorf("%s means %s, want %s", canonical, got, want)
		}
	})
}

// meaning is what encoding/json understands, with numbers as written.
func meaning(t *testing.T, raw []byte) string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("encoding/json refuses %s: %v", raw, err)
	}
	return fmt.Sprintf("%#v", v)
}
