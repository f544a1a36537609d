package audit

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ostiary/ostiary"
)

// exportOf exports what q selects.
func exportOf(t *testing.T, h *house, q Query) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := NewReader(h.db(t)).Export(t.Context(), &out, q); err != nil {
		t.Fatalf("export: %v", err)
	}
	return out.Bytes()
}

// twoLogs is a house with a log of 300 entries and one of 2.
func twoLogs(t *testing.T) *house {
	t.Helper()
	h := newHouse()
	one, two := h.crashing(t, Options{}), h.crashing(t, Options{})
	commit(t, one, repeat(outcomeOf("cal_1", StatusOK), 300)...)
	bob := outcomeOf("cal_2", StatusError)
	bob.Actor.Subject = "bob"
	commit(t, two, outcomeOf("cal_2", StatusOK), bob)
	crash(one)
	crash(two)
	return h
}

func verifyExport(t *testing.T, export []byte, o VerifyOptions) Report {
	t.Helper()
	return must[Report](t)(VerifyExport(t.Context(), bytes.NewReader(export), o))
}

func TestAnUntouchedExportVerifies(t *testing.T) {
	h := twoLogs(t)
	export := exportOf(t, h, Query{})
	r := NewReader(h.db(t))
	outside := must[[]byte](t)(r.Checkpoint(t.Context()))
	for _, o := range []VerifyOptions{{}, {PublicKey: r.PublicKey()}, {Checkpoints: outside}} {
		report := verifyExport(t, export, o)
		if !report.OK() || report.Entries != 302 || len(report.Logs) != 2 || report.KeyEmbedded != (o.PublicKey == "") {
			t.Errorf("%q: got %+v, want 302 entries of 2 logs and no problem", o, report)
		}
	}
	if again := exportOf(t, h, Query{}); !bytes.Equal(export, again) {
		t.Error("a second export of the same logs differs")
	}
}

func TestAnEmptyExportVerifies(t *testing.T) {
	if report := verifyExport(t, exportOf(t, newHouse(), Query{}), VerifyOptions{}); !report.OK() {
		t.Errorf("got problems %v", report.Problems)
	}
}

func TestAnExportDoesNotDisturbALogThatIsWritten(t *testing.T) {
	h := newHouse()
	l := h.crashing(t, Options{})
	for i := range 3 {
		commit(t, l, intentOf("cal_open"), outcomeOf("cal_1", StatusOK), intentOf(ostiary.CallID(rune('a'+i))))
		if err := l.keeper.build(t.Context()); err != nil {
			t.Fatal(err)
		}
		commit(t, l, outcomeOf("cal_open", StatusOK), outcomeOf(ostiary.CallID(rune('a'+i)), StatusOK))
		if report := verifyExport(t, exportOf(t, h, Query{}), VerifyOptions{}); !report.OK() || report.Entries != uint64(5*(i+1)) {
			t.Fatalf("export %d: got %d entries and %v", i, report.Entries, report.Problems)
		}
	}
	closeLog(t, l)
	got, _, err := l.head(t.Context(), "audit-1")
	if err != nil || got.Low != 15 {
		t.Errorf("mark: got %d (%v), want 15: no call is open", got.Low, err)
	}
}

