package upstream

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ostiary/ostiary"
)

// Options are what a fleet works with.
type Options struct {
	Logger *slog.Logger  // nil: slog.Default
	Clock  ostiary.Clock // nil: the system's
	// Transports has an opener for each kind that a Spec may name.
	Transports map[string]Opener
	// Version of this gateway, told to upstreams.
	Version string
	// OnListChanged is called after the lists of app, or whether they can be
	// fetched, became different; not concurrently for one app. nil: nobody
	// wants to know.
	OnListChanged func(app string)
}

// A Fleet holds the connections to all apps. Its methods may be called
// concurrently.
type Fleet struct {
	options Options
	ctx     context.Context // of all that goes on in the background
	stop    context.CancelFunc
	beside  Group // watches, and apps that leave

	now atomic.Pointer[crew]

	mu       sync.Mutex // changes of now, and:
	watching map[*movable]bool
}

// A crew is the apps of one moment. It never changes.
type crew struct {
	apps    map[string]*app
	leaving []*app // calls of earlier editions may still be for them
}

// Open prepares the way to each app and begins to fetch their lists in the
// background. It waits for no upstream: one that can't be reached is tried
// again and harms no other. It fails only on what no waiting would mend, an
// app given twice or a transport that does not exist. The fleet lives until
// Close; the end of ctx ends the background work early.
func Open(ctx context.Context, specs []Spec, o Options) (*Fleet, error) {
	f := &Fleet{options: o.completed(), watching: make(map[*movable]bool)}
	f.ctx, f.stop = context.WithCancel(ctx)
	f.now.Store(&crew{})
	c, err := f.Prepare(specs)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	c.Apply(0)
	return f, nil
}

func (o Options) completed() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Clock == nil {
		o.Clock = ostiary.SystemClock{}
	}
	if o.OnListChanged == nil {
		o.OnListChanged = func(string) {}
	}
	return o
}

// Call carries req to app over the connection of who, and returns the answer.
// An app is asked once; a second request is made only where the upstream's
// answer to the first proves that it was not executed. Any error is an *Error;
// NotSent tells whether the call may have run.
func (f *Fleet) Call(ctx context.Context, app string, who Caller, req Request) (Reply, error) {
	a := f.now.Load().find(app, req.Edition)
	if a == nil {
		return Reply{}, fault(app, req.Method, Unsent(ErrUnknownApp))
	}
	return a.call(ctx, who, req)
}

// find returns the app as it was in an edition of the configuration; nil:
// there was none, or it has left.
func (c *crew) find(id string, edition uint64) *app {
	if a := c.apps[id]; a != nil && edition >= a.since {
		return a
	}
	for _, a := range c.leaving {
		if a.spec.App == id && a.since <= edition && edition < a.until {
			return a
		}
	}
	return nil
}

// app is one of now.
func (f *Fleet) app(id string) (*app, bool) {
	a, ok := f.now.Load().apps[id]
	return a, ok
}

// Era returns the newest protocol version that app was found to speak, or ""
// where that is not known.
func (f *Fleet) Era(app string) string {
	if a, ok := f.app(app); ok {
		if known := a.era.Load(); known != nil {
			return known.version
		}
	}
	return ""
}

// Lists returns the last lists that could be fetched, and how app is doing.
// What it returns is shared: it must not be changed.
func (f *Fleet) Lists(app string) (Lists, State) {
	a, ok := f.app(app)
	if !ok {
		return Lists{}, State{}
	}
	return a.lists.current()
}

// Ready waits until the lists of app were fetched for the first time, or could
// not be; then it returns why not.
func (f *Fleet) Ready(ctx context.Context, app string) error {
	a, ok := f.app(app)
	if !ok {
		return fault(app, "list", ErrUnknownApp)
	}
	return a.lists.ready(ctx)
}

// Counts returns what went wrong with app so far, or nil for no such app.
func (f *Fleet) Counts(app string) *Counts {
	if a, ok := f.app(app); ok {
		return &a.counts
	}
	return nil
}

// Close ends all connections, calls in flight and children, and waits until
// they are gone.
func (f *Fleet) Close() error {
	f.stop()
	f.beside.Close()
	return closeApps(slices.Collect(maps.Values(f.now.Load().apps)))
}

// closeApps does so with all at once: each may take its time.
func closeApps(apps []*app) error {
	problems := make([]error, len(apps))
	var closing sync.WaitGroup
	for i, a := range apps {
		closing.Go(func() { problems[i] = a.close() })
	}
	closing.Wait()
	return errors.Join(problems...)
}
