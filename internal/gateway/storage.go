package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/postgres"
	"github.com/ostiary/ostiary/store/sqlite"
)

// openDB opens storage with its keys. Errors name the file or server.
func openDB(ctx context.Context, c *config.Config, clock ostiary.Clock) (*store.DB, error) {
	ring, err := openKeyring(c, clock)
	if err != nil {
		return nil, err
	}
	driver, err := openDriver(ctx, c.Storage, clock)
	if err != nil {
		return nil, fmt.Errorf("storage.url: %w", err)
	}
	db, err := store.Open(ctx, driver, ring, clock)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("storage.key_file %s: %w", c.Storage.KeyFile, err), driver.Close())
	}
	return db, nil
}

func openKeyring(c *config.Config, clock ostiary.Clock) (*store.Keyring, error) {
	if key := c.Process.Key; key != "" {
		ring, err := store.ParseKeyring([]byte(key.Reveal()))
		if err != nil {
			return nil, fmt.Errorf("environment variable OSTIARY_KEY: %w", err)
		}
		return ring, nil
	}
	mayCreate := c.Storage.Driver() == config.SQLite
	ring, err := store.OpenKeyFile(c.Storage.KeyFile, mayCreate, clock)
	if errors.Is(err, fs.ErrNotExist) && !mayCreate {
		return nil, fmt.Errorf("storage.key_file: %s is missing; several gateways share one keyset: make it once with `ostiary keys init %s` and give it to each", c.Storage.KeyFile, c.Storage.KeyFile)
	}
	if err != nil {
		return nil, fmt.Errorf("storage.key_file: %w", err)
	}
	return ring, nil
}

func openDriver(ctx context.Context, s config.Storage, clock ostiary.Clock) (store.Store, error) {
	switch s.Driver() {
	case config.SQLite:
		return sqlite.Open(ctx, s.Path(), sqlite.Options{Clock: clock})
	case config.Postgres:
		return postgres.Open(ctx, s.URL.Reveal(), postgres.Options{
			Namespace: s.Namespace, Clock: clock, AcceptWeaker: s.AcceptWeaker,
		})
	default:
		return nil, fmt.Errorf("storage of kind %q is not in this version", s.Driver())
	}
}
