package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/store"
)

var lifeTests = []test{
	{"AClosedStoreRefuses", testClosed},
	{"CloseWaitsForCommitsUnderWay", testCloseWaits},
	{"ReadersHonourTheirContext", testCancelledReads},
	{"AClaimIsExclusiveUntilReleased", testClaim},
}

func testClosed(t *testing.T, p *place) {
	put(t, p, key("a"), "1")
	if err := p.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Commit":  func() error { _, err := p.Commit(ctx, store.Tx{}); return err },
		"Get":     func() error { _, err := p.Get(ctx, key("a")); return err },
		"List":    func() error { _, err := p.List(ctx, store.Query{Kind: "thing"}); return err },
		"Counter": func() error { _, err := p.Counter(ctx, "n"); return err },
		"Logs":    func() error { _, err := p.Logs(ctx); return err },
		"Search":  func() error { _, err := p.Search(ctx, store.LogQuery{}); return err },
		"Claim":   func() error { _, _, err := p.Claim(ctx, "log"); return err },
		"Entries": func() error {
			for _, err := range p.Entries(ctx, "log1", 0) {
				return err
			}
			return nil
		},
		"Changes": func() error {
			for _, err := range p.Changes(ctx, "") {
				return err
			}
			return nil
		},
	} {
		if err := call(); !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: got error %v, want ErrClosed", name, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func testCloseWaits(t *testing.T, p *place) {
	log := claim(t, p, "log")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			var tx store.Tx
			tx.Append(entry(log, p.clock.Now()))
			if _, err := p.Commit(t.Context(), tx); err != nil && !errors.Is(err, store.ErrClosed) {
				t.Errorf("commit while closing: %v", err)
			}
		})
	}
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	wg.Wait()
}

func testCancelledReads(t *testing.T, p *place) {
	put(t, p, key("a"), "1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Get(ctx, key("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("get: got error %v, want context.Canceled", err)
	}
	if _, err := p.List(ctx, store.Query{Kind: "thing"}); !errors.Is(err, context.Canceled) {
		t.Errorf("list: got error %v, want context.Canceled", err)
	}
	wantValue(t, p, key("a"), "1")
}

func testClaim(t *testing.T, p *place) {
	first, release, err := p.Claim(t.Context(), "gw")
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	if first != "gw1" {
		t.Errorf("first claim: got %q, want gw1", first)
	}
	if got := claim(t, p, "gw"); got != "gw2" {
		t.Errorf("second claim: got %q, want gw2", got)
	}
	if got := claim(t, p, "g/w|"); got != "g/w|1" {
		t.Errorf("claim of another prefix: got %q, want g/w|1", got)
	}
	release()
	release() // once more is harmless
	if got := claim(t, p, "gw"); got != "gw1" {
		t.Errorf("claim after release: got %q, want gw1", got)
	}
	release() // must not free somebody else's claim
	if got := claim(t, p, "gw"); got != "gw3" {
		t.Errorf("claim after a late release: got %q, want gw3", got)
	}
}
