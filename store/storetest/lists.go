package storetest

import (
	"slices"
	"strconv"
	"testing"

	"github.com/ostiary/ostiary/store"
)

var listTests = []test{
	{"ListsAreNewestFirstByFirstWrite", testListOrder},
	{"AnIndexValueSelects", testListIndex},
	{"OneTenantDoesNotSeeAnother", testListTenants},
	{"IndexValuesAreComparedByteForByte", testListOddValues},
	{"PagesAreStableUnderWrites", testPages},
	{"AForeignCursorIsRefused", testBadCursor},
}

// wantList demands the ids of a query, over all pages.
func wantList(t *testing.T, s store.Store, q store.Query, want ...string) {
	t.Helper()
	var got []string
	for {
		page, err := s.List(t.Context(), q)
		if err != nil {
			t.Fatalf("list %+v: %v", q, err)
		}
		got = append(got, ids(page.Records)...)
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	if !slices.Equal(got, want) {
		t.Fatalf("list %+v: got %q, want %q", q, got, want)
	}
}

func ids(records []store.Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, r.Key.ID)
	}
	return out
}

func testListOrder(t *testing.T, p *place) {
	for _, id := range []string{"a", "b", "c"} {
		put(t, p, key(id), "1")
	}
	put(t, p, store.Key{Kind: "other", ID: "x"}, "1")
	put(t, p, key("a"), "2") // stays where it is
	remove(t, p, key("b"))
	put(t, p, key("b"), "2") // comes anew
	wantList(t, p, store.Query{Kind: "thing"}, "b", "c", "a")
	wantList(t, p, store.Query{Kind: "other"}, "x")
	wantList(t, p, store.Query{Kind: "none"})
}

func testListIndex(t *testing.T, p *place) {
	red, blue := store.Index{Name: "color", Value: "red"}, store.Index{Name: "color", Value: "blue"}
	put(t, p, key("a"), "1", red)
	put(t, p, key("b"), "1", blue)
	put(t, p, key("c"), "1", red, blue, red)
	put(t, p, key("d"), "1")
	put(t, p, store.Key{Kind: "other", ID: "x"}, "1", red)
	wantList(t, p, store.Query{Kind: "thing", Index: red}, "c", "a")
	wantList(t, p, store.Query{Kind: "thing", Index: blue}, "c", "b")
	put(t, p, key("a"), "2", blue)
	wantList(t, p, store.Query{Kind: "thing", Index: red}, "c")
	wantList(t, p, store.Query{Kind: "thing", Index: blue}, "c", "b", "a")
	remove(t, p, key("c"))
	wantList(t, p, store.Query{Kind: "thing", Index: red})
	wantList(t, p, store.Query{Kind: "thing", Index: blue}, "b", "a")
	wantList(t, p, store.Query{Kind: "thing", Index: store.Index{Name: "colour", Value: "blue"}})
}

func testListTenants(t *testing.T, p *place) {
	for i := range 20 {
		tenant := []string{"acme", "globex"}[i%2]
		put(t, p, key(tenant+strconv.Itoa(i)), tenant, store.Index{Name: "tenant", Value: tenant})
	}
	for _, tenant := range []string{"acme", "globex"} {
		q := store.Query{Kind: "thing", Index: store.Index{Name: "tenant", Value: tenant}, Limit: 3}
		for seen := 0; ; {
			page, err := p.List(t.Context(), q)
			if err != nil {
				t.Fatalf("list: %v", err)
			}
			for _, r := range page.Records {
				if got := string(r.Value); got != tenant {
					t.Fatalf("list of %s: got a record of %s", tenant, got)
				}
			}
			if seen += len(page.Records); page.Next == "" {
				if seen != 10 {
					t.Errorf("list of %s: got %d records, want 10", tenant, seen)
				}
				break
			}
			q.Cursor = page.Next
		}
	}
	wantList(t, p, store.Query{Kind: "thing", Index: store.Index{Name: "tenant", Value: "Acme"}})
	wantList(t, p, store.Query{Kind: "thing", Index: store.Index{Name: "tenant"}})
}

func testListOddValues(t *testing.T, p *place) {
	for _, value := range oddIDs {
		put(t, p, key("under "+value), "1", store.Index{Name: "v", Value: value})
	}
	for _, value := range oddIDs {
		wantList(t, p, store.Query{Kind: "thing", Index: store.Index{Name: "v", Value: value}}, "under "+value)
	}
}

func testPages(t *testing.T, p *place) {
	x := store.Index{Name: "owner", Value: "alice"}
	var want []string
	for i := range 10 {
		put(t, p, key(strconv.Itoa(i)), "1", x)
		want = append([]string{strconv.Itoa(i)}, want...)
	}
	for _, index := range []store.Index{{}, x} {
		q := store.Query{Kind: "thing", Index: index, Limit: 4}
		first, err := p.List(t.Context(), q)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		put(t, p, key("new"), "1", x) // must not shift what follows
		put(t, p, key("3"), "changed", x)
		remove(t, p, key("9"))
		q.Cursor = first.Next
		got := ids(first.Records)
		for q.Cursor != "" {
			page, err := p.List(t.Context(), q)
			if err != nil {
				t.Fatalf("list: %v", err)
			}
			got, q.Cursor = append(got, ids(page.Records)...), page.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages by %+v: got %q, want %q", index, got, want)
		}
		remove(t, p, key("new"))
		want = append([]string{"9"}, want[1:]...)
		put(t, p, key("9"), "1", x)
	}
}

func testBadCursor(t *testing.T, p *place) {
	if _, err := p.List(t.Context(), store.Query{Kind: "thing", Cursor: "' OR 1=1"}); err == nil {
		t.Error("list with a foreign cursor: got no error")
	}
	if _, err := p.Search(t.Context(), store.LogQuery{Cursor: "nonsense"}); err == nil {
		t.Error("search with a foreign cursor: got no error")
	}
}
