package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/postgres"
	"github.com/ostiary/ostiary/store/sqlite"
)

// A Making says what opening a storage may make where it is missing. A
// mistyped path must not look like an empty storage.
type Making int

const (
	// MakeNothing is for who reads or changes what is there.
	MakeNothing Making = iota
	// MakeFirst is for what may come before the first start: a SQLite database
	// with its keyset, where neither is there, or the schema of another one.
	MakeFirst
	// MakeMissing is for a gateway: the database, and the keyset of one that
	// it makes, where that is SQLite.
	MakeMissing
)

// An opening is how a storage is to be opened.
type opening struct {
	config *config.Config
	making Making
	clock  ostiary.Clock
	logger *slog.Logger
}

// open opens storage with its keys. Errors name the file or server; they wrap
// store.ErrMissing where something is not there, and store.ErrKeyring where
// the keyset is not that of the storage. Then nothing was written.
func (o opening) open(ctx context.Context) (*store.DB, error) {
	s := o.config.Storage
	isNew, err := o.look()
	if err != nil {
		return nil, err
	}
	ring, err := o.keyring(isNew)
	if err != nil {
		return nil, err
	}
	driver, err := o.driver(ctx)
	if err != nil {
		return nil, fmt.Errorf("storage.url: %w", err)
	}
	db, err := store.Open(ctx, driver, ring, o.clock)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("storage.key_file %s: %w", s.KeyFile, err), driver.Close())
	}
	if isNew {
		o.logger.Info("made a new storage", "database", s.Path(), "key_file", s.KeyFile)
	}
	return db, nil
}

// look tells whether a database is still to be made, and refuses where it may
// not be. It comes before the keyset: that is made first, so that whoever
// finds the database finds the keyset, too.
func (o opening) look() (isNew bool, err error) {
	s := o.config.Storage
	if s.Driver() != config.SQLite {
		return false, nil // the driver looks
	}
	if s.Path() == sqlite.Memory && o.making != MakeMissing {
		return false, errors.New("storage.url: a database in memory is its gateway's alone: act on that with --url")
	}
	if s.Path() != sqlite.Memory && !empty(s.Path()) {
		return false, nil
	}
	if o.making == MakeMissing || o.making == MakeFirst && o.config.Process.Key == "" && !there(s.KeyFile) {
		return true, nil
	}
	return false, store.Missing(fmt.Errorf("storage.url: there is no database %s; `ostiary serve` makes it when it starts first", s.Path()))
}

// empty says that nothing was ever kept in a file: there is none, or an empty
// one.
func empty(path string) bool {
	info, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0
}

func there(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func (o opening) keyring(isNew bool) (*store.Keyring, error) {
	if key := o.config.Process.Key; key != "" {
		ring, err := store.ParseKeyring([]byte(key.Reveal()))
		if err != nil {
			return nil, fmt.Errorf("environment variable OSTIARY_KEY: %w", err)
		}
		return ring, nil
	}
	file := o.config.Storage.KeyFile
	ring, err := store.OpenKeyFile(file, isNew, o.clock)
	if errors.Is(err, fs.ErrNotExist) && !isNew {
		return nil, store.Missing(o.withoutKeyset(file))
	}
	if err != nil {
		return nil, fmt.Errorf("storage.key_file: %w", err)
	}
	if mode, others := store.KeyFileExposed(file); others {
		o.logger.Warn("others than its owner may read the keyset: chmod 600", "key_file", file, "mode", mode.String())
	}
	return ring, nil
}

func (o opening) withoutKeyset(file string) error {
	s := o.config.Storage
	if s.Driver() == config.SQLite {
		return fmt.Errorf("storage.key_file: %s is missing, and nothing opens the database %s without it: put it back, or begin anew with another storage.url", file, s.Path())
	}
	return fmt.Errorf("storage.key_file: %s is missing; several gateways share one keyset: make it once with `ostiary keys init %s` and give it to each", file, file)
}

func (o opening) driver(ctx context.Context) (store.Store, error) {
	switch s := o.config.Storage; s.Driver() {
	case config.SQLite:
		return sqlite.Open(ctx, s.Path(), sqlite.Options{Clock: o.clock})
	case config.Postgres:
		return postgres.Open(ctx, s.URL.Reveal(), postgres.Options{
			Namespace: s.Namespace, Clock: o.clock, AcceptWeaker: s.AcceptWeaker, Existing: o.making == MakeNothing,
		})
	default:
		return nil, fmt.Errorf("storage of kind %q is not in this version", s.Driver())
	}
}
