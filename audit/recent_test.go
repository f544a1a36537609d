package audit

import (
	"fmt"
	"testing"
)

func lineOf(n int) made { return made{plain: fmt.Appendf(nil, "line %d", n)} }

// texts are the lines as text.
func texts(lines []made) string {
	all := make([]string, len(lines))
	for i, m := range lines {
		all[i] = string(m.plain)
	}
	return fmt.Sprint(all)
}

func TestRecentLinesAreTakenOnceAndInOrder(t *testing.T) {
	var r recent
	for n := range 5 {
		r.put("a", uint64(n), lineOf(n))
	}
	if got := texts(r.take("a", 1, 3)); got != "[line 1 line 2]" {
		t.Errorf("got %s, want lines 1 and 2", got)
	}
	if got := r.take("a", 1, 3); got != nil {
		t.Errorf("got %s again, want nothing", texts(got))
	}
	if got := texts(r.take("a", 3, 5)); got != "[line 3 line 4]" {
		t.Errorf("got %s, want lines 3 and 4", got)
	}
}

func TestALineWhoseCommitFailedIsReplaced(t *testing.T) {
	var r recent
	for _, n := range []int{0, 1, 2} {
		r.put("a", uint64(n), lineOf(n))
	}
	r.put("a", 1, lineOf(9))
	if got := r.take("a", 0, 3); got != nil {
		t.Errorf("got %s, want nothing: line 2 went with line 1", texts(got))
	}
	if got := texts(r.take("a", 0, 2)); got != "[line 0 line 9]" {
		t.Errorf("got %s, want the line that came later", got)
	}
}

func TestLinesThatAreNotKnownAreNotMadeUp(t *testing.T) {
	var none *recent
	gap := &recent{}
	gap.put("a", 0, lineOf(0))
	gap.put("a", 2, lineOf(2))
	full := &recent{}
	for n := range maxRecent + 1 {
		full.put("a", uint64(n), lineOf(n))
	}
	other := &recent{}
	other.put("a", 0, lineOf(0))
	other.put("b", 0, lineOf(1))
	for name, got := range map[string][]made{
		"none at all":  none.take("a", 0, 1),
		"a gap":        gap.take("a", 0, 3),
		"too many":     full.take("a", 0, maxRecent+1),
		"another log":  other.take("a", 0, 1),
		"not yet made": full.take("a", maxRecent, maxRecent+2),
	} {
		if got != nil {
			t.Errorf("%s: got %s, want nothing", name, texts(got))
		}
	}
	if got := texts(full.take("a", maxRecent, maxRecent+1)); got != fmt.Sprintf("[line %d]", maxRecent) {
		t.Errorf("got %s, want the newest line", got)
	}
}

func TestManyLinesWakeTheKeeper(t *testing.T) {
	r := recent{many: make(chan struct{}, 1)}
	for n := range manyRecent - 1 {
		r.put("a", uint64(n), made{})
	}
	if len(r.many) != 0 {
		t.Error("woken before there were many")
	}
	r.put("a", manyRecent-1, made{})
	if len(r.many) != 1 {
		t.Error("not woken")
	}
}
