package ostiary

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrNotCanonical says that bytes have no canonical form: they are no JSON,
// or JSON that two readers could understand differently (duplicate keys,
// broken Unicode, more than 64 levels).
var ErrNotCanonical = errors.New("no canonical form")

// AppendCanonical appends the canonical form of one JSON value: members
// sorted by the UTF-16 code units of their keys and strings escaped as in
// RFC 8785 (sections 3.2.2.2 and 3.2.3), no white space, and number tokens
// exactly as written, which is where it leaves RFC 8785: numbers beyond
// 2^53 keep their digits. An error wraps ErrNotCanonical and leaves dst as
// it was.
func AppendCanonical(dst, raw []byte) ([]byte, error) {
	c := canon{src: raw, dst: dst}
	c.value()
	c.space()
	if c.err == nil && c.pos < len(c.src) {
		c.fail("trailing data")
	}
	if c.err != nil {
		return dst, c.err
	}
	return c.dst, nil
}

const canonicalDepth = 64

// canon reads src once and writes dst. After an error it stands at the end
// of src, so that every loop ends.
type canon struct {
	src   []byte
	pos   int
	dst   []byte
	depth int
	err   error
}

// A canonMember is a member of the object being written: its key, decoded,
// and where key and value stand in dst.
type canonMember struct {
	key      []byte
	from, to int
}

func (c *canon) fail(what string) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s at byte %d", ErrNotCanonical, what, c.pos)
	}
	c.pos = len(c.src)
}

func (c *canon) space() {
	for c.pos < len(c.src) && strings.IndexByte(" \t\r\n", c.src[c.pos]) >= 0 {
		c.pos++
	}
}

// peek skips white space and returns the next byte, 0 at the end.
func (c *canon) peek() byte {
	c.space()
	if c.pos == len(c.src) {
		return 0
	}
	return c.src[c.pos]
}

func (c *canon) take(want byte) bool {
	if c.peek() != want {
		return false
	}
	c.pos++
	return true
}

func (c *canon) expect(want byte) {
	if !c.take(want) {
		c.fail("no " + strconv.QuoteRune(rune(want)))
	}
}

func (c *canon) value() {
	switch c.peek() {
	case '{':
		c.nested(c.object)
	case '[':
		c.nested(c.array)
	case '"':
		c.dst = appendCanonicalString(c.dst, c.text())
	case 't':
		c.word("true")
	case 'f':
		c.word("false")
	case 'n':
		c.word("null")
	default:
		c.number()
	}
}

func (c *canon) nested(read func()) {
	if c.depth++; c.depth > canonicalDepth {
		c.fail("too deep")
		return
	}
	c.pos++
	read()
	c.depth--
}

func (c *canon) word(w string) {
	if !bytes.HasPrefix(c.src[c.pos:], []byte(w)) {
		c.fail("unknown word")
		return
	}
	c.pos += len(w)
	c.dst = append(c.dst, w...)
}

func (c *canon) array() {
	c.dst = append(c.dst, '[')
	for n := 0; c.err == nil && !(n == 0 && c.peek() == ']'); n++ {
		if n > 0 {
			c.dst = append(c.dst, ',')
		}
		c.value()
		if !c.take(',') {
			break
		}
	}
	c.expect(']')
	c.dst = append(c.dst, ']')
}

func (c *canon) object() {
	var members []canonMember
	base := len(c.dst)
	for c.err == nil && !(len(members) == 0 && c.peek() == '}') {
		members = append(members, c.member())
		if !c.take(',') {
			break
		}
	}
	c.expect('}')
	c.sort(base, members)
}

func (c *canon) member() canonMember {
	m := canonMember{from: len(c.dst)}
	if c.peek() != '"' {
		c.fail("no key")
		return m
	}
	m.key = c.text()
	c.dst = append(appendCanonicalString(c.dst, m.key), ':')
	c.expect(':')
	c.value()
	m.to = len(c.dst)
	return m
}

// sort puts the members, which stand in dst from base on in the order in
// which they came, into their canonical order.
func (c *canon) sort(base int, members []canonMember) {
	if c.err != nil {
		return
	}
	slices.SortFunc(members, func(a, b canonMember) int { return compareUTF16(a.key, b.key) })
	written := bytes.Clone(c.dst[base:])
	c.dst = append(c.dst[:base], '{')
	for i, m := range members {
		if i > 0 && bytes.Equal(members[i-1].key, m.key) {
			c.fail("duplicate key " + strconv.Quote(string(m.key)))
			return
		}
		if i > 0 {
			c.dst = append(c.dst, ',')
		}
		c.dst = append(c.dst, written[m.from-base:m.to-base]...)
	}
	c.dst = append(c.dst, '}')
}

