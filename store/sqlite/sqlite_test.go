package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/sqlite"
	"github.com/ostiary/ostiary/store/storetest"
)

func TestTheDriverKeepsEveryPromise(t *testing.T) {
	storetest.Run(t, storetest.Driver{New: func(t *testing.T, clock ostiary.Clock) func() (store.Store, error) {
		path := filepath.Join(t.TempDir(), "test.db")
		return func() (store.Store, error) { return sqlite.Open(t.Context(), path, sqlite.Options{Clock: clock}) }
	}})
}

func TestTheDriverKeepsEveryPromiseInMemory(t *testing.T) {
	storetest.Run(t, storetest.Driver{Volatile: true, New: func(t *testing.T, clock ostiary.Clock) func() (store.Store, error) {
		return func() (store.Store, error) {
			return sqlite.Open(t.Context(), sqlite.Memory, sqlite.Options{Clock: clock})
		}
	}})
}
