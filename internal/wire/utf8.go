package wire

import "unicode/utf8"

// A utf8Text is text that comes in pieces, which may divide characters.
type utf8Text struct {
	begun [utf8.UTFMax]byte // of the character under way
	n     int               // so many bytes
}

// goesOn says whether the text is UTF-8 with the next piece, as far as that
// can be known yet.
func (t *utf8Text) goesOn(piece []byte) bool {
	for t.n > 0 && len(piece) > 0 {
		t.begun[t.n] = piece[0]
		t.n, piece = t.n+1, piece[1:]
		if utf8.FullRune(t.begun[:t.n]) {
			if !utf8.Valid(t.begun[:t.n]) {
				return false
			}
			t.n = 0
		}
	}
	for at := len(piece) - 1; at >= 0 && at > len(piece)-utf8.UTFMax; at-- {
		if utf8.RuneStart(piece[at]) {
			if !utf8.FullRune(piece[at:]) {
				t.n = copy(t.begun[:], piece[at:])
				piece = piece[:at]
			}
			break
		}
	}
	return utf8.Valid(piece)
}
