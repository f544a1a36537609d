package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestWhatTwoReadersCouldReadDifferentlyIsRefused(t *testing.T) {
	for _, test := range []struct {
		name, in string
		want     error
		at       int
		path     string
	}{
		{"nothing", ``, ErrSyntax, 0, "$"},
		{"space", "  ", ErrSyntax, 2, "$"},
		{"trailing data", `{} {}`, ErrSyntax, 3, "$"},
		{"trailing brace", `{"a":1}}`, ErrSyntax, 7, "$"},
		{"byte order mark", "\xef\xbb\xbf{}", ErrSyntax, 0, "$"},
		{"UTF-16", "{\x00}\x00", ErrSyntax, 1, "$"},
		{"comment", `{"a":1/**/}`, ErrSyntax, 6, "$.a"},
		{"comma at the end of an object", `{"a":1,}`, ErrSyntax, 7, "$"},
		{"comma at the end of an array", `[1,]`, ErrSyntax, 3, "$[1]"},
		{"comma at the start", `[,1]`, ErrSyntax, 1, "$[0]"},
		{"no comma", `[1 2]`, ErrSyntax, 3, "$[0]"},
		{"no colon", `{"a" 1}`, ErrSyntax, 5, "$.a"},
		{"key without quotes", `{a:1}`, ErrSyntax, 1, "$"},
		{"single quotes", `{'a':1}`, ErrSyntax, 1, "$"},
		{"unfinished object", `{"a":{"b":1}`, ErrSyntax, 12, "$.a"},
		{"unfinished string", `["abc`, ErrSyntax, 1, "$[0]"},
		{"crossed brackets", `[{"a":1]}`, ErrSyntax, 7, "$[0].a"},
		{"control character in a string", "[\"a\nb\"]", ErrSyntax, 3, "$[0]"},
		{"NUL in a key", "{\"a\x00\":1}", ErrSyntax, 3, "$"},
		{"tab in a long string", `["0123456789abcdef` + "\t" + `"]`, ErrSyntax, 18, "$[0]"},
		{"other white space", "[\v1]", ErrSyntax, 1, "$[0]"},
		{"no-break space", "[\u00a01]", ErrSyntax, 1, "$[0]"},
		{"unknown escape", `["\x41"]`, ErrSyntax, 2, "$[0]"},
		{"short escape", `["\u00e"]`, ErrSyntax, 2, "$[0]"},
		{"escape at the end of a key", `{"\`, ErrSyntax, 2, "$"},
		{"unknown escape at the end of a key", `{"\0`, ErrSyntax, 2, "$"},
		{"escape at the end", `["\`, ErrSyntax, 2, "$[0]"},
		{"word in capitals", `[True]`, ErrSyntax, 1, "$[0]"},
		{"cut word", `[tru]`, ErrSyntax, 1, "$[0]"},
		{"NaN", `{"n":NaN}`, ErrSyntax, 5, "$.n"},
		{"infinity", `[-Infinity]`, ErrSyntax, 2, "$[0]"},
		{"plus", `[+1]`, ErrSyntax, 1, "$[0]"},
		{"leading zero", `[01]`, ErrSyntax, 2, "$[0]"},
		{"no digits", `[-]`, ErrSyntax, 2, "$[0]"},
		{"no fraction", `[1.]`, ErrSyntax, 3, "$[0]"},
		{"no whole", `[.5]`, ErrSyntax, 1, "$[0]"},
		{"no exponent", `[1e+]`, ErrSyntax, 4, "$[0]"},
		{"hexadecimal", `[0x10]`, ErrSyntax, 2, "$[0]"},

		{"invalid UTF-8", "[\"\xff\"]", ErrUnicode, 2, "$[0]"},
		{"overlong UTF-8", "[\"\xc0\xaf\"]", ErrUnicode, 2, "$[0]"},
		{"surrogate in UTF-8", "[\"\xed\xa0\x80\"]", ErrUnicode, 2, "$[0]"},
		{"cut UTF-8", "[\"\xe2\x82\"]", ErrUnicode, 2, "$[0]"},
		{"lone high surrogate", `["\ud800"]`, ErrUnicode, 2, "$[0]"},
		{"lone low surrogate", `["\udc00"]`, ErrUnicode, 2, "$[0]"},
		{"surrogates the wrong way round", `["\udc00\ud800"]`, ErrUnicode, 2, "$[0]"},
		{"two high surrogates", `["\ud83d\ud83d"]`, ErrUnicode, 2, "$[0]"},
		{"surrogate and letter", `["\ud83dx"]`, ErrUnicode, 2, "$[0]"},
		{"lone surrogate in a key", `{"\udfff":1}`, ErrUnicode, 2, "$"},

		{"duplicate key", `{"a":1,"a":1}`, ErrDuplicateKey, 7, "$"},
		{"duplicate key, one escaped", `{"name":1,"n\u0061me":2}`, ErrDuplicateKey, 10, "$"},
		{"duplicate key, both escaped", `{"\u006e":1,"\u006E":2}`, ErrDuplicateKey, 12, "$"},
		{"duplicate key, slash", `{"a/b":1,"a\/b":2}`, ErrDuplicateKey, 9, "$"},
		{"duplicate key beyond the basic plane", `{"😀":1,"\ud83d\ude00":2}`, ErrDuplicateKey, 10, "$"},
		{"duplicate empty key", `{"":1,"":2}`, ErrDuplicateKey, 6, "$"},
		{"duplicate key far inside", `[0,{"x":{"y z":{"a":1,"b":2,"a":3}}}]`, ErrDuplicateKey, 28, `$[1].x["y z"]`},
		{"duplicate key after an inner object", `{"a":{"a":1},"a":2}`, ErrDuplicateKey, 13, "$"},
		{"65 levels", strings.Repeat("[", 65) + strings.Repeat("]", 65), ErrDepth, 64, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Check([]byte(test.in))
			var parse *ParseError
			if !errors.Is(err, test.want) || !errors.As(err, &parse) {
				t.Fatalf("Check(%s) = %v, want %v", test.in, err, test.want)
			}
			if parse.Offset != test.at {
				t.Errorf("offset of %v: got %d, want %d", err, parse.Offset, test.at)
			}
			if test.path != "" && parse.Path != test.path {
				t.Errorf("path of %v: got %s, want %s", err, parse.Path, test.path)
			}
		})
	}
}

func TestJSONIsAccepted(t *testing.T) {
	for _, in := range []string{
		`{}`, `[]`, `null`, ` true `, `false`, `"x"`, `0`, `-0`, `1e5`, `-1.50E-07`, "\t[\r\n1 , 2 ]\n",
		`9223372036854775808123`, `{"a":{"a":{"a":1}},"b":{"a":1}}`, `[{"a":1},{"a":1}]`, `{"a":1,"A":2}`,
		`"\ud83d\ude00 \u0000 \/ \"\\ \b\f\n\r\t é ` + "\u2028\x7f" + `"`, `{"é":1,"e\u0301":2}`,
		strings.Repeat("[", 64) + strings.Repeat("]", 64), "[" + strings.Repeat("[{}],", 100) + "{}]", `"` + strings.Repeat("0123456789", 100) + `"`,
	} {
		if err := Check([]byte(in)); err != nil {
			t.Errorf("Check(%s) = %v", in, err)
		}
		if !json.Valid([]byte(in)) {
			t.Errorf("encoding/json refuses %s", in)
		}
	}
}

func TestADuplicateAmongManyKeysIsRefused(t *testing.T) {
	for _, n := range []int{fewKeys - 1, fewKeys, fewKeys + 1, 100, 20_000} {
		var keys []string
		for i := range n {
			keys = append(keys, fmt.Sprintf(`"k%d":{"x":%d}`, i, i))
		}
		body := "{" + strings.Join(keys, ",") + "}"
		if err := Check([]byte(body)); err != nil {
			t.Errorf("%d different keys: %v", n, err)
		}
		for _, again := range []int{0, n / 2, n - 1} {
			body := fmt.Sprintf(`{%s,"k\u00%02x":0}`, strings.Join(keys, ","), '0')
			body = strings.Replace(body, `"k\u0030":0`, fmt.Sprintf(`"\u006b%d":0`, again), 1)
			if err := Check([]byte(body)); !errors.Is(err, ErrDuplicateKey) {
				t.Errorf("key %d of %d twice: got %v, want %v", again, n, err, ErrDuplicateKey)
			}
		}
	}
}

func TestAnErrorSaysWhatAndWhere(t *testing.T) {
	err := Check([]byte(`{"a":[1,{"b c":2,"b c":3}]}`))
	want := `duplicate key: "b c" at byte 17 ($.a[1])`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAByteOrderMarkIsCalledByItsName(t *testing.T) {
	err := Check([]byte("\xef\xbb\xbf{}"))
	want := "not JSON: byte order mark at byte 0 ($)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAnErrorStaysShortWhateverTheKeys(t *testing.T) {
	key := strings.Repeat("k", 100_000)
	body := fmt.Sprintf(`{"%[1]s":{"%[1]s":{"%[1]s":{"%[1]s":1,"%[1]s":2}}}}`, key)
	if err := Check([]byte(body)); err == nil || len(err.Error()) > 1000 {
		t.Errorf("got an error of %d bytes, want one and at most 1000", len(fmt.Sprint(err)))
	}
}

func TestTextIsDecoded(t *testing.T) {
	for raw, want := range map[string]string{
		`"plain"`:                     "plain",
		` "spaced" `:                  "spaced",
		`"\"\\\/\b\f\n\r\t\u00e9"`:    "\"\\/\b\f\n\r\té",
		`"\ud83d\ude00 \uD83D\uDE00"`: "😀 😀",
		`"half \ud83d a"`:             "half \ufffd a",
		`""`:                          "",
	} {
		if got, ok := Text([]byte(raw)); !ok || got != want {
			t.Errorf("Text(%s) = %q, %v, want %q", raw, got, ok, want)
		}
	}
	for _, raw := range []string{``, `null`, `1`, `{}`, `"open`, `"a" "b"`} {
		if got, ok := Text([]byte(raw)); ok {
			t.Errorf("Text(%s) = %q, want not ok", raw, got)
		}
	}
}

func TestAStringComesBackAsItWasWritten(t *testing.T) {
	for _, text := range []string{"", "plain", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "é 😀 \u2028", `<&>`} {
		quoted := AppendString(nil, text)
		var decoded string
		if err := json.Unmarshal(quoted, &decoded); err != nil || decoded != text {
			t.Errorf("%q was written as %s and read as %q (%v)", text, quoted, decoded, err)
		}
	}
}
