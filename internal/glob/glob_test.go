package glob_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/glob"
)

func TestOnlyStarAndQuestionMarkAreSpecial(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"crm:delete_*", "crm:delete_contact", true},
		{"crm:delete_*", "crm:delete_", true},
		{"crm:delete_*", "crm:undelete_x", false},
		{"crm:delete_*", "CRM:delete_x", false},
		{"*", "", true},
		{"*", "a:b/c", true},
		{"crm:@resources/*", "crm:@resources/file:///a/b", true},
		{"?", "é", true},
		{"?", "", false},
		{"??", "é", false},
		{"é*", "éa", true},
		{"crm:*_x", "crm:a_x_x", true},
		{"crm:*_x", "crm:a_x_y", false},
		{"a*b*c", "abcbc", true},
		{"a*b*c", "abcb", false},
		{"[ab]", "a", false},
		{"[ab]", "[ab]", true},
		{`\*`, "*", false},
		{"", "", true},
		{"", "a", false},
		{"a**", "a", true},
	} {
		if got := glob.Glob(c.pattern).Match(c.name); got != c.want {
			t.Errorf("%q matches %q: got %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

func TestAHostilePatternTakesNoLongerThanTheProductOfBothLengths(t *testing.T) {
	pattern := glob.Glob(strings.Repeat("*a", 200) + "b")
	if pattern.Match(strings.Repeat("a", 5000)) {
		t.Error("a name without b was matched")
	}
}

func TestPatternsThatWereNotMeantAreRefused(t *testing.T) {
	for _, text := range []string{"", "a\x00b", "a\nb", "\xff"} {
		if _, err := glob.Parse(text); !errors.Is(err, glob.ErrPattern) {
			t.Errorf("parse %q: got %v, want %v", text, err, glob.ErrPattern)
		}
	}
	if g, err := glob.Parse("crm:*"); err != nil || g != "crm:*" {
		t.Errorf("parse crm:*: got %q, %v", g, err)
	}
}

func TestAWiderPatternCoversANarrowerOne(t *testing.T) {
	for _, c := range []struct {
		wide, narrow string
		want         bool
	}{
		{"*", "crm:delete_*", true},
		{"crm:*", "crm:delete_*", true},
		{"crm:delete_*", "crm:*", false},
		{"crm:*", "crm:delete_contact", true},
		{"?*", "*", false},
		{"*?", "?*", true},
		{"?*?*", "*a*b*", true},
		{"crm:?", "crm:*", false},
		{"*:delete_*", "crm:delete_*", true},
		{"*:delete_*", "crm:*", false},
		{"*a*", "*b*a?", true},
		{"?*ab*", "*aab*", true},
		{"?*ab*", "*ab*", false},
	} {
		if got := glob.Glob(c.wide).Covers(glob.Glob(c.narrow)); got != c.want {
			t.Errorf("%q covers %q: got %v, want %v", c.wide, c.narrow, got, c.want)
		}
	}
}

// Covers is held against its meaning: every pattern of up to four characters
// against every other, over all names of up to six characters of an alphabet
// with one letter that no pattern knows.
func TestCoversMeansThatEveryNameOfOneIsANameOfTheOther(t *testing.T) {
	names := words("abz", 6)
	patterns := words("ab*?", 4)
	matched := make([][]uint64, len(patterns))
	for i, p := range patterns {
		matched[i] = make([]uint64, len(names)/64+1)
		for j, n := range names {
			if glob.Glob(p).Match(n) {
				matched[i][j/64] |= 1 << (j % 64)
			}
		}
	}
	for i, wide := range patterns {
		for j, narrow := range patterns {
			got, want := glob.Glob(wide).Covers(glob.Glob(narrow)), subset(matched[j], matched[i])
			if got != want {
				t.Fatalf("%q covers %q: got %v, want %v", wide, narrow, got, want)
			}
		}
	}
}

func subset(a, b []uint64) bool {
	for i := range a {
		if a[i]&^b[i] != 0 {
			return false
		}
	}
	return true
}

// words returns every text of at most n letters.
func words(letters string, n int) []string {
	all := []string{""}
	for last := all; n > 0; n-- {
		var next []string
		for _, w := range last {
			for _, l := range letters {
				next = append(next, w+string(l))
			}
		}
		all, last = append(all, next...), next
	}
	return all
}

func FuzzMatch(f *testing.F) {
	f.Add("crm:delete_*", "crm:delete_contact")
	f.Add("*a?b**", "xaéb")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		g := glob.Glob(pattern)
		if g.Match(name) && !glob.Glob("*").Match(name) {
			t.Errorf("* does not match %q", name)
		}
		if !g.Covers(g) {
			t.Errorf("%q does not cover itself", pattern)
		}
	})
}
