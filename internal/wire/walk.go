package wire

import "fmt"

// A walker passes over one value that comes in pieces: the grammar that a
// trusting scanner asks, without ever holding the whole.
type walker struct {
	at    place
	word  string // what is left of true, false or null
	digit int    // of \u that are left
	open  []bool // containers, from outside; true is an object
	key   bool   // the string under way is a key
}

// A place is what may come next.
type place uint8

const (
	atValue    place = iota
	atFirst          // of an array: a value or its end
	atFirstKey       // of an object: a key or its end
	atKey            // behind a comma
	atColon
	behindValue // a comma or an end
	inString
	inEscape
	inHex
	inWord
	atDigit // behind a minus: a number begins
	inInteger
	behindZero
	atFraction // behind a point
	inFraction
	atSign // behind an e
	atExponent
	inExponent
)

// wanted says what should have stood there.
var wanted = map[place]string{
	atValue: "a value", atFirst: "a value", atFirstKey: "a key", atKey: "a key", atColon: "':'", behindValue: "',' or an end",
	inString: "no control character", inEscape: "a known escape", inHex: "a hex digit", inWord: "a value",
	atDigit: "a digit", atFraction: "a digit", atSign: "a digit", atExponent: "a digit",
}

// A misstep is where a walk can't go on.
type misstep struct {
	at    int // in the piece
	err   error
	wants string
}

// walk passes over as much of the value as a piece holds. over says that the
// value ends there, before byte n. An error stands at that byte.
func (w *walker) walk(piece []byte) (n int, over bool, err *misstep) {
	for {
		if n = w.stride(piece, n); n == len(piece) {
			return n, false, nil
		}
		before := w.at
		took, ends, ok := w.step(piece[n])
		if !ok {
			return n, false, &misstep{n, ErrSyntax, wanted[before]}
		}
		if took {
			n++
		}
		if ends {
			return n, true, nil
		}
		if len(w.open) > replyDepth-enclosing {
			return n, false, &misstep{n, ErrDepth, fmt.Sprintf("at most %d levels", replyDepth)}
		}
	}
}

// stride passes over bytes that change nothing.
func (w *walker) stride(piece []byte, n int) int {
	switch w.at {
	case inString:
		return plain(piece, n)
	case inInteger, inFraction, inExponent:
		for n < len(piece) && isDigit(piece[n]) {
			n++
		}
	case atValue, atFirst, atFirstKey, atKey, atColon, behindValue:
		for n < len(piece) && isSpace(piece[n]) {
			n++
		}
	}
	return n
}

// step goes on by one byte, or, where that ends a number, without taking it.
// ends says that the whole value has ended.
func (w *walker) step(b byte) (took, ends, ok bool) {
	switch {
	case w.at <= behindValue:
		return w.between(b)
	case w.at == inString:
		return w.inString(b)
	case w.at >= atDigit:
		return w.number(b)
	case w.at != inWord:
		return true, false, w.escaped(b)
	case b != w.word[0]:
		return false, false, false
	}
	w.word = w.word[1:]
	return true, w.word == "" && w.behind(), true
}

// between takes a byte that stands between values.
func (w *walker) between(b byte) (took, ends, ok bool) {
	switch w.at {
	case behindValue:
		return w.goOn(b)
	case atColon:
		w.at = atValue
		return true, false, b == ':'
	case atKey, atFirstKey:
		if b == '}' && w.at == atFirstKey {
			return w.end()
		}
		w.at, w.key = inString, true
		return true, false, b == '"'
	}
	if b == ']' && w.at == atFirst {
		return w.end()
	}
	return true, false, w.begin(b)
}

// goOn takes what follows a value.
func (w *walker) goOn(b byte) (took, ends, ok bool) {
	object := w.open[len(w.open)-1]
	switch {
	case b == ',' && object:
		w.at = atKey
	case b == ',':
		w.at = atValue
	case b == '}' && object, b == ']' && !object:
		return w.end()
	default:
		return true, false, false
	}
	return true, false, true
}

// end of a container.
func (w *walker) end() (took, ends, ok bool) {
	w.open = w.open[:len(w.open)-1]
	return true, w.behind(), true
}

// begin takes the first byte of a value.
func (w *walker) begin(b byte) bool {
	switch b {
	case '{':
		w.at, w.open = atFirstKey, append(w.open, true)
	case '[':
		w.at, w.open = atFirst, append(w.open, false)
	case '"':
		w.at, w.key = inString, false
	case 't':
		w.at, w.word = inWord, "true"[1:]
	case 'f':
		w.at, w.word = inWord, "false"[1:]
	case 'n':
		w.at, w.word = inWord, "null"[1:]
	case '-':
		w.at = atDigit
	case '0':
		w.at = behindZero
	default:
		w.at = inInteger
		return isDigit(b)
	}
	return true
}

// behind a value: says whether that was the whole.
func (w *walker) behind() bool {
	w.at = behindValue
	return len(w.open) == 0
}

func (w *walker) inString(b byte) (took, ends, ok bool) {
	switch b {
	case '\\':
		w.at = inEscape
	case '"':
		if w.key {
			w.at = atColon
			return true, false, true
		}
		return true, w.behind(), true
	default:
		return false, false, false
	}
	return true, false, true
}

func (w *walker) escaped(b byte) bool {
	if w.at == inHex {
		if w.digit--; w.digit == 0 {
			w.at = inString
		}
		return isDigit(b) || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
	}
	w.at = inString
	switch b {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		w.at, w.digit = inHex, 4
		return true
	}
	return false
}

// number takes a byte of a number, or ends it (RFC 8259 section 6).
func (w *walker) number(b byte) (took, ends, ok bool) {
	next, goesOn := w.afterDigit(b)
	switch {
	case goesOn:
	case b == '.' && (w.at == inInteger || w.at == behindZero):
		next = atFraction
	case b|0x20 == 'e' && (w.at == inInteger || w.at == behindZero || w.at == inFraction):
		next = atSign
	case w.at == atSign && (b == '+' || b == '-'):
		next = atExponent
	case w.at == inInteger, w.at == behindZero, w.at == inFraction, w.at == inExponent:
		return false, w.behind(), true
	default:
		return false, false, false
	}
	w.at = next
	return true, false, true
}

// afterDigit is where a digit leads; false for what is none, or may not stand
// there.
func (w *walker) afterDigit(b byte) (place, bool) {
	if !isDigit(b) || w.at == behindZero {
		return 0, false
	}
	switch w.at {
	case atDigit:
		if b == '0' {
			return behindZero, true
		}
		return inInteger, true
	case atFraction:
		return inFraction, true
	case atSign, atExponent:
		return inExponent, true
	}
	return w.at, true
}

func isDigit(b byte) bool { return b-'0' <= 9 }

// enclosing is how many objects stand around the values that are walked: the
// message and its result.
const enclosing = 2
