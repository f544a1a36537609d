package audit

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ostiary/ostiary/store"
)

func TestACheckpointIsReadAsItWasSigned(t *testing.T) {
	key := newSigner(bytes.Repeat([]byte{1}, 32))
	want := Checkpoint{
		Time: time.Date(2026, 11, 21, 9, 0, 0, 1000, time.UTC),
		Logs: []LogState{{"audit-1", 0, tlog.Hash{}}, {"audit-2", 1 << 40, tlog.Hash{1, 2, 3}}},
	}
	signed := must[[]byte](t)(key.sign(want))
	public := must[note.Verifier](t)(ParsePublicKey(key.public))
	got := must[Checkpoint](t)(ParseCheckpoint(signed, public))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checkpoint (-want +got):\n%s", diff)
	}
}

func TestACheckpointThatWasChangedDoesNotCount(t *testing.T) {
	key := newSigner(bytes.Repeat([]byte{1}, 32))
	signed := must[[]byte](t)(key.sign(Checkpoint{Logs: []LogState{{"audit-1", 7, tlog.Hash{1}}}}))
	for i := range signed {
		edited := bytes.Clone(signed)
		edited[i] ^= 1
		if _, err := ParseCheckpoint(edited, key); !errors.Is(err, ErrCheckpoint) {
			t.Fatalf("byte %d edited: got %v, want ErrCheckpoint", i, err)
		}
	}
	if _, err := ParseCheckpoint(signed, newSigner(bytes.Repeat([]byte{2}, 32))); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("another key: got %v, want ErrCheckpoint", err)
	}
}

func TestASignedTextThatIsNoCheckpointDoesNotCount(t *testing.T) {
	root := tlog.Hash{}.String()
	for _, text := range []string{
		"\n", checkpointTitle, checkpointTitle + "yesterday\n",
		"another title\n2026-11-21T09:00:00Z\n",
		checkpointTitle + "2026-11-21T09:00:00+00:00\n",
		checkpointTitle + "2026-11-21T09:00:00Z\naudit-1 7\n",
		checkpointTitle + "2026-11-21T09:00:00Z\naudit-1 -7 " + root + "\n",
		checkpointTitle + "2026-11-21T09:00:00Z\naudit-1 07 " + root + "\n",
		checkpointTitle + "2026-11-21T09:00:00Z\naudit-1 7 abc\n",
	} {
		if c, err := parseText(text); err == nil && c.text() == text {
			t.Errorf("%q: got %+v", text, c)
		}
	}
}

func TestAMirrorIsReadAsItsCheckpoints(t *testing.T) {
	key := newSigner(bytes.Repeat([]byte{1}, 32))
	var file []byte
	for i := range 3 {
		file = append(file, must[[]byte](t)(key.sign(Checkpoint{Logs: []LogState{{"audit-1", uint64(i), tlog.Hash{}}}}))...)
	}
	notes := splitNotes(file)
	if len(notes) != 3 || !bytes.Equal(slices.Concat(notes...), file) {
		t.Fatalf("got %d notes, want 3 that make up the file", len(notes))
	}
	for i, n := range notes {
		if c := must[Checkpoint](t)(ParseCheckpoint(n, key)); c.Logs[0].Size != uint64(i) {
			t.Errorf("note %d: got size %d", i, c.Logs[0].Size)
		}
	}
	if notes := splitNotes(nil); notes != nil {
		t.Errorf("no file: got %q", notes)
	}
}

func TestACheckpointIsMadeOnlyWhenThereIsSomethingNew(t *testing.T) {
	h := newHouse()
	l := h.log(t, Options{})
	if _, err := l.Checkpoint(t.Context()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before the first: got %v, want ErrNotFound", err)
	}
	var notes []string
	for _, fresh := range []bool{true, false, true} {
		h.clock.Move(time.Minute)
		if fresh {
			commit(t, l, outcomeOf("cal_1", StatusOK))
		}
		if err := l.keeper.checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := string(must[[]byte](t)(l.Checkpoint(t.Context())))
		if again := slices.Contains(notes, n); again == fresh {
			t.Errorf("fresh %v, and the same checkpoint again: %v", fresh, again)
		}
		notes = append(notes, n)
	}
}

func TestACheckpointCoversTheLogsOfInstancesThatAreGone(t *testing.T) {
	h := newHouse()
	one, two := h.log(t, Options{}), h.crashing(t, Options{})
	commit(t, two, outcomeOf("cal_1", StatusOK))
	crash(two)
	for _, want := range []bool{false, true} { // the first one leaves it time to come by itself
		commit(t, one, outcomeOf("cal_2", StatusOK))
		if err := one.keeper.checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := string(must[[]byte](t)(one.Checkpoint(t.Context())))
		if got := strings.Contains(n, "audit-2 1 "); got != want {
			t.Errorf("covers audit-2: got %v, want %v, in %s", got, want, n)
		}
	}
}

func TestTheTreeOfAnInstanceThatLivesIsLeftToIt(t *testing.T) {
	h := newHouse()
	one, two := h.log(t, Options{}), h.log(t, Options{})
	for range 3 {
		commit(t, two, outcomeOf("cal_1", StatusOK))
		if err := two.keeper.build(t.Context()); err != nil {
			t.Fatal(err)
		}
		commit(t, two, outcomeOf("cal_1", StatusOK))
		before, _, _ := one.head(t.Context(), "audit-2")
		if err := one.keeper.checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after, _, _ := one.head(t.Context(), "audit-2"); after.Tree.Size != before.Tree.Size {
			t.Errorf("built from %d to %d entries", before.Tree.Size, after.Tree.Size)
		}
	}
}

func TestWhatHasShrunkIsNotSigned(t *testing.T) {
	h := written(t)
	r := NewReader(h.db(t))
	shrunk, version, err := r.head(t.Context(), "audit-1")
	if err != nil {
		t.Fatal(err)
	}
	shrunk.Tree = tree{}
	var tx store.Tx
	if err := r.heads.Update(t.Context(), &tx, "audit-1", shrunk, version); err != nil {
		t.Fatal(err)
	}
	must[store.Receipt](t)(r.db.Commit(t.Context(), tx))
	_, _, err = r.compose(t.Context())
	wantTampered(t, err)
}

func TestATreeIsBuiltAnewWhenItsTilesAreGone(t *testing.T) {
	h := written(t)
	r := NewReader(h.db(t))
	var tx store.Tx
	tx.Delete(r.tileKey("audit-1", tileAt{}))
	must[store.Receipt](t)(h.driver.Commit(t.Context(), tx))
	l := h.crashing(t, Options{})
	commit(t, l, outcomeOf("cal_1", StatusOK))
	closeLog(t, l)
	if report := must[Report](t)(r.Verify(t.Context(), VerifyOptions{})); !report.OK() || report.Entries != 11 {
		t.Errorf("got %+v, want 11 entries and no problem", report)
	}
}

func TestATreeIsNotBuiltOverALogThatWasCutOff(t *testing.T) {
	r := written(t).tamper(t, func(es []store.Entry) []store.Entry { return es[:9] })
	b := builder{r: r, log: "audit-1"}
	wantTampered(t, b.extend(t.Context()))
}
