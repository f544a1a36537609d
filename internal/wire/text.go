package wire

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns the text of a JSON string, decoded. What is no string (absent
// included) is not ok. raw must have been checked.
func Text(raw []byte) (text string, ok bool) {
	s := newTrusting(raw)
	if s.peek() != '"' {
		return "", false
	}
	from := s.pos
	escaped, err := s.str()
	token := raw[from:s.pos]
	if err != nil || s.end() != nil {
		return "", false
	}
	return string(decodeText(token, escaped)), true
}

// str passes over the string that begins here.
func (s *scanner) str() (escaped bool, err error) {
	start := s.pos
	s.pos++
	for {
		s.pos = plain(s.data, s.pos)
		if s.pos == len(s.data) {
			return false, s.fail(ErrSyntax, start, "string without end")
		}
		switch s.data[s.pos] {
		case '"':
			s.pos++
			return escaped, nil
		case '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return false, err
			}
		default:
			return false, s.fail(ErrSyntax, s.pos, "control character in a string")
		}
	}
}

// plain returns where in data, from at on, the first byte stands that is not
// simply part of a string: a quote, a backslash or a control character.
func plain(data []byte, at int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; at+8 <= len(data); at += 8 {
		// Eight bytes in one word: a byte's high bit is left where the
		// byte is below 0x20, a quote or a backslash.
		w := binary.LittleEndian.Uint64(data[at:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		special := (w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash
		if special&highs != 0 {
			break
		}
	}
	for at < len(data) && data[at] >= ' ' && data[at] != '"' && data[at] != '\\' {
		at++
	}
	return at
}

func (s *scanner) escape() error {
	at := s.pos
	if at+1 == len(s.data) {
		return s.fail(ErrSyntax, at, "unfinished escape")
	}
	s.pos += 2
	switch s.data[at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return s.fail(ErrSyntax, at, "unknown escape")
	}
	unit, ok := hex4(s.data[s.pos:])
	if !ok {
		return s.fail(ErrSyntax, at, `\u without four hex digits`)
	}
	s.pos += 4
	if s.strict && utf16.IsSurrogate(unit) {
		if !pairs(unit, s.data[s.pos:]) {
			return s.fail(ErrUnicode, at, "lone surrogate")
		}
		s.pos += 6
	}
	return nil
}

// pairs tells whether rest begins with the escape that makes a character of
// the surrogate before it (RFC 8259 section 7).
func pairs(high rune, rest []byte) bool {
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
		return false
	}
	low, ok := hex4(rest[2:])
	return ok && utf16.DecodeRune(high, low) != utf8.RuneError
}

func hex4(b []byte) (unit rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}

// decodeText returns the text of a string token, quotes included, that was
// scanned before: a part of it where nothing is escaped. Half a surrogate
// pair, which only a trusting scan passes, becomes U+FFFD.
func decodeText(token []byte, escaped bool) []byte {
	token = token[1 : len(token)-1 : len(token)-1]
	if !escaped {
		return token
	}
	text := make([]byte, 0, len(token))
	for i := 0; i < len(token); {
		if token[i] != '\\' {
			text = append(text, token[i])
			i++
			continue
		}
		var n int
		text, n = decodeEscape(text, token[i:])
		i += n
	}
	return text
}

func decodeEscape(text, token []byte) ([]byte, int) {
	switch c := token[1]; c {
	case 'b':
		return append(text, '\b'), 2
	case 'f':
		return append(text, '\f'), 2
	case 'n':
		return append(text, '\n'), 2
	case 'r':
		return append(text, '\r'), 2
	case 't':
		return append(text, '\t'), 2
	case 'u':
	default:
		return append(text, c), 2
	}
	unit, _ := hex4(token[2:])
	if !utf16.IsSurrogate(unit) {
		return utf8.AppendRune(text, unit), 6
	}
	if !pairs(unit, token[6:]) {
		return utf8.AppendRune(text, utf8.RuneError), 6
	}
	low, _ := hex4(token[8:])
	return utf8.AppendRune(text, utf16.DecodeRune(unit, low)), 12
}

// AppendString appends text as a JSON string. Bytes that are no UTF-8 become
// U+FFFD.
func AppendString(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r < ' ' || r == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&0xf])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
