package audit

import "bytes"

// member returns the value of a top-level member of a line in canonical
// form, or nil. It reads no deeper than it must.
func member(line []byte, key string) []byte {
	value, _ := memberFrom(line, 1, key)
	return value
}

// memberFrom is member from one place in the line on. rest is the place
// behind the member: those with greater keys follow there.
func memberFrom(line []byte, i int, key string) (value []byte, rest int) {
	for i < len(line) && line[i] == '"' {
		end := skipString(line, i)
		name := line[i+1 : max(i+1, end-1)]
		start := min(end+1, len(line)) // after the colon
		i = skipValue(line, start)
		if string(name) == key {
			return line[start:i], i + 1
		}
		i++ // the comma
	}
	return nil, i
}

// text is a member that is a string without escapes, as ids are; "" else.
func text(line []byte, key string) string { return string(unquote(member(line, key))) }

func unquote(v []byte) []byte {
	if len(v) < 2 || v[0] != '"' {
		return nil
	}
	return v[1 : len(v)-1]
}

// skipString returns where the string that begins at i ends.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			break
		}
		escape := bytes.IndexByte(b[i:i+n], '\\')
		if escape < 0 {
			return i + n + 1
		}
		i += escape + 1
	}
	return len(b)
}

// skipValue returns where the value that begins at i ends.
func skipValue(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return len(b)
}
