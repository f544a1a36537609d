package store_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/store"
)

func TestAKeysetIsReadAsItWasWritten(t *testing.T) {
	f := newFixture(t)
	data, err := json.Marshal(f.ring)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := store.ParseKeyring(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), f.raw, ring, f.clock); err != nil {
		t.Errorf("the storage does not open with its keyset: %v", err)
	}
}

func TestWhatIsNoKeysetIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "null", "[]", "{}", `{"version":1,"keys":[]}`, `{"version":2,"keys":[{"id":"a","secret":"AAAA"}]}`,
		`{"version":1,"keys":[{"id":"a","secret":"AAAA"}]}`, `{"version":1,"keys":[{"secret":"` + strings.Repeat("A", 43) + `="}]}`,
	} {
		if _, err := store.ParseKeyring([]byte(text)); !errors.Is(err, store.ErrKeyring) {
			t.Errorf("%q: got %v; want ErrKeyring", text, err)
		}
	}
}

func TestAKeysetNeverPrintsItsSecrets(t *testing.T) {
	f := newFixture(t)
	data, _ := json.Marshal(f.ring)
	var file struct{ Keys []struct{ Secret string } }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "ring", f.ring)
	raw, err := base64.StdEncoding.DecodeString(file.Keys[0].Secret)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%v %+v %s %#v", f.ring, f.ring, f.ring, f.ring) + logged.String()
	if strings.Contains(got, file.Keys[0].Secret) || strings.Contains(got, fmt.Sprintf("0x%x, 0x%x, 0x%x", raw[0], raw[1], raw[2])) || strings.Contains(got, "Secret:") {
		t.Error("printing a keyset shows a secret")
	}
}

func TestAKeyFileIsCreatedOnceAndReadByItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ostiary.key")
	var wg sync.WaitGroup
	ids := make([]string, 20)
	for i := range ids {
		wg.Go(func() {
			ring, err := store.OpenKeyFile(path, true, newClock())
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			ids[i] = ring.Keys()[0].ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("processes that started at once have different keysets: %v", ids)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v; want 0600", info.Mode(), err)
	}
	if _, err := store.CreateKeyFile(path, newClock()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("creating over a keyset: got %v; want ErrExist", err)
	}
}

func TestAMissingKeyFileIsNotMadeWhereItMustExist(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ostiary.key")
	if _, err := store.OpenKeyFile(path, false, newClock()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v; want ErrNotExist", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the file was made all the same")
	}
}
