package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// A Core is the domain over one storage, without upstreams and listeners:
// what a command needs that works on storage, also while a gateway runs.
type Core struct {
	Config    *config.Config // as at the start; Gateway.Reload changes apps and rules
	Clock     ostiary.Clock
	Logger    *slog.Logger
	DB        *store.DB
	Epochs    *store.Epochs
	Log       *audit.Log
	Reader    *audit.Reader
	Rules     *Rules
	Users     *identity.Users
	Tokens    *identity.Tokens
	Operators *identity.Operators
	Browsers  *identity.Browsers
	Sessions  *session.Sessions
	Approvals *approval.Service
	Clients   *client.Registry

	mirror *os.File // audit.file, where one is named
	open   atomic.Pointer[open]
}

// OpenCore opens storage and makes the domain over it. Close it at the end.
// An error wraps store.ErrMissing where database or keyset are not there and
// were not to be made.
func OpenCore(ctx context.Context, c *config.Config, making Making, logger *slog.Logger) (*Core, error) {
	core := &Core{Config: c, Clock: ostiary.SystemClock{}, Logger: logger, Rules: new(Rules)}
	rules, err := compileRules(c)
	if err != nil {
		return nil, fmt.Errorf("tools: %w", err)
	}
	core.Rules.now.Store(rules)
	if core.DB, err = (opening{c, making, core.Clock, logger}).open(ctx); err != nil {
		return nil, err
	}
	if err := core.openLog(ctx); err != nil {
		return nil, errors.Join(err, core.DB.Close())
	}
	core.build()
	if err := core.buildClients(); err != nil {
		return nil, errors.Join(err, core.Close(ctx))
	}
	return core, nil
}

func (c *Core) openLog(ctx context.Context) error {
	o := audit.Options{
		Arguments: audit.Arguments(c.Config.Audit.Arguments), CheckpointInterval: c.Config.Audit.CheckpointInterval, Logger: c.Logger,
	}
	if path := c.Config.Audit.File; path != "" {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return fmt.Errorf("audit.file: %w", err)
		}
		c.mirror, o.Mirror = f, f
	}
	var err error
	if c.Log, err = audit.Open(ctx, c.DB, o); err != nil {
		return fmt.Errorf("open the audit log: %w", err)
	}
	return nil
}

func (c *Core) build() {
	auth := c.Config.Auth
	c.Reader = audit.NewReader(c.DB)
	c.Epochs = store.NewEpochs(c.DB)
	c.open.Store(openApps(c.Config))
	c.Approvals = approval.New(c.DB, c.Epochs, c.Log, approval.Config{
		RequestTTL: c.Config.Approvals.RequestTTL, MaxPending: c.Config.Approvals.MaxPendingPerSubject,
		Retention: c.Config.Approvals.Retention, Person: c.decider,
	})
	c.Users = identity.NewUsers(c.DB, c.Epochs, c.Log, directory(auth), auth.Claims.Paths())
	c.Tokens = identity.NewTokens(c.DB, c.Epochs, c.Log, c.Users, c.Approvals, personalConfig(auth))
	c.Sessions = session.New(c.DB, c.Epochs, c.Log, c.Users, c.Approvals, session.Config{
		AccessTTL: auth.Tokens.AccessTTL, Retention: c.Config.Approvals.Retention, NoConsent: !auth.Consent.Enabled,
		MachineApps: func() []string { return c.open.Load().machines },
		SkippedApps: c.skippedApps, Owner: c.ownerOf,
	})
	c.Operators = identity.NewOperators(c.DB, c.Log, c.Users, auth.Operator.MaxTTL)
	c.Operators.Recognise(identity.KindAccess, c.Sessions)
	c.Browsers = identity.NewBrowsers(c.DB, c.Log, c.Users, identity.BrowserConfig{Idle: auth.Browser.Idle, Max: auth.Browser.Max})
}

// Close writes what is still owed to the log and closes storage.
func (c *Core) Close(ctx context.Context) error {
	err := errors.Join(c.Log.Close(ctx), c.DB.Close())
	if c.mirror != nil {
		err = errors.Join(err, c.mirror.Close())
	}
	return err
}
