package e2e_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// wantAuditToHold ends the gateway and verifies its record, in storage and
// as an export.
func (h *house) wantAuditToHold() {
	h.t.Helper()
	h.stop()
	h.command("audit", "verify", "-c", h.file)
	h.export()
	h.command("audit", "verify", "--export", h.path("audit.jsonl"))
}

func (h *house) export() []byte {
	h.t.Helper()
	h.command("audit", "export", "-c", h.file, "-o", h.path("audit.jsonl"))
	data, err := os.ReadFile(h.path("audit.jsonl"))
	if err != nil {
		h.t.Fatal(err)
	}
	return data
}

// wantBroken wants a verification to fail and to say where.
func (h *house) wantBroken(where string, args ...string) {
	h.t.Helper()
	r := h.try("", nil, append([]string{"audit", "verify"}, args...)...)
	if r.code != 1 || !strings.Contains(r.out, where) {
		h.t.Errorf("audit verify %v: exit code %d, printed\n%s%s; want 1, naming %q", args, r.code, r.out, r.err, where)
	}
}

// recorded is a stopped house with some calls in its record.
func recorded(t *testing.T) *house {
	t.Helper()
	h := newHouse(t, "", newChanging(t).app()).start()
	alice := h.token("alice", "write")
	h.wantAsked(h.call(alice, "small__act", act("one")))
	h.sayYes("user")
	for range 3 {
		h.wantOK(h.call(alice, "small__act", act("one")))
	}
	h.wantAuditToHold()
	return h
}

func TestOneChangedByteOfAnExportShows(t *testing.T) {
	h := recorded(t)
	good := h.export()
	for what, edit := range map[string]struct{ from, to string }{
		"who":          {`"subject":"alice"`, `"subject":"alicf"`},
		"what":         {`"tool":"small:act"`, `"tool":"small:acs"`},
		"when":         {`"time":"2`, `"time":"3`},
		"what became":  {`"status":"ok"`, `"status":"oK"`},
		"which digest": {`"tool_digest":"`, `"tool_digesu":"`},
	} {
		at := bytes.LastIndex(good, []byte(edit.from))
		if at < 0 {
			t.Fatalf("%s: the export has no %s:\n%s", what, edit.from, good)
		}
		bad := bytes.Clone(good)
		copy(bad[at:], edit.to)
		if err := os.WriteFile(h.path("bad.jsonl"), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		h.wantBroken("entry "+entryAt(good, at), "--export", h.path("bad.jsonl"))
	}
}

// entryAt is the number of the entry that the byte at an offset of an export
// belongs to.
func entryAt(export []byte, at int) string {
	line := export[bytes.LastIndexByte(export[:at], '\n')+1:]
	_, rest, _ := bytes.Cut(line, []byte(`"seq":`))
	return string(rest[:bytes.IndexAny(rest, ",}")])
}

func TestOneChangedByteOfTheLogInTheDatabaseShows(t *testing.T) {
	h := recorded(t)
	db, err := sql.Open("sqlite", h.path("ostiary.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var place int64
	var line []byte
	if err := db.QueryRow("SELECT place, line FROM entries ORDER BY length(line) DESC LIMIT 1").Scan(&place, &line); err != nil {
		t.Fatal(err)
	}
	line[len(line)/2] ^= 1
	if _, err := db.Exec("UPDATE entries SET line = ? WHERE place = ?", line, place); err != nil {
		t.Fatal(err)
	}
	const entryOf = 1<<40 - 1 // a place is a log's number and an entry's
	h.wantBroken(fmt.Sprint("entry ", place&entryOf), "-c", h.file)
	whole := h.files()[h.path("audit.jsonl")] // of when all was well
	if r := h.try("", nil, "audit", "export", "-c", h.file, "-o", h.path("audit.jsonl")); r.code != 1 {
		t.Errorf("an export of it: got %d, %s; want 1", r.code, r.err)
	}
	for file, is := range h.files() {
		if strings.Contains(file, "audit.jsonl") && (file != h.path("audit.jsonl") || is != whole) {
			t.Errorf("an export that broke off left %s", file)
		}
	}
}
