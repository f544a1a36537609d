package identity_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

func TestAllPeopleAreOnOnePageOnceWhateverTheLimit(t *testing.T) {
	h := newHouse(t, func(c *conf) {
		c.users = []identity.User{{ID: "file-0"}, {ID: "nightly", Machine: true}, {ID: "file-1"}, {ID: "file-2"}}
	})
	want := []ostiary.Subject{"file-0", "file-1", "file-2"}
	for i := range 4 {
		want = slices.Insert(want, 3, h.person(t, ostiary.Subject(fmt.Sprint("stored-", i)), nil).ID)
	}
	for limit := 1; limit <= 8; limit++ {
		var got []ostiary.Subject
		for cursor, more := "", true; more; more = cursor != "" {
			page, next, err := h.users.Page(t.Context(), limit, cursor)
			if err != nil || len(page) > limit || len(got) > len(want) {
				t.Fatalf("limit %d: got %d on a page, %v", limit, len(page), err)
			}
			for _, u := range page {
				got = append(got, u.ID)
			}
			cursor = next
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: got %q; want %q", limit, got, want)
		}
	}
}

func TestAPersonOfTheFileHidesOneOfStorageOnPagesToo(t *testing.T) {
	h := newHouse(t)
	h.alice(t)
	h.conf.users = []identity.User{{ID: "alice", Email: "of the file"}}
	page, _, err := h.over(t, h.raw).users.Page(t.Context(), 10, "")
	if err != nil || len(page) != 1 || page[0].Email != "of the file" {
		t.Errorf("got %+v, %v; want alice of the file alone", page, err)
	}
}
