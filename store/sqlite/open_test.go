package sqlite

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ostiary/ostiary/store"
)

// openError is how opening path fails.
func openError(t *testing.T, path string) error {
	t.Helper()
	s, err := Open(t.Context(), path, Options{busy: time.Millisecond})
	if err == nil {
		s.Close()
		t.Fatalf("opening %s succeeded", filepath.Base(path))
	}
	return err
}

func TestAMissingFolderIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nowhere")
	wantError(t, openError(t, filepath.Join(dir, "x.db")), "folder "+dir+" does not exist")
}

func TestAFolderIsNotADatabase(t *testing.T) {
	wantError(t, openError(t, t.TempDir()), "is a folder")
}

func TestATextFileIsNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	text := []byte("server:\n  listen: 127.0.0.1:8080\n# more than the hundred bytes of a header, so that it is read as one\n# and not as empty\n")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	wantError(t, openError(t, path), "is not a SQLite database")
	if got, err := os.ReadFile(path); err != nil || string(got) != string(text) {
		t.Errorf("the file was changed to %q (%v)", got, err)
	}
}

func TestADamagedFileIsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	makeDatabase(t, path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, 3900), 100); err != nil { // the schema's page
		t.Fatal(err)
	}
	wantError(t, openError(t, path), "is damaged")
}

func TestANewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	makeDatabase(t, path)
	execFile(t, path, "PRAGMA user_version = 999")
	if err := openError(t, path); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("open: got error %v, want %v", err, ErrNewerSchema)
	}
}

func TestAnotherProgramsDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	execFile(t, path, "CREATE TABLE bookmarks (url TEXT)")
	if err := openError(t, path); !errors.Is(err, ErrForeign) {
		t.Errorf("open: got error %v, want %v", err, ErrForeign)
	}
}

func TestALockedDatabaseIsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	makeDatabase(t, path)
	db, err := sql.Open("sqlite", path+"?_pragma=locking_mode(EXCLUSIVE)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN EXCLUSIVE; INSERT INTO logs (name) VALUES ('x')"); err != nil {
		t.Fatal(err)
	}
	wantError(t, openError(t, path), "is locked by another process")
}

func TestANewFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd name %2F?#&.db")
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer s.Close()
	if _, _, err := s.Claim(t.Context(), "gw"); err != nil {
		t.Fatalf("claim: %v", err)
	}
	for _, suffix := range []string{"", "-wal", "-gw1.lock"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("mode of the database%s: got %o, want 600", suffix, got)
		}
	}
}

func TestDatabasesInMemoryAreApart(t *testing.T) {
	var stores [2]*Store
	for i := range stores {
		s, err := Open(t.Context(), Memory, Options{})
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		defer s.Close()
		stores[i] = s
	}
	mustCommit(t, stores[0], everything("a", 1))
	_, err := stores[1].Get(t.Context(), store.Key{Kind: "thing", ID: "a"})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get from the other: got error %v, want ErrNotFound", err)
	}
}

func makeDatabase(t *testing.T, path string) {
	t.Helper()
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	mustCommit(t, s, everything("a", 10))
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func execFile(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}
