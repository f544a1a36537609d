package audit

import (
	"bytes"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/sqlite"
)

// inFile is a house whose storage is a SQLite file, opened anew.
func inFile(t *testing.T, path string, ring *store.Keyring) *house {
	t.Helper()
	clock := newClock()
	driver := must[*sqlite.Store](t)(sqlite.Open(t.Context(), path, sqlite.Options{Clock: clock}))
	t.Cleanup(func() { driver.Close() })
	return &house{driver, ring, clock}
}

func TestAByteEditedInTheFileIsFoundAtItsEntry(t *testing.T) {
	for name, edit := range map[string]string{
		"line":           `UPDATE entries SET line = CAST(substr(line, 1, 40) || char(unicode(substr(line, 41, 1)) + 1) || substr(line, 42) AS BLOB) WHERE place & 1023 = 3`,
		"time":           `UPDATE entries SET time = time + 1 WHERE place & 1023 = 3`,
		"index values":   `UPDATE entries SET idx = (SELECT idx FROM entries WHERE place & 1023 = 9) WHERE place & 1023 = 3`,
		"copied line":    `UPDATE entries SET line = (SELECT line FROM entries WHERE place & 1023 = 2) WHERE place & 1023 = 3`,
		"removed line":   `DELETE FROM entries WHERE place & 1023 = 3`,
		"nothing at all": ``,
	} {
		t.Run(name, func(t *testing.T) {
			path, ring := filepath.Join(t.TempDir(), "audit.db"), store.NewKeyring(newClock())
			h := inFile(t, path, ring)
			l := h.crashing(t, Options{})
			commit(t, l, repeat(intentOf("cal_1"), 9)...)
			commit(t, l, outcomeOf("cal_1", StatusOK))
			closeLog(t, l)
			h.driver.Close()
			execute(t, path, edit)

			report := must[Report](t)(NewReader(inFile(t, path, ring).db(t)).Verify(t.Context(), VerifyOptions{}))
			if edit != "" {
				wantProblem(t, report, "audit-1", 3)
			} else if !report.OK() || report.Entries != 10 {
				t.Errorf("got %+v, want 10 entries and no problem", report)
			}
		})
	}
}

func execute(t *testing.T, path, statement string, args ...any) {
	t.Helper()
	if statement == "" {
		return
	}
	db := must[*sql.DB](t)(sql.Open("sqlite", path))
	defer db.Close()
	done := must[sql.Result](t)(db.ExecContext(t.Context(), statement, args...))
	if n := must[int64](t)(done.RowsAffected()); n != 1 {
		t.Fatalf("%s: changed %d rows, want 1", statement, n)
	}
}

func TestACrashBetweenIntentAndOutcomeLeavesAWholeLog(t *testing.T) {
	path, ring := filepath.Join(t.TempDir(), "audit.db"), store.NewKeyring(newClock())
	h := inFile(t, path, ring)
	one, two := h.crashing(t, Options{}), h.crashing(t, Options{})
	commit(t, one, intentOf("cal_1"), intentOf("cal_2"), outcomeOf("cal_2", StatusOK))
	commit(t, two, intentOf("cal_3"))
	crash(one)
	crash(two)
	h.driver.Close()

	h = inFile(t, path, ring)
	l := h.crashing(t, Options{})
	want := map[ostiary.CallID][]Status{"cal_1": {StatusUnknown}, "cal_2": {StatusOK}, "cal_3": {StatusUnknown}}
	if diff := cmp.Diff(want, statuses(t, l.Reader)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	closeLog(t, l)
	report := must[Report](t)(l.Verify(t.Context(), VerifyOptions{}))
	if !report.OK() || report.Entries != 6 || len(report.Logs) != 2 {
		t.Errorf("got %+v, want 6 entries in 2 logs and no problem", report)
	}
	var export bytes.Buffer
	if err := l.Export(t.Context(), &export, Query{}); err != nil {
		t.Fatal(err)
	}
	if report := verifyExport(t, export.Bytes(), VerifyOptions{}); !report.OK() || report.Entries != 6 {
		t.Errorf("export: got %+v, want 6 entries and no problem", report)
	}
}

// Entries that were written together share a row.
func TestAByteEditedInASharedRowIsFound(t *testing.T) {
	path, ring := filepath.Join(t.TempDir(), "audit.db"), store.NewKeyring(newClock())
	h := inFile(t, path, ring)
	l := h.crashing(t, Options{})
	commit(t, l, repeat(intentOf("cal_1"), 40)...)
	commit(t, l, outcomeOf("cal_1", StatusOK))
	closeLog(t, l)
	execute(t, path, `UPDATE entries SET n = n WHERE n = 40`)
	broken := func(edit string, args ...any) {
		t.Helper()
		execute(t, path, edit, args...)
		report, err := NewReader(h.db(t)).Verify(t.Context(), VerifyOptions{})
		if err != nil || report.OK() || report.Problems[0].Entry == nil {
			t.Errorf("%s %.20x: got %+v, error %v, want a bad entry", edit, args, report, err)
		}
	}
	broken(`UPDATE entries SET time = time + 1 WHERE n = 40`)
	execute(t, path, `UPDATE entries SET time = time - 1 WHERE n = 40`)
	broken(`UPDATE entries SET n = 39 WHERE n = 40`)
	execute(t, path, `UPDATE entries SET n = 40 WHERE n = 39`)
	for _, column := range []string{"idx", "line"} {
		value := blobOf(t, path, `SELECT `+column+` FROM entries WHERE n = 40`)
		for at := 0; at < len(value); at += 1 + len(value)/50 {
			edited := bytes.Clone(value)
			edited[at] ^= 1
			broken(`UPDATE entries SET `+column+` = ? WHERE n = 40`, edited)
		}
		execute(t, path, `UPDATE entries SET `+column+` = ? WHERE n = 40`, value)
	}
	if report, err := NewReader(h.db(t)).Verify(t.Context(), VerifyOptions{}); err != nil || !report.OK() {
		t.Errorf("mended: got %+v, error %v", report, err)
	}
}

func blobOf(t *testing.T, path, query string) (value []byte) {
	t.Helper()
	db := must[*sql.DB](t)(sql.Open("sqlite", path))
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), query).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}
