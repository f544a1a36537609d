package mcpguard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/gate"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
)

// Options are what a House is made of. Storage and Keys are needed.
type Options struct {
	Storage store.Store
	Keys    *store.Keyring
	Clock   ostiary.Clock // nil: the machine's
	Rules   policy.Config
	Users   []identity.User // besides those that are kept in storage
	Logger  *slog.Logger    // nil: silent
	Admins  identity.Admins // zero: agents' tokens carry no admin rights
}

// A House is everything that a guard rests on: storage, log, people, tokens,
// approvals. It is safe for concurrent use.
type House struct {
	DB        *store.DB
	Log       *audit.Log
	Users     *identity.Users
	Tokens    *identity.Tokens
	Resolver  *identity.Resolver
	Approvals *approval.Service
	Guard     *guard.Guard

	stop    context.CancelFunc
	stopped chan struct{}
}

// How long things live in a House.
const (
	requestTTL  = 15 * time.Minute
	retention   = 90 * 24 * time.Hour
	tokenTTL    = 30 * 24 * time.Hour
	maxTokenTTL = 365 * 24 * time.Hour
	maxPending  = 20
	sweeping    = time.Minute
)

// Open makes a House over a storage. Close it at the end; that closes the
// storage too.
func Open(ctx context.Context, o Options) (*House, error) {
	if o.Clock == nil {
		o.Clock = ostiary.SystemClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	rules, err := policy.Compile(o.Rules)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	h := &House{stopped: make(chan struct{})}
	if h.DB, err = store.Open(ctx, o.Storage, o.Keys, o.Clock); err != nil {
		return nil, fmt.Errorf("open storage: %w", err)
	}
	if h.Log, err = audit.Open(ctx, h.DB, audit.Options{Logger: o.Logger}); err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	h.build(o, rules)
	ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	go h.work(ctx, o.Logger)
	return h, nil
}

func (h *House) build(o Options, rules *policy.Rules) {
	epochs := store.NewEpochs(h.DB)
	h.Approvals = approval.New(h.DB, epochs, h.Log, approval.Config{RequestTTL: requestTTL, MaxPending: maxPending, Retention: retention})
	h.Users = identity.NewUsers(h.DB, epochs, h.Log, o.Users, identity.DefaultClaimPaths())
	h.Tokens = identity.NewTokens(h.DB, epochs, h.Log, h.Users, h.Approvals, identity.PersonalConfig{DefaultTTL: tokenTTL, MaxTTL: maxTokenTTL})
	h.Resolver = identity.NewResolver(h.Tokens, o.Admins, nil)
	h.Guard = guard.New(guard.Config{
		Gates: gate.Order(gate.Config{Rules: rules, Approvals: h.Approvals, Counters: h.DB}),
		DB:    h.DB, Epochs: epochs, Approvals: h.Approvals, Log: h.Log, Logger: o.Logger,
		Category: func(t *ostiary.Tool) ostiary.Category { return rules.Of(t).Category },
	})
}

// work follows the feed of changes, so that what one instance revokes the
// others forget, and cleans up.
func (h *House) work(ctx context.Context, logger *slog.Logger) {
	defer close(h.stopped)
	watched := make(chan struct{})
	go func() { defer close(watched); h.DB.Watch(ctx) }()
	tick := time.NewTicker(sweeping)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			<-watched
			return
		case <-tick.C:
			if err := errors.Join(h.Approvals.Sweep(ctx), h.Tokens.Flush(ctx)); err != nil && ctx.Err() == nil {
				logger.Error("background work failed; it is tried again", "error", err)
			}
		}
	}
}

// Close writes what is still owed to the log and closes the storage.
func (h *House) Close(ctx context.Context) error {
	h.stop()
	<-h.stopped
	return errors.Join(h.Log.Close(ctx), h.DB.Close())
}
