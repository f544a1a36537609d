package glob

// Covers reports whether g matches every name that other matches.
//
// A * of other stands for runs of any length, of characters that g may not know,
// so that only a * of g can take it, and whole: between two literals of g there is
// one gap, and no literal takes an unknown character. It is thus enough to read
// other as a text in which * is one more character, and to run g over it.
func (g Glob) Covers(other Glob) bool {
	tokens := compile(string(g))
	states := make([]bool, len(tokens)+1)
	states[0] = true
	spread(tokens, states)
	for _, r := range string(other) {
		states = advance(tokens, states, r)
		spread(tokens, states)
	}
	return states[len(tokens)]
}

// A token is one step of a pattern. In a gap, a run of ? and * with at least one
// *, the ?s come first and are loose: a * of the other pattern may pass them, but
// only what is there in every name counts for them.
type token struct {
	char  rune // '*', '?' or a literal
	loose bool
}

func compile(pattern string) []token {
	var tokens []token
	runes := []rune(pattern)
	for i := 0; i < len(runes); {
		if runes[i] != '*' && runes[i] != '?' {
			tokens = append(tokens, token{char: runes[i]})
			i++
			continue
		}
		ones, star := 0, false
		for ; i < len(runes) && (runes[i] == '*' || runes[i] == '?'); i++ {
			star = star || runes[i] == '*'
			if runes[i] == '?' {
				ones++
			}
		}
		tokens = append(tokens, gap(ones, star)...)
	}
	return tokens
}

func gap(ones int, star bool) []token {
	var tokens []token
	for range ones {
		tokens = append(tokens, token{char: '?', loose: star})
	}
	if star {
		tokens = append(tokens, token{char: '*', loose: true})
	}
	return tokens
}

// advance reads one character of the other pattern from every state at once.
func advance(tokens []token, states []bool, r rune) []bool {
	next := make([]bool, len(states))
	for i, t := range tokens {
		if !states[i] {
			continue
		}
		if r == '*' {
			next[i] = next[i] || t.loose
			continue
		}
		switch {
		case t.char == '*':
			next[i] = true
		case t.char == '?' || t.char == r:
			next[i+1] = true
		}
	}
	return next
}

// spread leaves each * without reading, for it may take nothing.
func spread(tokens []token, states []bool) {
	for i, t := range tokens {
		if states[i] && t.char == '*' {
			states[i+1] = true
		}
	}
}
