package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

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
	apps map[string]*app
	stop context.CancelFunc
	wait sync.WaitGroup
}

// Open prepares the way to each app and begins to fetch their lists in the
// background. It waits for no upstream: one that can't be reached is tried
// again and harms no other. It fails only on what no waiting would mend, an
// app given twice or a transport that does not exist. The fleet lives until
// Close; the end of ctx ends the background work early.
func Open(ctx context.Context, specs []Spec, o Options) (*Fleet, error) {
	o = o.completed()
	ctx, stop := context.WithCancel(ctx)
	f := &Fleet{apps: make(map[string]*app, len(specs)), stop: stop}
	for _, spec := range specs {
		if err := f.add(ctx, spec.completed(), o); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("open app %s: %w", spec.App, err)
		}
	}
	for _, a := range f.apps {
		f.wait.Go(func() { a.watch(ctx) })
	}
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

func (f *Fleet) add(ctx context.Context, spec Spec, o Options) error {
	if f.apps[spec.App] != nil {
		return errors.New("given twice")
	}
	open, ok := o.Transports[spec.Transport]
	if !ok {
		return fmt.Errorf("no transport %q", spec.Transport)
	}
	a, err := newApp(ctx, spec, o, open)
	if err != nil {
		return err
	}
	f.apps[spec.App] = a
	return nil
}

// Call carries req to app over the connection of who, and returns the answer.
// An app is asked once; a second request is made only where the upstream's
// answer to the first proves that it was not executed. Any error is an *Error;
// NotSent tells whether the call may have run.
func (f *Fleet) Call(ctx context.Context, app string, who Caller, req Request) (Reply, error) {
	a, ok := f.apps[app]
	if !ok {
		return Reply{}, fault(app, req.Method, Unsent(ErrUnknownApp))
	}
	return a.call(ctx, who, req)
}

// Lists returns the last lists that could be fetched, and how app is doing.
// What it returns is shared: it must not be changed.
func (f *Fleet) Lists(app string) (Lists, State) {
	a, ok := f.apps[app]
	if !ok {
		return Lists{}, State{}
	}
	return a.lists.current()
}

// Ready waits until the lists of app were fetched for the first time, or could
// not be; then it returns why not.
func (f *Fleet) Ready(ctx context.Context, app string) error {
	a, ok := f.apps[app]
	if !ok {
		return fault(app, "list", ErrUnknownApp)
	}
	return a.lists.ready(ctx)
}

// Counts returns what went wrong with app so far, or nil for no such app.
func (f *Fleet) Counts(app string) *Counts {
	if a, ok := f.apps[app]; ok {
		return &a.counts
	}
	return nil
}

// Close ends all connections, calls in flight and children, and waits until
// they are gone.
func (f *Fleet) Close() error {
	f.stop()
	f.wait.Wait()
	var problems []error
	var mu sync.Mutex
	var closing sync.WaitGroup
	for _, a := range f.apps {
		closing.Go(func() {
			err := a.close()
			mu.Lock()
			defer mu.Unlock()
			problems = append(problems, err)
		})
	}
	closing.Wait()
	return errors.Join(problems...)
}