// exportTamperings are what can be done to an export, and the first entry of
// audit-1 that is then bad; -1: no entry is named.
var exportTamperings = []struct {
	name string
	at   int
	edit func(lines [][]byte) [][]byte
}{
	{"a byte of an entry", 3, func(ls [][]byte) [][]byte { return replace(ls, 5, `"bytes":345`, `"bytes":346`) }},
	{"a byte of an entry in the second tile", 270, func(ls [][]byte) [][]byte { return replace(ls, 273, `"alice"`, `"alicf"`) }},
	{"the form of an entry", 3, func(ls [][]byte) [][]byte { return replace(ls, 5, `"bytes":345`, `"bytes": 345`) }},
	{"an entry that is no JSON any more", 3, func(ls [][]byte) [][]byte { return replace(ls, 5, `{"actor"`, `("actor"`) }},
	{"the number of an entry", 3, func(ls [][]byte) [][]byte { return replace(ls, 5, `"seq":3`, `"seq":8`) }},
	{"the log of an entry", 3, func(ls [][]byte) [][]byte { return replace(ls, 5, `"audit-1"`, `"audit-9"`) }},
	{"an entry moved to another log", 3, func(ls [][]byte) [][]byte { return replace(ls, 5, `"audit-1"`, `"audit-2"`) }},
	{"an entry removed", 3, func(ls [][]byte) [][]byte { return slices.Delete(ls, 5, 6) }},
	{"two entries swapped", 3, func(ls [][]byte) [][]byte { ls[5], ls[6] = ls[6], ls[5]; return ls }},
	{"an entry duplicated", 4, func(ls [][]byte) [][]byte { return slices.Insert(ls, 6, ls[5]) }},
	{"an entry and its hash", 0, func(ls [][]byte) [][]byte {
		ls = replace(ls, 5, `"bytes":345`, `"bytes":346`)
		return rehash(ls)
	}},
	{"an entry, with all hashes removed", 0, func(ls [][]byte) [][]byte {
		ls = replace(ls, 5, `"bytes":345`, `"bytes":346`)
		return slices.DeleteFunc(ls, func(l []byte) bool { return bytes.HasPrefix(l, []byte(`{"ostiary":"hashes"`)) })
	}},
	{"the tail cut off", 298, func(ls [][]byte) [][]byte { return ls[:301] }},
	{"the tail cut off, with a new end", 298, func(ls [][]byte) [][]byte {
		return append(ls[:301], []byte(`{"ostiary":"end","entries":298}`))
	}},
	{"the end removed", -1, func(ls [][]byte) [][]byte { return ls[:len(ls)-1] }},
	{"something after the end", -1, func(ls [][]byte) [][]byte { return append(ls, ls[5]) }},
	{"the header removed", -1, func(ls [][]byte) [][]byte { return ls[1:] }},
	{"the checkpoint's size", -1, func(ls [][]byte) [][]byte { return replace(ls, 0, `audit-1 300`, `audit-1 299`) }},
	{"the public key", -1, func(ls [][]byte) [][]byte { return replace(ls, 0, `"public_key":"`, `"public_key":"x`) }},
	{"the checkpoints removed", -1, func(ls [][]byte) [][]byte {
		ls[0] = regexp.MustCompile(`"checkpoints":\[.*\]`).ReplaceAll(ls[0], []byte(`"checkpoints":[]`))
		return ls
	}},
	{"an entry appended, with its hash and a new end", 300, func(ls [][]byte) [][]byte {
		forged := bytes.Replace(ls[302], []byte(`"seq":299`), []byte(`"seq":300`), 1)
		return appended(ls, 303, forged, 303)
	}},
	{"entries appended to a second log", -1, func(ls [][]byte) [][]byte {
		forged := bytes.Replace(ls[305], []byte(`"seq":1`), []byte(`"seq":2`), 1)
		return appended(ls, 306, forged, 303)
	}},
	{"an entry of a log of its own", -1, func(ls [][]byte) [][]byte {
		forged := bytes.Replace(ls[4], []byte(`"audit-1"`), []byte(`"audit-3"`), 1)
		return appended(ls, 306, forged, 303)
	}},
	{"the case of a hashes line's name", -1, func(ls [][]byte) [][]byte { return replace(ls, 1, `"hashes"`, `"Hashes"`) }},
	{"the case of a hashes line's member", -1, func(ls [][]byte) [][]byte { return replace(ls, 1, `"log"`, `"Log"`) }},
	{"the log of a hashes line", -1, func(ls [][]byte) [][]byte { return replace(ls, 1, `"audit-1"`, `"audit-2"`) }},
	{"a hash too many", -1, func(ls [][]byte) [][]byte { return replace(ls, 303, `"hashes":[`, `"hashes":[`+aHash+`,`) }},
	{"the case of the end", -1, func(ls [][]byte) [][]byte { return replace(ls, 306, `"entries"`, `"Entries"`) }},
	{"a member more in the end", -1, func(ls [][]byte) [][]byte { return replace(ls, 306, `302}`, `302,"note":"x"}`) }},
	{"an end of line from elsewhere", -1, func(ls [][]byte) [][]byte { ls[306] = append(ls[306], '\r'); return ls }},
	{"an entry's end of line from elsewhere", -1, func(ls [][]byte) [][]byte { ls[5] = append(ls[5], '\r'); return ls }},
	{"a line of another kind", -1, func(ls [][]byte) [][]byte { return slices.Insert(ls, 4, []byte(`{"ostiary":"x"}`)) }},
	{"nothing left", -1, func([][]byte) [][]byte { return nil }},
}

func replace(lines [][]byte, i int, old, with string) [][]byte {
	if !bytes.Contains(lines[i], []byte(old)) {
		panic("nothing to replace in " + string(lines[i]))
	}
	lines[i] = bytes.Replace(lines[i], []byte(old), []byte(with), 1)
	return lines
}

