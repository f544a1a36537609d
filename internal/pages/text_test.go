package pages

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func shown(s string) string {
	var b strings.Builder
	for _, seg := range segments(s) {
		b.WriteString(seg.Text)
	}
	return b.String()
}

func TestWhatCantBeSeenIsMarked(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"plain text", "Ada Lovelace, c-17", "Ada Lovelace, c-17"},
		{"other scripts stay as they are", "Zoë 李 Ωμέγα שלום 🙂", "Zoë 李 Ωμέγα שלום 🙂"},
		{"right-to-left override", "a\u202eb", "a⟨U+202E⟩b"},
		{"isolates", "\u2066\u2067\u2068\u2069", "⟨U+2066⟩⟨U+2067⟩⟨U+2068⟩⟨U+2069⟩"},
		{"arabic letter mark", "\u061c", "⟨U+061C⟩"},
		{"zero width", "ad\u200bmin\u200d\ufeff", "ad⟨U+200B⟩min⟨U+200D⟩⟨U+FEFF⟩"},
		{"soft hyphen and joiners", "\u00ad\u034f\u2060", "⟨U+00AD⟩⟨U+034F⟩⟨U+2060⟩"},
		{"null and escape", "a\x00\x1b[31m", "a⟨U+0000⟩⟨U+001B⟩[31m"},
		{"C1 controls", "\u0085\u009b", "⟨U+0085⟩⟨U+009B⟩"},
		{"line and paragraph separators", "\u2028\u2029", "⟨U+2028⟩⟨U+2029⟩"},
		{"unusual spaces", "a\u00a0b\u3000c", "a⟨U+00A0⟩b⟨U+3000⟩c"},
		{"letters that look like nothing", "\u3164\uffa0\u2800", "⟨U+3164⟩⟨U+FFA0⟩⟨U+2800⟩"},
		{"tags and variation selectors carry hidden text", "a\U000e0041\ufe0f\U000e0100", "a⟨U+E0041⟩⟨U+FE0F⟩⟨U+E0100⟩"},
		{"private use", "\ue000", "⟨U+E000⟩"},
		{"replacement character", "\ufffd", "⟨U+FFFD⟩"},
		{"no UTF-8", "a\xffb", "a⟨byte FF⟩b"},
		{"line breaks break after their mark", "a\nb\tc", "a↵\nb⇥\tc"},
		{"carriage return overwrites nothing", "yes\rno", "yes⟨U+000D⟩no"},
	} {
		if got := shown(c.in); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAMarkTellsWhatItStandsFor(t *testing.T) {
	for in, want := range map[string]string{
		"\u202e": "right-to-left override", "\u2066": "changes the direction of text", "\x07": "control character",
		"\u2003": "unusual space", "\ue000": "private character", "\U000e0041": "invisible character",
	} {
		if got := segments(in); len(got) != 1 || !got[0].Mark || got[0].Name != want {
			t.Errorf("%q: got %+v, want a mark for %q", in, got, want)
		}
	}
}

// Marks are made by us: text that only looks like one stays text.
func TestTextThatLooksLikeAMarkIsNone(t *testing.T) {
	want := []segment{{Text: "⟨U+202E⟩"}}
	if diff := cmp.Diff(want, segments("⟨U+202E⟩")); diff != "" {
		t.Errorf("segments (-want +got):\n%s", diff)
	}
}

func TestALongValueIsFoldedAndKeptWhole(t *testing.T) {
	long := strings.Repeat("é", foldRunes+1)
	lines := strings.Repeat("line\n", foldLines)
	for _, c := range []struct {
		name, in string
		folds    bool
	}{
		{"short", "short", false},
		{"just short enough", long[:2*foldRunes], false},
		{"one character too long", long, true},
		{"many lines", lines, true},
	} {
		got := fold(c.in)
		if got.Text != c.in || got.Count != utf8.RuneCountInString(c.in) {
			t.Errorf("%s: got %d of %d characters", c.name, got.Count, utf8.RuneCountInString(c.in))
		}
		if (got.Head != "") != c.folds {
			t.Errorf("%s: got head %q, want folded %t", c.name, got.Head, c.folds)
		}
	}
}

func TestABriefValueSaysHowMuchItLeftOut(t *testing.T) {
	if got, want := brief(strings.Repeat("x", nameRunes)), strings.Repeat("x", nameRunes); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := brief(strings.Repeat("ß", nameRunes+1234)), strings.Repeat("ß", nameRunes)+"… [1,234 more characters]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzSegmentsHideNothing(f *testing.F) {
	for _, s := range []string{"", "a\u202eb", "\xff\x00", "a\nb", "⟨U+0000⟩"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, seg := range segments(s) {
			for _, r := range seg.Text {
				if !visible(r) && r != '\n' && r != '\t' {
					t.Fatalf("%q shows %q, which can't be seen", s, r)
				}
			}
		}
		if utf8.ValidString(s) && len(shown(s)) < len(s) {
			t.Fatalf("%q lost something: %q", s, shown(s))
		}
	})
}