// compareUTF16 orders UTF-8 text by UTF-16 code units, as RFC 8785 section
// 3.2.3 wants: characters beyond U+FFFF begin with a surrogate and so come
// before U+E000 to U+FFFF.
func compareUTF16(a, b []byte) int {
	for len(a) > 0 && len(b) > 0 {
		ra, na := utf8.DecodeRune(a)
		rb, nb := utf8.DecodeRune(b)
		if ra != rb {
			return utf16Order(ra) - utf16Order(rb)
		}
		a, b = a[na:], b[nb:]
	}
	return len(a) - len(b)
}

func utf16Order(r rune) int {
	if r >= 0xE000 && r <= 0xFFFF {
		return int(r) + utf8.MaxRune
	}
	return int(r)
}

// number copies a number token. Its grammar is RFC 8259 section 6.
func (c *canon) number() {
	start := c.pos
	c.skip("-")
	if c.skip("0") == 0 && c.digits() == 0 {
		c.fail("no value")
		return
	}
	if c.skip(".") > 0 && c.digits() == 0 {
		c.fail("bad number")
		return
	}
	if c.skip("eE") > 0 {
		c.skip("+-")
		if c.digits() == 0 {
			c.fail("bad number")
			return
		}
	}
	c.dst = append(c.dst, c.src[start:c.pos]...)
}

func (c *canon) skip(any string) int {
	if c.pos < len(c.src) && strings.IndexByte(any, c.src[c.pos]) >= 0 {
		c.pos++
		return 1
	}
	return 0
}

func (c *canon) digits() int {
	n := 0
	for c.skip("0123456789") > 0 {
		n++
	}
	return n
}

// text reads the string that begins here and returns it decoded. Without
// escapes that is a part of src.
func (c *canon) text() []byte {
	c.pos++
	start := c.pos
	var decoded []byte
	for c.pos < len(c.src) {
		switch b := c.src[c.pos]; {
		case b == '"':
			if decoded == nil {
				decoded = c.src[start:c.pos:c.pos]
			} else {
				decoded = append(decoded, c.src[start:c.pos]...)
			}
			c.pos++
			if !utf8.Valid(decoded) {
				c.fail("invalid UTF-8")
			}
			return decoded
		case b == '\\':
			decoded = append(decoded, c.src[start:c.pos]...)
			decoded = c.escape(decoded)
			start = c.pos
		case b < ' ':
			c.fail("control character")
		default:
			c.pos++
		}
	}
	c.fail("unfinished string")
	return nil
}

const (
	escapeLetters = `"\/bfnrt`
	escapeMeaning = "\"\\/\b\f\n\r\t"
)

func (c *canon) escape(dst []byte) []byte {
	c.pos++
	if c.skip("u") > 0 {
		return utf8.AppendRune(dst, c.unicode())
	}
	if c.pos == len(c.src) {
		return dst
	}
	i := strings.IndexByte(escapeLetters, c.src[c.pos])
	if i < 0 {
		c.fail("unknown escape")
		return dst
	}
	c.pos++
	return append(dst, escapeMeaning[i])
}

// unicode reads the digits of \uXXXX, and of the second half where the first
// is a surrogate (RFC 8259 section 7). Half a pair is no character.
func (c *canon) unicode() rune {
	r := c.hex4()
	if r < 0xD800 || r > 0xDFFF {
		return r
	}
	if r < 0xDC00 && bytes.HasPrefix(c.src[c.pos:], []byte(`\u`)) {
		c.pos += 2
		if low := c.hex4(); low >= 0xDC00 && low <= 0xDFFF {
			return 0x10000 + (r-0xD800)<<10 + (low - 0xDC00)
		}
	}
	c.fail("lone surrogate")
	return utf8.RuneError
}

func (c *canon) hex4() rune {
	var b [2]byte
	if len(c.src)-c.pos < 4 {
		c.fail("bad \\u escape")
		return 0
	}
	if _, err := hex.Decode(b[:], c.src[c.pos:c.pos+4]); err != nil {
		c.fail("bad \\u escape")
		return 0
	}
	c.pos += 4
	return rune(b[0])<<8 | rune(b[1])
}

// appendCanonicalString quotes text as RFC 8785 section 3.2.2.2 says: short
// escapes where there are some, \u00xx for other controls, all else as it is.
func appendCanonicalString(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, b := range text {
		switch i := strings.IndexByte(escapeMeaning, b); {
		case i >= 0 && b != '/':
			dst = append(dst, '\\', escapeLetters[i])
		case b < ' ':
			dst = append(dst, `\u00`...)
			dst = hex.AppendEncode(dst, []byte{b})
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}
