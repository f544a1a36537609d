package gateway

import (
	"context"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/store"
)

// OpenReader opens a storage to read its audit logs, and nothing else: it
// claims no log and writes nothing, so it works beside a running gateway.
// Close the DB at the end.
func OpenReader(ctx context.Context, c *config.Config) (*audit.Reader, *store.DB, error) {
	db, err := openDB(ctx, c, ostiary.SystemClock{})
	if err != nil {
		return nil, nil, err
	}
	return audit.NewReader(db), db, nil
}
