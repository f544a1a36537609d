package approval

import (
	"context"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// A Recorder adds audit entries to a commit.
type Recorder interface {
	Append(tx *store.Tx, e audit.Entry)
}

// Config bounds requests and grants. Zero durations are not allowed.
type Config struct {
	RequestTTL time.Duration // how long a request waits, and an unused yes to one call stays good
	MaxPending int           // pending requests a subject; zero means no limit
	Retention  time.Duration // how long decided requests and ended grants stay visible
	// Person says what somebody may decide now; the zero Decider is for who
	// is no more, or disabled. Votes are held to it when the last one comes
	// in. Nil: votes stand.
	Person func(context.Context, ostiary.Subject) (Decider, error)
}

// Service keeps requests and grants. It is safe for concurrent use, on any
// number of instances over one storage.
type Service struct {
	db     *store.DB
	epochs *store.Epochs
	log    Recorder
	clock  ostiary.Clock
	config Config

	requests    store.Table[Request]
	grants      store.Table[Grant]
	pending     store.Table[pointer]
	places      store.Table[place]
	definitions store.Table[definition]

	standing *store.Cache[standingKey, remembered]
	exact    *store.Cache[exactKey, []store.Item[Grant]]
	waiting  waiting
	swept    swept
}

// New returns the service over db.
func New(db *store.DB, epochs *store.Epochs, log Recorder, c Config) *Service {
	s := &Service{
		db: db, epochs: epochs, log: log, clock: db.Clock(), config: c,
		requests:    store.NewTable[Request](db, "request"),
		grants:      store.NewTable[Grant](db, "grant"),
		pending:     store.NewTable[pointer](db, "pending"),
		places:      store.NewTable[place](db, "pending-place"),
		definitions: store.NewTable[definition](db, "definition"),
		standing:    store.NewCache[standingKey, remembered](100_000),
		exact:       store.NewCache[exactKey, []store.Item[Grant]](10_000),
	}
	s.waiting.queues = map[string]*queue{}
	db.OnChange(s.wake)
	return s
}

// Request reads one request as it stands now.
func (s *Service) Request(ctx context.Context, id string) (Request, error) {
	r, _, err := s.request(ctx, id)
	return r, err
}

func (s *Service) request(ctx context.Context, id string) (Request, store.Version, error) {
	r, v, err := s.requests.Get(ctx, id)
	if err != nil {
		return Request{}, 0, notFound(err)
	}
	return r.At(s.clock.Now()), v, nil
}

// Grant reads one grant or denial as it stands now, with its uses.
func (s *Service) Grant(ctx context.Context, id string) (Grant, error) {
	g, _, err := s.grants.Get(ctx, id)
	if err != nil {
		return Grant{}, notFound(err)
	}
	return s.present(ctx, g)
}

func (s *Service) present(ctx context.Context, g Grant) (Grant, error) {
	if g.Scope != Once {
		uses, err := s.db.Counter(ctx, usesCounter(g.ID))
		if err != nil {
			return Grant{}, err
		}
		g.Uses = uses
	}
	return g.At(s.clock.Now()), nil
}

func usesCounter(grantID string) string { return "grant-uses/" + grantID }
