package audit

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ostiary/ostiary/store"
)

func TestAnUntouchedLogVerifies(t *testing.T) {
	h := written(t)
	report := must[Report](t)(NewReader(h.db(t)).Verify(t.Context(), VerifyOptions{}))
	if !report.OK() || report.Entries != 10 || report.Checkpoints != 1 {
		t.Errorf("got %+v, want 10 entries, 1 checkpoint and no problem", report)
	}
}

func TestAnEmptyStorageVerifies(t *testing.T) {
	report := must[Report](t)(NewReader(newHouse().db(t)).Verify(t.Context(), VerifyOptions{}))
	if !report.OK() || report.Entries != 0 {
		t.Errorf("got %+v, want nothing and no problem", report)
	}
}

func TestTamperingWithTheDatabaseIsFoundAtItsEntry(t *testing.T) {
	for _, c := range tamperings {
		t.Run(c.name, func(t *testing.T) {
			r := written(t).tamper(t, c.edit)
			wantProblem(t, must[Report](t)(r.Verify(t.Context(), VerifyOptions{})), "audit-1", c.at)
		})
	}
}

func TestALogThatSomebodyWithTheKeyWroteAnewIsFoundByItsCheckpoint(t *testing.T) {
	h := written(t)
	seals := &seals{db: h.db(t)}
	r := h.tamper(t, func(es []store.Entry) []store.Entry {
		e := &es[3]
		plain, err := seals.open(*e)
		if err != nil {
			t.Error(err)
		}
		plain = []byte(strings.Replace(string(plain), `"bytes":345`, `"bytes":346`, 1))
		e.Line = seal(seals.of(e.Log), plain, place(bind(e.Time, e.Index), e.Log, e.Seq))
		return es
	})
	wantProblem(t, must[Report](t)(r.Verify(t.Context(), VerifyOptions{})), "audit-1", 3)

	var tx store.Tx // without the kept hashes only the range is known
	tx.Delete(r.tileKey("audit-1", tileAt{}))
	if _, err := h.driver.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, must[Report](t)(r.Verify(t.Context(), VerifyOptions{})), "audit-1", 0)
}

func TestTruncationShowsAgainstACheckpointKeptOutsideAlone(t *testing.T) {
	h := written(t)
	outside := must[[]byte](t)(NewReader(h.db(t)).Checkpoint(t.Context()))
	forget(t, h)
	r := h.tamper(t, func(es []store.Entry) []store.Entry { return es[:7] })
	if report := must[Report](t)(r.Verify(t.Context(), VerifyOptions{})); !report.OK() {
		t.Errorf("without any checkpoint: got %v, want nothing to compare with", report.Problems)
	}
	report := must[Report](t)(r.Verify(t.Context(), VerifyOptions{Checkpoints: outside}))
	wantProblem(t, report, "audit-1", 7)
}

func TestACheckpointOfAnotherHouseDoesNotCount(t *testing.T) {
	h, other := written(t), written(t)
	foreign := must[[]byte](t)(NewReader(other.db(t)).Checkpoint(t.Context()))
	r := NewReader(h.db(t))
	for _, o := range []VerifyOptions{
		{Checkpoints: foreign},
		{Checkpoints: []byte("garbage")},
		{PublicKey: NewReader(other.db(t)).PublicKey()},
	} {
		if report := must[Report](t)(r.Verify(t.Context(), o)); report.OK() {
			t.Errorf("%.40q: got no problem", o)
		}
	}
	own := must[[]byte](t)(r.Checkpoint(t.Context()))
	o := VerifyOptions{Checkpoints: append(own, own...), PublicKey: r.PublicKey() + "\n"}
	if report := must[Report](t)(r.Verify(t.Context(), o)); !report.OK() || report.Checkpoints != 3 {
		t.Errorf("own checkpoint twice: got %+v, want 3 checkpoints and no problem", report)
	}
	if _, err := r.Verify(t.Context(), VerifyOptions{PublicKey: "garbage"}); err == nil {
		t.Error("a key that is none: got no error")
	}
}

func TestVerifyCoversTheLogsOfAllInstances(t *testing.T) {
	h := newHouse()
	one, two := h.crashing(t, Options{}), h.crashing(t, Options{})
	commit(t, one, outcomeOf("cal_1", StatusOK))
	commit(t, two, outcomeOf("cal_2", StatusOK), outcomeOf("cal_3", StatusOK))
	closeLog(t, one)
	closeLog(t, two)
	report := must[Report](t)(NewReader(h.db(t)).Verify(t.Context(), VerifyOptions{}))
	if got := fmt.Sprint(report.Entries, len(report.Logs), report.Logs[0].Size, report.Logs[1].Size); !report.OK() || got != "3 2 1 2" {
		t.Errorf("got %s and problems %v, want 3 entries in 2 logs of 1 and 2", got, report.Problems)
	}
	r := h.tamper(t, func(es []store.Entry) []store.Entry { return nil })
	wantProblem(t, must[Report](t)(r.Verify(t.Context(), VerifyOptions{})), "audit-1", 0)
}