// aHash is the hash of nothing in particular.
var aHash = `"` + (tlog.Hash{1}).String() + `"`

// appended puts a forged entry at line i, its hash in a line in front of it,
// and a number of entries in the end that agrees.
func appended(lines [][]byte, i int, forged []byte, entries int) [][]byte {
	x := checkLine(forged)
	hashes := asWritten(exportLine{Ostiary: exportHashes, Log: x.log, Seq: x.seq, Hashes: []tlog.Hash{x.hash}})
	lines = slices.Insert(lines, i, hashes, forged)
	lines[len(lines)-1] = asWritten(exportLine{Ostiary: exportEnd, Entries: uint64(entries)})
	return lines
}

func asWritten(l exportLine) []byte {
	out, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	return out
}

// rehash puts the true hash of line 5 in the first line of hashes.
func rehash(lines [][]byte) [][]byte {
	for i, l := range lines {
		if x := checkExported(l); x.other != nil && x.other.Ostiary == exportHashes {
			old := x.other.Hashes[3].String()
			return replace(lines, i, old, checkLine(lines[5]).hash.String())
		}
	}
	panic("no hashes")
}

func TestTamperingWithAnExportIsFoundAtItsEntry(t *testing.T) {
	export := exportOf(t, twoLogs(t), Query{})
	for _, c := range exportTamperings {
		t.Run(c.name, func(t *testing.T) {
			lines := c.edit(bytes.Split(bytes.TrimSuffix(bytes.Clone(export), []byte("\n")), []byte("\n")))
			report := verifyExport(t, append(bytes.Join(lines, []byte("\n")), '\n'), VerifyOptions{})
			if c.at >= 0 {
				wantProblem(t, report, "audit-1", uint64(c.at))
			} else if report.OK() {
				t.Error("got no problem")
			}
		})
	}
}

// Without the checkpoints that cover them, entries are anybody's words: an
// older checkpoint is no licence to write on.
func TestNothingBeyondTheNewestCheckpointVerifies(t *testing.T) {
	h := newHouse()
	l := h.crashing(t, Options{})
	commit(t, l, repeat(outcomeOf("cal_1", StatusOK), 3)...)
	before := exportOf(t, h, Query{})
	outside := must[[]byte](t)(NewReader(h.db(t)).Checkpoint(t.Context()))
	commit(t, l, repeat(outcomeOf("cal_2", StatusOK), 3)...)
	whole := exportOf(t, h, Query{})
	crash(l)
	o := VerifyOptions{PublicKey: NewReader(h.db(t)).PublicKey(), Checkpoints: outside}
	if report := verifyExport(t, whole, o); !report.OK() {
		t.Fatalf("untouched: got %v", report.Problems)
	}
	_, entries, _ := bytes.Cut(whole, []byte("\n"))
	header, _, _ := bytes.Cut(before, []byte("\n"))
	forged := slices.Concat(header, []byte("\n"), entries)
	wantProblem(t, verifyExport(t, forged, o), "audit-1", 3)
}

func TestEachByteOfAnExportCounts(t *testing.T) {
	h := newHouse()
	l := h.crashing(t, Options{})
	commit(t, l, outcomeOf("cal_1", StatusOK), outcomeOf("cal_2", StatusError))
	crash(l)
	export := exportOf(t, h, Query{})
	key := NewReader(h.db(t)).PublicKey()
	for i := range export {
		for _, bit := range []byte{1, 0x20, 0x80} {
			edited := bytes.Clone(export)
			edited[i] ^= bit
			if verifyExport(t, edited, VerifyOptions{PublicKey: key}).OK() {
				t.Fatalf("bit %x of byte %d edited, in %q: got no problem", bit, i, export[max(0, i-10):min(len(export), i+10)])
			}
		}
		if verifyExport(t, slices.Delete(bytes.Clone(export), i, i+1), VerifyOptions{PublicKey: key}).OK() {
			t.Fatalf("byte %d removed, in %q: got no problem", i, export[max(0, i-10):min(len(export), i+10)])
		}
	}
}

