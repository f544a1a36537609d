package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/audit"
)

// A book is a record as the API shows it: pages of the newest entries.
type book struct {
	mu      sync.Mutex
	entries []audit.Entry
	next    map[string]uint64
	asked   int
}

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// write adds an entry to a log, with a time after start.
func (b *book) write(log string, at time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = map[string]uint64{}
	}
	b.entries = append(b.entries, audit.Entry{Log: log, Seq: b.next[log], Time: start.Add(at), Kind: audit.KindAuth})
	b.next[log]++
}

func newestFirst(a, b audit.Entry) int {
	return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.Log, a.Log), cmp.Compare(b.Seq, a.Seq))
}

func cursorOf(e audit.Entry) string { return fmt.Sprint(e.Log, "/", e.Seq) }

// page is a pager. No page is longer than the API's.
func (b *book) page(_ context.Context, limit int, cursor string) ([]audit.Entry, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	if limit < 1 || limit > 200 {
		return nil, "", fmt.Errorf("limit must be a number from 1 to 200; got %d", limit)
	}
	all := slices.SortedFunc(slices.Values(b.entries), newestFirst)
	if cursor != "" {
		at := slices.IndexFunc(all, func(e audit.Entry) bool { return cursorOf(e) == cursor })
		all = all[at+1:]
	}
	if len(all) <= limit {
		return all, "", nil
	}
	return all[:limit], cursorOf(all[limit-1]), nil
}

// following runs a tail with --follow; each of steps writes between two of
// its looks. It returns what was printed, in order.
func following(t *testing.T, b *book, lines int, steps ...func()) (got []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var out bytes.Buffer
		done := make(chan error)
		go func() {
			done <- auditTail{Lines: lines, JSON: true}.follow(&program{ctx: ctx, stdout: &out}, &follower{pages: b.page})
		}()
		synctest.Wait()
		for _, step := range steps {
			step()
			time.Sleep(followEvery)
			synctest.Wait()
		}
		time.Sleep(deep * followEvery)
		synctest.Wait()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		got = placesIn(t, out.Bytes())
	})
	return got
}

func placesIn(t *testing.T, text []byte) (got []string) {
	t.Helper()
	for d := json.NewDecoder(bytes.NewReader(text)); d.More(); {
		var e audit.Entry
		if err := d.Decode(&e); err != nil {
			t.Fatal(err)
		}
		got = append(got, cursorOf(e))
	}
	return got
}

// wantAll wants each entry from number on to have been printed, once.
func wantAll(t *testing.T, got []string, b *book, from int) {
	t.Helper()
	times := map[string]int{}
	for _, place := range got {
		times[place]++
	}
	for i, e := range b.entries {
		want := 1
		if i < from {
			want = 0
		}
		if n := times[cursorOf(e)]; n != want {
			t.Errorf("entry %s at %s came %d times; want %d", cursorOf(e), e.Time.Sub(start), n, want)
		}
	}
}

func TestFollowingByPagesLosesNothing(t *testing.T) {
	const old = 450
	for what, steps := range map[string]func(b *book) []func(){
		"a burst of more than a page": func(b *book) []func() {
			return []func(){func() {
				for i := range 1000 {
					b.write("audit-1", time.Hour+time.Duration(i)*time.Microsecond)
				}
			}}
		},
		"a burst at one moment": func(b *book) []func() {
			return []func(){func() {
				for range 500 {
					b.write("audit-1", time.Hour)
				}
			}, func() { b.write("audit-1", time.Hour) }}
		},
		"older than what was seen": func(b *book) []func() {
			return []func(){
				func() { b.write("audit-1", time.Hour) },
				func() { b.write("audit-1", time.Hour-time.Second) },
				func() { b.write("audit-2", time.Hour-4*time.Second) },
			}
		},
		"by a clock minutes behind": func(b *book) []func() {
			return []func(){
				func() { b.write("audit-1", time.Hour) },
				func() { b.write("audit-2", time.Hour-4*time.Minute) },
				func() { b.write("audit-2", time.Hour-4*time.Minute+time.Second) },
			}
		},
		"older than a page of others": func(b *book) []func() {
			busy := func(from time.Duration) func() {
				return func() {
					for i := range 400 {
						b.write("audit-1", from+time.Duration(i)*10*time.Millisecond)
					}
				}
			}
			return []func(){busy(time.Hour), func() { b.write("audit-2", time.Hour) }, busy(time.Hour + time.Minute), func() { b.write("audit-2", time.Hour) }}
		},
		"after a long silence": func(b *book) []func() {
			return []func(){
				func() { b.write("audit-1", time.Hour) },
				func() { b.write("audit-1", 48*time.Hour) },
				func() { b.write("audit-1", 48*time.Hour-time.Second) },
			}
		},
		"nothing new": func(*book) []func() { return []func(){func() {}, func() {}} },
	} {
		t.Run(what, func(t *testing.T) {
			b := &book{}
			for i := range old {
				b.write("audit-1", time.Duration(i)*time.Second)
			}
			wantAll(t, following(t, b, 0, steps(b)...), b, old)
		})
	}
}

func TestFollowingBeginsWithTheNewest(t *testing.T) {
	for _, lines := range []int{0, 1, 20, 300, 10_000} {
		t.Run(fmt.Sprint(lines), func(t *testing.T) {
			b := &book{}
			for i := range 450 {
				b.write("audit-1", time.Duration(i)*time.Minute)
			}
			wantAll(t, following(t, b, lines, func() { b.write("audit-1", 450*time.Minute) }), b, max(0, 450-lines))
		})
	}
	t.Run("of nothing", func(t *testing.T) {
		b := &book{}
		wantAll(t, following(t, b, 5, func() {}, func() { b.write("audit-1", 0) }), b, 0)
	})
}

func TestTheNewestEntriesAreAsManyAsAskedFor(t *testing.T) {
	b := &book{}
	for i := range 450 {
		b.write("audit-1", time.Duration(i)*time.Second)
	}
	for _, n := range []int{0, 1, 199, 200, 201, 450, 451} {
		got, err := pager(b.page).newest(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		want := b.entries[max(0, 450-n):]
		if !slices.EqualFunc(got, want, func(a, b audit.Entry) bool { return a.Seq == b.Seq }) {
			t.Errorf("asked for %d, got %d; want the newest, oldest first", n, len(got))
		}
	}
}

// A tail must not read the whole record again and again.
func TestALookGoesBackAsFarAsItMust(t *testing.T) {
	b := &book{}
	for i := range 5000 {
		b.write("audit-1", time.Duration(i)*time.Second)
	}
	f := &follower{pages: b.page}
	if _, err := f.begin(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	b.asked = 0
	if _, err := f.more(t.Context(), near); err != nil || b.asked != 1 {
		t.Errorf("looked at %d pages (%v); want 1", b.asked, err)
	}
	if len(f.known) > 400 {
		t.Errorf("%d entries are remembered; want those of %s", len(f.known), far)
	}
}

func TestLinesBelowZeroAreNoNumberOfEntries(t *testing.T) {
	for _, args := range [][]string{{"-n", "-1"}, {"--lines=-1"}, {"--lines=x"}} {
		r := try(t, "", append([]string{"audit", "tail", "-c", "none.yaml"}, args...)...)
		if r.code != exitUsage || !strings.Contains(r.err, "--lines") {
			t.Errorf("audit tail %v: %d %s; want 2 and --lines named", args, r.code, r.err)
		}
	}
}