func TestVerifyIsRightAcrossManyTiles(t *testing.T) {
	h := newHouse()
	l := h.crashing(t, Options{})
	for range 7 { // 700 entries: two full tiles and a part
		commit(t, l, repeat(outcomeOf("cal_1", StatusOK), 100)...)
		if err := l.keeper.checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	closeLog(t, l)
	report := must[Report](t)(NewReader(h.db(t)).Verify(t.Context(), VerifyOptions{}))
	if !report.OK() || report.Checkpoints != 7 {
		t.Errorf("got %+v, want 7 checkpoints and no problem", report)
	}
	r := h.tamper(t, func(es []store.Entry) []store.Entry { es[600].Line = es[601].Line; return es })
	wantProblem(t, must[Report](t)(r.Verify(t.Context(), VerifyOptions{})), "audit-1", 600)
}

func TestCheckpointsThatContradictEachOtherAreAProblem(t *testing.T) {
	c := &checker{}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c.expect(Checkpoint{now, []LogState{{"audit-1", 3, tlog.Hash{1}}}}, "the kept")
	c.expect(Checkpoint{now, []LogState{{"audit-1", 3, tlog.Hash{2}}}}, "the given")
	if report := c.finish(); report.OK() {
		t.Error("got no problem")
	}
}

func TestALineInAnotherFormThanTheCanonicalOneHasAFlaw(t *testing.T) {
	for line, want := range map[string]bool{
		`{"log":"audit-1","seq":0}`:           false,
		`{"log":"audit-1", "seq":0}`:          true,
		`{"seq":0,"log":"audit-1"}`:           true,
		`{"log":"audit-\u0031","seq":0}`:      true,
		`{"log":"audit-1","log":"x","seq":0}`: true,
		`{"log":"audit-1","seq":-1}`:          true,
		`{"log":"audit-1","seq":1e2}`:         true,
		`{"log":"audit-1","seq":"0"}`:         true,
		`{"detail":{"log":"x"},"seq":0}`:      true,
		`{"log":7,"seq":0}`:                   true,
		`[]`:                                  true,
		``:                                    true,
	} {
		if got := checkLine([]byte(line)).flaw; (got != "") != want {
			t.Errorf("%s: got flaw %q, want one: %v", line, got, want)
		}
	}
}

func TestVerifyStopsWhenItsContextIsDone(t *testing.T) {
	r := NewReader(written(t).db(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Verify(ctx, VerifyOptions{}); err == nil {
		t.Error("got no error")
	}
}

func TestAReportSpeaksInSentences(t *testing.T) {
	seven := uint64(7)
	for want, r := range map[string]Report{
		"3 entries of 1 logs are as they were written; 2 checkpoints hold.": {Entries: 3, Checkpoints: 2, Logs: make([]LogState, 1)},
		"audit-1, entry 7: is missing":                                      {Problems: []Problem{{"audit-1", &seven, "is missing"}}},
		"audit-1: two checkpoints":                                          {Problems: []Problem{{"audit-1", nil, "two checkpoints"}}},
		"compare it with one you trust: KEY":                                {KeyEmbedded: true, PublicKey: "KEY"},
		"3 selected entries":                                                {Selected: true, Entries: 3},
	} {
		if got := strings.Join(r.Sentences(), "\n"); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
}

func wantProblem(t *testing.T, r Report, log string, entry uint64) {
	t.Helper()
	if r.OK() {
		t.Errorf("got no problem, want one at entry %d of %s", entry, log)
		return
	}
	for _, p := range r.Problems {
		if p.Log == log && p.Entry != nil && *p.Entry == entry {
			return
		}
	}
	t.Errorf("got problems %v, want one at entry %d of %s", r.Problems, entry, log)
}

// forget removes all checkpoints, heads and tiles, as somebody may who has a
// hand on the database.
func forget(t *testing.T, h *house) {
	t.Helper()
	for _, kind := range []store.Kind{kindHead, kindCheckpoint, kindLatest, kindTile} {
		page := must[store.Page](t)(h.driver.List(t.Context(), store.Query{Kind: kind, Limit: 1000}))
		var tx store.Tx
		for _, rec := range page.Records {
			tx.Delete(rec.Key)
		}
		if _, err := h.driver.Commit(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
}

func repeat(e Entry, n int) []Entry {
	all := make([]Entry, n)
	for i := range all {
		all[i] = e
	}
	return all
}
