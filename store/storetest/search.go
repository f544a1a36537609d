package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store"
)

var searchTests = []test{
	{"ASearchFindsByEveryIndexValue", testSearchIndex},
	{"ASearchFindsByTime", testSearchTime},
	{"ASearchGoesOverAllLogsNewestFirst", testSearchLogs},
	{"SearchPagesAreStableUnderWrites", testSearchPages},
	{"ASearchFindsWhatIsOldAndRare", testSearchRare},
}

// wantSearch demands the lines of a search, over all its pages.
func wantSearch(t *testing.T, s store.Store, q store.LogQuery, want ...string) {
	t.Helper()
	var got []string
	for {
		page, err := s.Search(t.Context(), q)
		if err != nil {
			t.Fatalf("search: %v", err)
		}
		got = append(got, lines(page.Entries)...)
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	if !slices.Equal(got, want) {
		t.Fatalf("search %+v: got %q, want %q", q, got, want)
	}
}

func lines(entries []store.Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, string(e.Line))
	}
	return out
}

func said(log, text string, at time.Time, index ...store.Index) store.Append {
	return store.Append{Log: log, Time: at, Index: index, Line: func(uint64) ([]byte, error) { return []byte(text), nil }}
}

func who(value string) store.Index  { return store.Index{Name: "subject", Value: value} }
func what(value string) store.Index { return store.Index{Name: "tool", Value: value} }

func testSearchIndex(t *testing.T, p *place) {
	log := claim(t, p, "log")
	at := p.clock.Now()
	for i, index := range [][]store.Index{
		{who("alice"), what("read")}, {who("bob"), what("read")}, {who("alice"), what("write")}, {}, {who("Alice")}, {{Name: "tool", Value: "alice"}},
	} {
		appendOne(t, p, said(log, strconv.Itoa(i), at.Add(time.Duration(i)*time.Second), index...))
	}
	wantSearch(t, p, store.LogQuery{}, "5", "4", "3", "2", "1", "0")
	wantSearch(t, p, store.LogQuery{Index: []store.Index{who("alice")}}, "2", "0")
	wantSearch(t, p, store.LogQuery{Index: []store.Index{what("read")}}, "1", "0")
	wantSearch(t, p, store.LogQuery{Index: []store.Index{what("read"), who("alice")}}, "0")
	wantSearch(t, p, store.LogQuery{Index: []store.Index{who("alice"), who("bob")}})
	wantSearch(t, p, store.LogQuery{Index: []store.Index{who("")}})
}

func testSearchTime(t *testing.T, p *place) {
	log := claim(t, p, "log")
	at := p.clock.Now()
	for i := range 5 {
		appendOne(t, p, said(log, strconv.Itoa(i), at.Add(time.Duration(i)*time.Second), who("alice")))
	}
	from, to := at.Add(time.Second), at.Add(3*time.Second)
	wantSearch(t, p, store.LogQuery{From: from}, "4", "3", "2", "1")
	wantSearch(t, p, store.LogQuery{To: to}, "2", "1", "0")
	wantSearch(t, p, store.LogQuery{From: from, To: to, Index: []store.Index{who("alice")}}, "2", "1")
	wantSearch(t, p, store.LogQuery{From: from, To: from})
	wantSearch(t, p, store.LogQuery{From: from.Add(time.Microsecond), To: to.Add(time.Microsecond), Limit: 1}, "3", "2")
}

func testSearchLogs(t *testing.T, p *place) {
	one, two := claim(t, p, "log"), claim(t, p, "log")
	at := p.clock.Now()
	for _, a := range []store.Append{
		said(one, "1", at.Add(1)), said(two, "4", at.Add(4*time.Second)), said(one, "3", at.Add(3*time.Second)),
		said(two, "2", at.Add(2*time.Second)), said(one, "5", at.Add(5*time.Second)),
	} {
		appendOne(t, p, a)
	}
	wantSearch(t, p, store.LogQuery{}, "5", "4", "3", "2", "1")
	wantSearch(t, p, store.LogQuery{Limit: 2}, "5", "4", "3", "2", "1")
}

func testSearchPages(t *testing.T, p *place) {
	log := claim(t, p, "log")
	at := p.clock.Now()
	for i := range 6 { // pairs of one time
		appendOne(t, p, said(log, strconv.Itoa(i), at.Add(time.Duration(i/2)*time.Second), who("alice")))
	}
	q := store.LogQuery{Index: []store.Index{who("alice")}, Limit: 3}
	first, err := p.Search(t.Context(), q)
	if err != nil {
		t.Fatalf("search: %v", err)
	}
	if got, want := lines(first.Entries), []string{"5", "4", "3"}; !slices.Equal(got, want) {
		t.Fatalf("first page: got %q, want %q", got, want)
	}
	appendOne(t, p, said(log, "later", at.Add(time.Hour), who("alice")))
	q.Cursor = first.Next
	wantSearch(t, p, q, "2", "1", "0")
}

// testSearchRare looks for few among many, with everything in between that a
// driver may do to find them faster.
func testSearchRare(t *testing.T, p *place) {
	log := claim(t, p, "log")
	at := p.clock.Now()
	const n = 1100
	for from := 0; from < n; from += 100 {
		commit(t, p, func(tx *store.Tx) {
			for i := from; i < from+100; i++ {
				index := []store.Index{who(fmt.Sprint("s", i%10)), {Name: "call", Value: strconv.Itoa(i)}}
				tx.Append(said(log, strconv.Itoa(i), at.Add(time.Duration(i)*time.Millisecond), index...))
			}
		})
	}
	for _, i := range []int{0, 255, 256, 700, n - 1} {
		call := store.Index{Name: "call", Value: strconv.Itoa(i)}
		wantSearch(t, p, store.LogQuery{Index: []store.Index{call, who(fmt.Sprint("s", i%10))}}, strconv.Itoa(i))
		wantSearch(t, p, store.LogQuery{Index: []store.Index{call, who(fmt.Sprint("s", (i+1)%10))}})
	}
	var want []string
	for i := n - 1; i >= 0; i-- {
		if i%10 == 3 {
			want = append(want, strconv.Itoa(i))
		}
	}
	wantSearch(t, p, store.LogQuery{Index: []store.Index{who("s3")}, Limit: 7}, want...)
	late := store.LogQuery{Index: []store.Index{who("s3")}, From: at.Add(400 * time.Millisecond), To: at.Add(440 * time.Millisecond)}
	wantSearch(t, p, late, "433", "423", "413", "403")
}
