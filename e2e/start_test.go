package e2e_test

import (
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver that makes a foreign database

	"github.com/ostiary/ostiary/internal/testparts"
)

// A badStart spoils what a gateway needs to start, and says which words its
// refusal must hold.
type badStart struct {
	storage string // "" is SQLite
	code    int    // zero means 2
	// asBefore: the refusal leaves every byte of the folder as it was.
	asBefore bool
	spoil    func(t *testing.T, h *house) (words []string)
}

var badStarts = map[string]badStart{
	"the port is in use": {asBefore: true, spoil: func(t *testing.T, h *house) []string {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = taken.Close() })
		h.replace(`listen: "127.0.0.1:0"`, `listen: "`+taken.Addr().String()+`"`)
		return []string{"server.listen", taken.Addr().String(), "in use"}
	}},
	"the keyset of a shared storage is missing": {storage: "postgres", spoil: func(t *testing.T, h *house) []string {
		if err := os.Remove(h.path("ostiary.key")); err != nil {
			t.Fatal(err)
		}
		return []string{"storage.key_file", h.path("ostiary.key"), "missing", "ostiary keys init"}
	}},
	"the keyset is nonsense": {spoil: func(_ *testing.T, h *house) []string {
		h.put("ostiary.key", "nonsense")
		return []string{"storage.key_file", h.path("ostiary.key")}
	}},
	"the keyset is that of another storage": {asBefore: true, spoil: func(t *testing.T, h *house) []string {
		h.start().stop()
		if err := os.Remove(h.path("ostiary.key")); err != nil {
			t.Fatal(err)
		}
		h.command("keys", "init", h.path("ostiary.key"))
		return []string{"storage.key_file", h.path("ostiary.key")}
	}},
	"the keyset of the database is missing": {asBefore: true, spoil: func(t *testing.T, h *house) []string {
		h.start().stop()
		if err := os.Remove(h.path("ostiary.key")); err != nil {
			t.Fatal(err)
		}
		return []string{"storage.key_file", h.path("ostiary.key"), "missing", h.path("ostiary.db")}
	}},
	"the database is no database": {spoil: func(_ *testing.T, h *house) []string {
		h.command("keys", "init", h.path("ostiary.key"))
		h.put("ostiary.db", strings.Repeat("no database ", 1000))
		return []string{"storage.url", h.path("ostiary.db"), "not a database"}
	}},
	"the database is somebody else's": {spoil: func(t *testing.T, h *house) []string {
		h.command("keys", "init", h.path("ostiary.key"))
		foreignDatabase(t, h.path("ostiary.db"))
		return []string{"storage.url", h.path("ostiary.db")}
	}},
	"the database is cut in the middle": {spoil: func(t *testing.T, h *house) []string {
		h.start().stop()
		if err := os.Truncate(h.path("ostiary.db"), 5000); err != nil {
			t.Fatal(err)
		}
		return []string{h.path("ostiary.db")}
	}},
	"the folder of the database is missing": {spoil: func(_ *testing.T, h *house) []string {
		file := filepath.Join(h.dir, "nowhere", "ostiary.db")
		h.replace(h.path("ostiary.db"), file)
		return []string{"storage.url", file}
	}},
	"PostgreSQL is not there": {storage: "postgres", code: 3, spoil: func(_ *testing.T, h *house) []string {
		h.replaceLine("storage:", `storage: {url: "postgres:///ostiary?host=`+h.dir+`", key_file: "`+h.path("ostiary.key")+`"}`)
		return []string{"storage.url", h.dir}
	}},
	"the configuration has several mistakes": {spoil: func(_ *testing.T, h *house) []string {
		h.replace("\nauth:", "\nsites: {site_id_feild: x}\naudit: {durability: hopefully}\nauth:")
		return []string{h.file, "site_id_feild", "durability", "hopefully"}
	}},
	"the configuration is no YAML": {spoil: func(_ *testing.T, h *house) []string {
		h.put("ostiary.yaml", "server: [\n")
		return []string{h.file + ":1:", "not YAML"}
	}},
	"the configuration is missing": {spoil: func(t *testing.T, h *house) []string {
		if err := os.Remove(h.file); err != nil {
			t.Fatal(err)
		}
		return []string{h.file}
	}},
	"the copy of the record can't be written": {spoil: func(_ *testing.T, h *house) []string {
		file := filepath.Join(h.dir, "nowhere", "audit.log")
		h.replace("\nauth:", "\naudit: {file: "+file+"}\nauth:")
		return []string{"audit.file", file}
	}},
}

// TestWhatCannotRunDoesNotStart: exit code 2, or 3 where a server does not
// answer, one clear sentence that names what is wrong, and where it says so,
// nothing changed.
func TestWhatCannotRunDoesNotStart(t *testing.T) {
	for what, bad := range badStarts {
		t.Run(what, func(t *testing.T) {
			storage := ""
			if bad.storage == "postgres" {
				storage = testparts.Postgres(t)
			}
			h := newHouse(t, storage, "")
			words := bad.spoil(t, h)
			before := h.files()
			r := h.try("", nil, "serve", "-c", h.file)
			if want := max(bad.code, 2); r.code != want || r.out != "" {
				t.Errorf("got exit code %d and %q; want %d and nothing: it said %s", r.code, r.out, want, r.err)
			}
			if bad.asBefore {
				h.wantFiles(before)
			}
			for _, word := range words {
				if !strings.Contains(r.err, word) {
					t.Errorf("the refusal does not name %q:\n%s", word, r.err)
				}
			}
			if strings.Contains(r.err, "goroutine") || strings.Contains(r.err, "panic") {
				t.Errorf("it fell over:\n%s", r.err)
			}
		})
	}
}

// replace changes the configuration file.
func (h *house) replace(from, to string) {
	h.t.Helper()
	text, err := os.ReadFile(h.file)
	if err != nil {
		h.t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		h.t.Fatalf("the configuration does not hold %q:\n%s", from, text)
	}
	h.put("ostiary.yaml", strings.Replace(string(text), from, to, 1))
}

// replaceLine changes the line of the configuration file that begins so.
func (h *house) replaceLine(begins, to string) {
	h.t.Helper()
	text, err := os.ReadFile(h.file)
	if err != nil {
		h.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, begins) {
			h.replace(strings.TrimSuffix(line, "\n"), to)
		}
	}
}

// put writes a file into the house's folder.
func (h *house) put(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(h.path(name), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// foreignDatabase makes a SQLite database of another program.
func foreignDatabase(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('https://example.com')`); err != nil {
		t.Fatal(err)
	}
}
