package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// An oddity makes JSON that is right but rarely seen, always the same for one
// seed. Decoding it into values and encoding those again changes most of it.
type oddity struct {
	*rand.Rand
	space string // what may stand between tokens
}

func newOddity(seed uint64, space string) oddity {
	return oddity{rand.New(rand.NewPCG(seed, 20261121)), space}
}

func pick[T any](o oddity, from []T) T { return from[o.IntN(len(from))] }

// gap is some space between tokens, mostly none.
func (o oddity) gap() string {
	var b strings.Builder
	for o.IntN(6) == 0 {
		b.WriteByte(o.space[o.IntN(len(o.space))])
	}
	return b.String()
}

// value is any JSON value of at most so many levels.
func (o oddity) value(levels int) string {
	switch kind := o.IntN(12); {
	case kind < 3 && levels > 0:
		return o.object(levels, nil)
	case kind < 5 && levels > 0:
		return o.array(levels)
	case kind < 8:
		return pick(o, oddNumbers)
	case kind < 11:
		return o.text()
	default:
		return pick(o, []string{"true", "false", "null", "{}", "[]", "{ }", "[\t]"})
	}
}

var oddNumbers = []string{
	"0", "-0", "-0.0", "1.0", "1.50", "0.10", "1E400", "-1e-400", "1e5", "1E+05", "2e-0", "9007199254740991", "9007199254740993", "-9007199254740993",
	"9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551617", "123456789012345678901234567890.000",
	"0.1000000000000000055511151231257827021181583404541015625", "3.141592653589793238462643383279", "4.9e-324", "1.7976931348623159e308",
}

// object is an object with these members, and odd ones among them, in any
// order.
func (o oddity) object(levels int, members []string) string {
	keys := map[string]bool{}
	for range o.IntN(5) {
		if key := pick(o, oddKeys); !keys[key] {
			keys[key] = true
			members = append(members, key+o.gap()+":"+o.gap()+o.value(levels-1))
		}
	}
	o.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return "{" + o.gap() + strings.Join(members, o.gap()+","+o.gap()) + o.gap() + "}"
}

// oddKeys are all different; several are written with escapes, which is how
// one key can look like two or two like one.
var oddKeys = []string{
	`""`, `" "`, `"\u0000"`, `"\u0061bc"`, `"ABC"`, `"\/"`, `"\\"`, `"\""`, `"grüße"`, `"gru\u0308ße"`, `"😀"`, `"\ud83d\ude01"`, `"\u2028"`,
	`"__proto__"`, `"constructor"`, `"toString"`, `"$ref"`, `"@type"`, `"a.b"`, `"a[0]"`, `"1"`, `"01"`, `"null"`, `"<script>"`, `"\u003c"`, `"日本"`,
	"\"\u00a0\"", "\"\ufb01\"", "\"\u017f\"", "\"\u212a\"", "\"\u0130\"", "\"\u202e\"", "\"\ufeff\"",
}

func (o oddity) array(levels int) string {
	var elements []string
	for range o.IntN(5) {
		elements = append(elements, o.value(levels-1))
	}
	return "[" + o.gap() + strings.Join(elements, o.gap()+","+o.gap()) + o.gap() + "]"
}

// text is a string of odd pieces, and now and then a long one.
func (o oddity) text() string {
	var b strings.Builder
	b.WriteByte('"')
	for range o.IntN(6) {
		b.WriteString(pick(o, oddText))
	}
	if o.IntN(40) == 0 {
		b.WriteString(strings.Repeat(pick(o, oddText), 1+o.IntN(3000)))
	}
	b.WriteByte('"')
	return b.String()
}

var oddText = []string{
	"plain", `\n`, `\r\n`, `\t`, `\b\f`, `\/`, "/", `\\`, `\"`, `\u0000`, `\u001f`, `\u00e9`, "é", "e\u0301", "grüße", `\u2028`,
	"\u007f", "\u0080", "\u2028", "\u2029", "\ufeff", "\ufffd", "\u202eabc\u202c", "\u200b",
	"😀", "𝄞", "👩\u200d👩\u200d👧", `\uD83D\uDE00`, `\ud834\udd1e`, `\uFFFF`, "</script>", "&<>", `\u003c`, "=?base64?eA==?=",
	"data: x", "event: y", `\n\ndata: z`, "{{name}}", "${HOME}", "%s%n", "١٢٣", "[DONE]", "[1,2", `{\"a\":1}`, "'",
}

// nested is a value that goes down so many levels.
func (o oddity) nested(levels int) string {
	open, shut := strings.Builder{}, ""
	for range levels {
		if o.IntN(2) == 0 {
			open.WriteString("[" + o.gap())
			shut = "]" + shut
			continue
		}
		open.WriteString("{" + pick(o, oddKeys) + ":")
		shut = o.gap() + "}" + shut
	}
	return open.String() + pick(o, oddNumbers) + shut
}

// anything is a value, or one that goes down as far as it may.
func (o oddity) anything(levels int) string {
	if o.IntN(15) == 0 {
		return o.nested(levels)
	}
	return o.value(5)
}

// result is what a tool may answer: content, and members nobody knows.
func (o oddity) result(levels int, more ...string) string {
	content := fmt.Sprintf(`"content":%s[{"type":"text","text":%s,"x":%s}]`, o.gap(), o.text(), o.anything(levels-4))
	return o.object(4, append(more, content, `"structuredContent":`+o.object(4, nil), `"x":`+o.anything(levels-2), `"_meta":`+o.object(2, nil)))
}

// definition is a tool's, with an odd schema.
func (o oddity) definition(name string) string {
	schema := o.object(2, []string{`"type":"object"`, `"properties":{"v":` + o.object(4, []string{`"description":` + o.text()}) + `}`, `"x-odd":` + o.anything(50)})
	return o.object(3, []string{fmt.Sprintf(`"name":%q`, name), `"description":` + o.text(), `"inputSchema":` + o.gap() + schema, `"_meta":` + o.object(2, nil)})
}