func TestAnOlderOrShorterExportShowsAgainstACheckpointKeptOutside(t *testing.T) {
	h := newHouse()
	l := h.crashing(t, Options{})
	commit(t, l, repeat(outcomeOf("cal_1", StatusOK), 5)...)
	old := exportOf(t, h, Query{})
	commit(t, l, repeat(outcomeOf("cal_1", StatusOK), 5)...)
	closeLog(t, l)
	outside := must[[]byte](t)(NewReader(h.db(t)).Checkpoint(t.Context()))
	wantProblem(t, verifyExport(t, old, VerifyOptions{Checkpoints: outside}), "audit-1", 5)
	if report := verifyExport(t, exportOf(t, h, Query{}), VerifyOptions{Checkpoints: outside}); !report.OK() {
		t.Errorf("whole export: got %v", report.Problems)
	}
}

func TestAnExportOfAnotherHouseIsFoundWhenTheKeyIsGiven(t *testing.T) {
	h, other := twoLogs(t), twoLogs(t)
	key := NewReader(h.db(t)).PublicKey()
	if verifyExport(t, exportOf(t, other, Query{}), VerifyOptions{PublicKey: key}).OK() {
		t.Error("got no problem")
	}
}

func TestSelectedEntriesAreExportedWithTheirProofs(t *testing.T) {
	h := twoLogs(t)
	key := NewReader(h.db(t)).PublicKey()
	for _, c := range []struct {
		q    Query
		want uint64
	}{{Query{Subject: "bob"}, 1}, {Query{Subject: "alice"}, 301}, {Query{Subject: "carol"}, 0}} {
		export := exportOf(t, h, c.q)
		report := verifyExport(t, export, VerifyOptions{PublicKey: key})
		if !report.OK() || !report.Selected || report.Entries != c.want {
			t.Errorf("%+v: got %+v, want %d entries and no problem", c.q, report, c.want)
		}
		if c.q.Subject == "bob" && strings.Contains(string(export), "alice") {
			t.Error("bob's export speaks of alice")
		}
	}
}

func TestTamperingWithSelectedEntriesIsFound(t *testing.T) {
	export := exportOf(t, twoLogs(t), Query{Subject: "bob"})
	for name, edit := range map[string]func([][]byte) [][]byte{
		"entry":   func(ls [][]byte) [][]byte { return replace(ls, 1, `"error"`, `"errox"`) },
		"form":    func(ls [][]byte) [][]byte { return replace(ls, 1, `{"actor"`, `{ "actor"`) },
		"number":  func(ls [][]byte) [][]byte { return replace(ls, 1, `"seq":1`, `"seq":0`) },
		"beyond":  func(ls [][]byte) [][]byte { return replace(ls, 1, `"seq":1`, `"seq":7`) },
		"log":     func(ls [][]byte) [][]byte { return replace(ls, 1, `"audit-2"`, `"audit-1"`) },
		"proof":   func(ls [][]byte) [][]byte { return slices.Delete(ls, 2, 3) },
		"double":  func(ls [][]byte) [][]byte { return slices.Insert(ls, 3, ls[2]) },
		"removed": func(ls [][]byte) [][]byte { return slices.Delete(ls, 1, 3) },
		"end":     func(ls [][]byte) [][]byte { return ls[:3] },
		"whole":   func(ls [][]byte) [][]byte { return replace(ls, 0, `"selected":true,`, ``) },
	} {
		lines := edit(bytes.Split(bytes.TrimSuffix(bytes.Clone(export), []byte("\n")), []byte("\n")))
		if verifyExport(t, bytes.Join(lines, []byte("\n")), VerifyOptions{}).OK() {
			t.Errorf("%s: got no problem", name)
		}
	}
}

func TestATamperedLogIsNotExported(t *testing.T) {
	for _, c := range tamperings {
		r := written(t).tamper(t, c.edit)
		if err := r.Export(t.Context(), new(bytes.Buffer), Query{}); err == nil {
			t.Errorf("%s: got no error", c.name)
		}
	}
}

// FuzzExport checks that no bytes make verifying panic, and that none but an
// export verify.
func FuzzExport(f *testing.F) {
	for _, name := range []string{"testdata/whole.export", "testdata/selected.export"} {
		seed, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
		f.Add(seed[:len(seed)/2])
		f.Add(bytes.ReplaceAll(seed, []byte(`"seq":1`), []byte(`"seq":9223372036854775807`)))
	}
	f.Add([]byte(`{"ostiary":"audit export","version":1}` + "\n"))
	f.Fuzz(func(t *testing.T, export []byte) {
		report, err := VerifyExport(t.Context(), bytes.NewReader(export), VerifyOptions{Checkpoints: export})
		if err == nil && report.OK() {
			t.Errorf("an export with itself as checkpoint file verifies: %q", export)
		}
		for _, s := range report.Sentences() {
			if s == "" {
				t.Error("an empty sentence")
			}
		}
	})
}
