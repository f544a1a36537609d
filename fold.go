package ostiary

import (
	"unicode"
	"unicode/utf8"
)

// FoldRune returns the smallest of the runes that r folds with. It is simple
// case folding, as encoding/json does it, and full width forms of ASCII count
// as ASCII.
func FoldRune(r rune) rune {
	if r >= '！' && r <= '～' {
		r -= '！' - '!' // U+FF01 to U+FF5E are ASCII in full width
	}
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next // the smallest ends the orbit
		}
		r = next
	}
}

// SameName says whether some reader could take one name for the other: they
// differ at most as FoldRune folds.
func SameName(a, b string) bool {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if FoldRune(x) != FoldRune(y) {
			return false
		}
		a, b = a[n:], b[m:]
	}
	return a == b
}
