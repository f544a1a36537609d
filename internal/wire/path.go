package wire

import (
	"strconv"
	"strings"
)

const longestPath = 160

// pathTo says which value stands at an offset: $.params.arguments["a b"][3].
// It looks again at what the scanner has passed, so that scanning need not
// keep a path; only errors pay.
func pathTo(data []byte, at int) string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range stepsTo(data, at) {
		if b.Len() > longestPath {
			b.WriteString("…")
			break
		}
		s.write(&b)
	}
	return b.String()
}

// A step is one level of a path: an object's key or an array's index.
type step struct {
	object bool
	key    []byte // a token, quotes included; nil before the first key
	index  int
}

func (s step) write(b *strings.Builder) {
	switch {
	case !s.object:
		b.WriteString("[" + strconv.Itoa(s.index) + "]")
	case s.key == nil:
	case isWord(s.key[1 : len(s.key)-1]):
		b.WriteByte('.')
		b.Write(s.key[1 : len(s.key)-1])
	default:
		b.WriteString("[" + excerpt(decodeText(s.key, true)) + "]")
	}
}

func isWord(key []byte) bool {
	for _, c := range key {
		if !isNameByte(c) {
			return false
		}
	}
	return len(key) > 0 && len(key) <= excerptLength
}

func stepsTo(data []byte, at int) []step {
	var open []step
	for i := 0; i < min(at, len(data)); i++ {
		top := len(open) - 1
		switch data[i] {
		case '{', '[':
			open = append(open, step{object: data[i] == '{'})
		case '}', ']':
			open = open[:max(top, 0)]
		case ',':
			if top >= 0 {
				open[top].index++
				open[top].key = nil
			}
		case '"':
			end := skipString(data, i)
			if end > at {
				return open // the offset is within this string
			}
			if top >= 0 && open[top].object && open[top].key == nil {
				open[top].key = data[i:end]
			}
			i = end - 1
		}
	}
	return open
}

// skipString returns where the string ends that begins at from, which was
// scanned before.
func skipString(data []byte, from int) int {
	for i := from + 1; i < len(data); {
		i = plain(data, i)
		switch {
		case i == len(data):
		case data[i] == '"':
			return i + 1
		case data[i] == '\\':
			i += 2
		default:
			i++
		}
	}
	return len(data)
}
