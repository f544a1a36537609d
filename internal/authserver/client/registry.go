package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/store"
)

// A Recorder appends to the audit log in the commit of what it tells of.
type Recorder interface {
	Append(tx *store.Tx, e audit.Entry)
}

// A Fetcher fetches a JSON document, as netguard.Client does. Its errors wrap
// netguard.ErrDown where asking again may help.
type Fetcher interface {
	Get(ctx context.Context, url string, types ...string) (netguard.Response, error)
}

// Config says which clients there are and what may become one.
type Config struct {
	// Static are the operator's clients. Nothing shadows them.
	Static []Client
	// Dynamic lets clients register themselves (RFC 7591), Documents be known by
	// a metadata document, of the hosts in Domains where there are any.
	Dynamic   bool
	Documents bool
	Domains   []string
	// RedirectAllow are URIs of programs' own schemes that are taken from anybody.
	RedirectAllow []string
	// MaxClients is how many can have registered themselves. One that was never
	// used is forgotten after UnusedTTL, another ClientTTL after its last use.
	MaxClients           int
	UnusedTTL, ClientTTL time.Duration
	// Audiences are what an assertion may be made out to: the issuer, and the
	// token endpoint.
	Audiences []string
	// Metadata fetches metadata documents, Keys what they name, OperatorKeys
	// what the operator names.
	Metadata, Keys, OperatorKeys Fetcher
	Logger                       *slog.Logger
}

// A Registry knows all clients. It is safe for concurrent use.
type Registry struct {
	db     *store.DB
	epochs *store.Epochs
	log    Recorder
	config Config
	key    []byte // of the hashes of secrets

	static    map[ostiary.ClientID]Client
	clients   store.Table[kept]
	prints    store.Table[printed]
	proofs    store.Table[proofUsed]
	documents *documents
	keys      *keyCache
	marks     marks
}

// NewRegistry returns the clients over db. Two static clients of one id are an
// error, and so is an entry of RedirectAllow that nothing can ever match.
func NewRegistry(db *store.DB, epochs *store.Epochs, log Recorder, c Config) (*Registry, error) {
	r := &Registry{
		db: db, epochs: epochs, log: log, config: c, key: db.DeriveKey("clients"), static: map[ostiary.ClientID]Client{},
		clients: store.NewTable[kept](db, "client"), prints: store.NewTable[printed](db, "client-print"),
		proofs: store.NewTable[proofUsed](db, "client-proof"),
	}
	r.documents = newDocuments(db.Clock())
	r.keys = newKeyCache(db.Clock(), c.Keys, c.OperatorKeys)
	for _, text := range c.RedirectAllow {
		if unfit(text, c.RedirectAllow) != "" {
			return nil, fmt.Errorf("auth.registration.redirect_allow: %s", unfit(text, c.RedirectAllow))
		}
	}
	for _, s := range c.Static {
		if _, twice := r.static[s.ID]; twice {
			return nil, fmt.Errorf("client %q stands in the configuration twice", s.ID)
		}
		r.static[s.ID] = s
	}
	return r, nil
}

// prefix begins the ids of clients that registered themselves.
const prefix = "cli"

// Find returns the client of an id: the operator's first, else what is behind a
// URL, else who registered. Errors wrap ErrUnknown where there is none, and
// ErrUnreachable where that can't be told now; others are faults.
func (r *Registry) Find(ctx context.Context, id ostiary.ClientID) (Client, error) {
	if c, ok := r.static[id]; ok {
		return c, nil
	}
	if strings.HasPrefix(string(id), "https://") {
		return r.document(ctx, id)
	}
	k, _, err := r.stored(ctx, id)
	if err != nil {
		return Client{}, err
	}
	return k.client(r.config.RedirectAllow), nil
}

// OwnerOf returns whom a client belongs to; owned false: its kind belongs to
// nobody in particular.
func (r *Registry) OwnerOf(id ostiary.ClientID) (o Owner, owned bool) {
	c, ok := r.static[id] // no other client is of such a kind
	return c.Owner, ok && c.Kind.Rules().Owned
}

// stored returns what is kept of a client and is not over.
func (r *Registry) stored(ctx context.Context, id ostiary.ClientID) (kept, store.Version, error) {
	if !strings.HasPrefix(string(id), prefix+"_") && !strings.HasPrefix(string(id), "https://") {
		return kept{}, 0, ErrUnknown
	}
	k, version, err := r.clients.Get(ctx, string(id))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return kept{}, 0, ErrUnknown
	case err != nil:
		return kept{}, 0, fmt.Errorf("look for a client: %w", err)
	case !r.db.Clock().Now().Before(k.KeptTill):
		return kept{}, 0, fmt.Errorf("%w: it was not used for too long", ErrUnknown)
	}
	return k, version, nil
}
