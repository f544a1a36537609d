package audit

import (
	"slices"
	"testing"
)

func TestWorkDoneAtOnceComesInOrder(t *testing.T) {
	items := make([]int, 10*orderedAtOnce+7)
	for i := range items {
		items[i] = i
	}
	same := func(i int) int { return i }
	if got := slices.Collect(inOrder(slices.Values(items), same)); !slices.Equal(got, items) {
		t.Errorf("got %d items, out of order or not all", len(got))
	}
	for got := range inOrder(slices.Values(items), same) {
		if got == 300 { // whoever stops early leaves nothing running
			break
		}
	}
	if got := slices.Collect(inOrder(slices.Values([]int(nil)), same)); len(got) != 0 {
		t.Errorf("of nothing: got %v", got)
	}
}
