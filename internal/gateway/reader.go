package gateway

import (
	"context"
	"log/slog"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/store"
)

// OpenReader opens a storage to read its audit logs, and nothing else: it
// claims no log and makes nothing, so it works beside a running gateway.
// Errors are those of OpenCore. Close the DB at the end.
func OpenReader(ctx context.Context, c *config.Config, logger *slog.Logger) (*audit.Reader, *store.DB, error) {
	db, err := opening{c, MakeNothing, ostiary.SystemClock{}, logger}.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return audit.NewReader(db), db, nil
}
