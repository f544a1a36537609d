package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store"
)

// A folder is where a test's storage stands, or would.
type folder struct {
	t   *testing.T
	dir string
	env map[string]string
}

func newFolder(t *testing.T) *folder {
	t.Helper()
	return &folder{t: t, dir: t.TempDir(), env: map[string]string{}}
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) config(storage string) *config.Config {
	f.t.Helper()
	if storage == "" {
		storage = "sqlite:" + f.path("o.db")
	}
	text := fmt.Sprintf("storage: {url: %q, key_file: %q}\nserver: {listen: \"127.0.0.1:0\", public_url: \"http://127.0.0.1:0\", admin_listen: \"\"}\n", storage, f.path("o.key"))
	c, err := config.Parse("test", []byte(text), func(name string) (string, bool) { v, ok := f.env[name]; return v, ok })
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// open opens and closes storage, and returns what was logged.
func (f *folder) open(making gateway.Making) (logged string, err error) {
	f.t.Helper()
	var log bytes.Buffer
	core, err := gateway.OpenCore(f.t.Context(), f.config(""), making, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		return log.String(), err
	}
	return log.String(), core.Close(context.Background())
}

// contents are all files below the folder, with their modes.
func (f *folder) contents() map[string]string {
	f.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(f.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = info.Mode().String() + string(data)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

func (f *folder) must(_ string, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// What stands in the folder before storage is opened.
var beforehand = map[string]func(f *folder){
	"nothing":            func(*folder) {},
	"both":               storageIn,
	"a keyset":           func(f *folder) { f.keyset("o.key") },
	"an empty database":  func(f *folder) { f.must("", os.WriteFile(f.path("o.db"), nil, 0o600)) },
	"a database":         func(f *folder) { storageIn(f); f.must("", os.Remove(f.path("o.key"))) },
	"a database, a key":  func(f *folder) { storageIn(f); f.must("", os.Remove(f.path("o.key"))); f.keyset("o.key") },
	"a key in the env":   func(f *folder) { f.keyInEnvironment() },
	"that key, database": func(f *folder) { f.keyInEnvironment(); storageIn(f) },
}

func storageIn(f *folder) { f.must(f.open(gateway.MakeMissing)) }

func (f *folder) keyset(name string) {
	f.t.Helper()
	_, err := store.CreateKeyFile(f.path(name), ostiary.SystemClock{})
	f.must("", err)
}

func (f *folder) keyInEnvironment() {
	f.t.Helper()
	f.keyset("elsewhere")
	key, err := os.ReadFile(f.path("elsewhere"))
	f.must("", err)
	f.env["OSTIARY_KEY"] = string(key)
}

func TestOnlyWhatMayBeMadeIsMade(t *testing.T) {
	const made, opened = "made", "opened"
	for _, c := range []struct {
		before                 string
		nothing, first, always string // what opening comes to, by what may be made: "missing: NAME" …
	}{
		{"nothing", "missing: o.db", made, made},
		{"both", opened, opened, opened},
		{"a keyset", "missing: o.db", "missing: o.db", made},
		{"an empty database", "missing: o.db", made, made},
		{"a database", "missing: o.key", "missing: o.key", "missing: o.key"},
		{"a database, a key", "keyring: o.key", "keyring: o.key", "keyring: o.key"},
		{"a key in the env", "missing: o.db", "missing: o.db", made},
		{"that key, database", opened, opened, opened},
	} {
		for making, want := range []string{c.nothing, c.first, c.always} {
			t.Run(fmt.Sprint(c.before, " ", making), func(t *testing.T) {
				f := newFolder(t)
				beforehand[c.before](f)
				before := f.contents()
				logged, err := f.open(gateway.Making(making))
				if got := kindOf(err, logged); err == nil && got != want {
					t.Errorf("got %s; want %s", got, want)
				}
				if err == nil {
					return
				}
				kind, name, _ := strings.Cut(want, ": ")
				if got := kindOf(err, logged); got != kind || !strings.Contains(err.Error(), f.path(name)) {
					t.Errorf("got %s: %v; want %s", got, err, want)
				}
				if diff := cmp.Diff(keys(before), keys(f.contents())); diff != "" || !maps.Equal(before, f.contents()) {
					t.Errorf("the folder is not as it was: %s", diff)
				}
			})
		}
	}
}

func keys(m map[string]string) map[string]int {
	sizes := map[string]int{}
	for k, v := range m {
		sizes[k] = len(v)
	}
	return sizes
}

func kindOf(err error, logged string) string {
	switch {
	case errors.Is(err, store.ErrMissing):
		return "missing"
	case errors.Is(err, store.ErrKeyring):
		return "keyring"
	case err != nil:
		return "error"
	case strings.Contains(logged, "made a new storage"):
		return "made"
	default:
		return "opened"
	}
}

func TestAReaderMakesNothing(t *testing.T) {
	f := newFolder(t)
	_, _, err := gateway.OpenReader(t.Context(), f.config(""), slog.New(slog.DiscardHandler))
	if !errors.Is(err, store.ErrMissing) || len(f.contents()) != 0 {
		t.Errorf("got %v and %d files; want ErrMissing and none", err, len(f.contents()))
	}
	f.must(f.open(gateway.MakeMissing))
	_, db, err := gateway.OpenReader(t.Context(), f.config(""), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f.must("", db.Close())
}

// A database in memory is gone when it is closed: a command that opens one of
// its own would act on nothing and say that it is done.
func TestADatabaseInMemoryIsItsGatewaysAlone(t *testing.T) {
	for making, want := range map[gateway.Making]bool{gateway.MakeNothing: false, gateway.MakeFirst: false, gateway.MakeMissing: true} {
		f := newFolder(t)
		core, err := gateway.OpenCore(t.Context(), f.config("sqlite::memory:"), making, slog.New(slog.DiscardHandler))
		if (err == nil) != want {
			t.Errorf("%d: got %v", making, err)
		}
		if err != nil {
			continue
		}
		f.must("", core.Close(context.Background()))
	}
}

func TestASharedStorageIsNotMadeByCommands(t *testing.T) {
	f := newFolder(t)
	c := f.config(testparts.Postgres(t))
	open := func(making gateway.Making) error {
		core, err := gateway.OpenCore(t.Context(), c, making, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return core.Close(context.Background())
	}
	if err := open(gateway.MakeMissing); !errors.Is(err, store.ErrMissing) || !strings.Contains(err.Error(), "keys init") {
		t.Errorf("without a keyset: got %v; want what makes one", err)
	}
	f.keyset("o.key")
	for range 2 { // the first try must not have made it
		if err := open(gateway.MakeNothing); !errors.Is(err, store.ErrMissing) {
			t.Errorf("got %v; want ErrMissing", err)
		}
	}
	f.must("", open(gateway.MakeFirst))
	f.must("", open(gateway.MakeNothing))
	c.Storage.Namespace = "mistyped"
	if err := open(gateway.MakeNothing); !errors.Is(err, store.ErrMissing) || !strings.Contains(err.Error(), "mistyped") {
		t.Errorf("another namespace: got %v; want ErrMissing, naming it", err)
	}
}

// Two processes that start at once make one storage, and both find its keys.
func TestGatewaysThatStartAtOnceMakeOneStorage(t *testing.T) {
	f := newFolder(t)
	failed := make(chan error)
	for range 8 {
		go func() {
			_, err := f.open(gateway.MakeMissing)
			failed <- err
		}()
	}
	for range 8 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func TestAKeysetThatOthersMayReadIsWarnedOf(t *testing.T) {
	f := newFolder(t)
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o644: true, 0o620: true} {
		f.must(f.open(gateway.MakeMissing))
		f.must("", os.Chmod(f.path("o.key"), mode))
		logged, err := f.open(gateway.MakeNothing)
		if got := strings.Contains(logged, "chmod 600"); err != nil || got != want || got && !strings.Contains(logged, f.path("o.key")) {
			t.Errorf("mode %o: logged %q (%v); want a warning: %v", mode, logged, err, want)
		}
	}
}

func TestAPortInUseLeavesNothingBehind(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	f := newFolder(t)
	c := f.config("")
	c.Server.Listen = taken.Addr().String()
	if _, err := gateway.Open(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil || len(f.contents()) != 0 {
		t.Errorf("got %v and %d files; want an error and none", err, len(f.contents()))
	}
}
