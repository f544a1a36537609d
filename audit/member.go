package audit

// member returns the value of a top-level member of a line in canonical
// form, or nil. It reads no deeper than it must.
func member(line []byte, key string) []byte {
	i := 1
	for i < len(line) && line[i] == '"' {
		end := skipString(line, i)
		name := line[i+1 : max(i+1, end-1)]
		start := min(end+1, len(line)) // after the colon
		i = skipValue(line, start)
		if string(name) == key {
			return line[start:i]
		}
		i++ // the comma
	}
	return nil
}

// text is a member that is a string without escapes, as ids are; "" else.
func text(line []byte, key string) string {
	v := member(line, key)
	if len(v) < 2 || v[0] != '"' {
		return ""
	}
	return string(v[1 : len(v)-1])
}

// skipString returns where the string that begins at i ends.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
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
