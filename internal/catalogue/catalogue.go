package catalogue

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// An App is what the catalogue has to know of an upstream.
type App struct {
	ID   string
	Name string // for people
	// Description is the operator's, for people.
	Description string
	Standalone  bool
	Trusted     bool          // categories come from the upstream's annotations
	Pin         bool          // new and changed tools wait for an operator
	Asks        upstream.Asks // what it may ask of clients
}

// A Source has the lists as they were last fetched. *upstream.Fleet is one.
type Source interface {
	Lists(app string) (upstream.Lists, upstream.State)
}

// Config is what a catalogue is made of; Replace changes Apps and
// ArgumentNames. ArgumentNames, Changed and
// WasAccepted may be nil.
type Config struct {
	Apps      []App
	Source    Source
	Accepted  *Accepted
	Separator string // between app and tool in names
	// ArgumentNames are more names, besides a tool's schema properties, in
	// which look-alikes are refused: the site field.
	ArgumentNames []string
	// Changed is told of every tool whose definition became another.
	Changed func(t *ostiary.Tool)
	// WasAccepted is told of every definition that an operator accepted.
	WasAccepted func(ctx context.Context, t *ostiary.Tool, by ostiary.Subject) error
	Logger      *slog.Logger
}

// A Catalogue keeps the present snapshot. It is safe for concurrent use.
type Catalogue struct {
	config Config // once it is in use, Apps and ArgumentNames belong to mu
	scheme wire.Scheme

	now   atomic.Pointer[Snapshot]
	mu    sync.Mutex       // one refresh at a time
	known map[Problem]bool // what was reported and is still so
}

// New returns an empty catalogue; Refresh fills it.
func New(c Config) *Catalogue {
	k := &Catalogue{config: c, scheme: wire.Scheme{Separator: c.Separator}}
	k.now.Store(newSnapshot(0, c.Apps))
	return k
}

func newSnapshot(version uint64, apps []App) *Snapshot {
	byID := make(map[string]App, len(apps))
	for _, a := range apps {
		byID[a.ID] = a
	}
	return &Snapshot{
		Version: version, apps: apps, appByID: byID, tools: newShelf(), resources: newShelf(), templates: newShelf(), prompts: newShelf(),
		byID: map[ostiary.ToolID]*Offer{}, ambiguous: map[place]bool{}, subscribes: map[string]bool{},
	}
}

// Now returns the present snapshot.
func (k *Catalogue) Now() *Snapshot { return k.now.Load() }

// App returns an app by its id.
func (k *Catalogue) App(id string) (App, bool) {
	a, ok := k.Now().appByID[id]
	return a, ok
}

// Apps returns all apps, in the order of the configuration. It is shared: it
// must not be changed.
func (k *Catalogue) Apps() []App { return k.Now().apps }

// Refresh makes the snapshot anew from the lists and acceptances of now.
func (k *Catalogue) Refresh(ctx context.Context) error {
	return k.refresh(ctx, func() error { return nil })
}

// Replace makes the snapshot anew, of other apps and with other names in which
// look-alikes are refused. It first calls ready, when all that could fail but
// that has been done: after an error of it nothing has changed.
func (k *Catalogue) Replace(ctx context.Context, apps []App, argumentNames []string, ready func() error) error {
	return k.refresh(ctx, func() error {
		if err := ready(); err != nil {
			return err
		}
		k.config.Apps, k.config.ArgumentNames = apps, argumentNames
		return nil
	})
}

func (k *Catalogue) refresh(ctx context.Context, ready func() error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	accepted, err := k.config.Accepted.all(ctx)
	if err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	before := k.Now()
	b := &builder{catalogue: k, accepted: accepted, snapshot: newSnapshot(before.Version+1, k.config.Apps)}
	next := b.build()
	k.now.Store(next)
	k.report(next.Problems)
	k.tellChanges(before, next)
	return nil
}

// report logs each problem once, and again when it comes back. Only those of
// now are remembered: an upstream may think of new names for ever.
func (k *Catalogue) report(problems []Problem) {
	now := make(map[Problem]bool, len(problems))
	for _, p := range problems {
		if !k.known[p] && !now[p] {
			k.config.Logger.Warn("left out of the lists", "app", p.App, "name", p.Name, "why", p.Why)
		}
		now[p] = true
	}
	k.known = now
}

func (k *Catalogue) tellChanges(before, next *Snapshot) {
	if k.config.Changed == nil {
		return
	}
	for _, o := range next.tools.offers {
		old := before.ByID(o.Tool.ID)
		if old != nil && old.Tool.Digest != o.Tool.Digest {
			k.config.Changed(o.Tool)
		}
	}
}
