package upstream

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
)

// An Item is one entry of a list, as the upstream wrote it.
type Item struct {
	Name string // of a tool or prompt; the URI of a resource, or its template
	Raw  []byte // JSON object, byte for byte
}

// Lists are what an upstream offers, in its order. Two items may have one
// name: who shows them decides what that means.
type Lists struct {
	Tools, Resources, Templates, Prompts []Item
	Era                                  string // protocol version spoken
	Subscribes                           bool   // changes of single resources are told of
}

// A State tells how listing goes. The zero State is an app that was never
// listed.
type State struct {
	Listed bool      // lists were fetched at least once
	Err    error     // why they can't be fetched now; nil: they can
	Since  time.Time // when Err began, or the lists were last fetched
}

// A catalogue keeps the last good lists of an app.
type catalogue struct {
	clock   ostiary.Clock
	changed func()

	mu    sync.RWMutex
	lists Lists
	state State
	bound map[string][]binding // of tools with arguments that travel as headers

	once  sync.Once
	first chan struct{} // closed after the first attempt
}

func newCatalogue(app string, o Options) *catalogue {
	return &catalogue{
		clock:   o.Clock,
		changed: func() { o.OnListChanged(app) },
		first:   make(chan struct{}),
	}
}

func (c *catalogue) current() (Lists, State) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.lists, c.state
}

// bindings returns what of a tool's arguments must be mirrored in headers.
func (c *catalogue) bindings(tool string) []binding {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.bound[tool]
}

func (c *catalogue) ready(ctx context.Context) error {
	select {
	case <-c.first:
		_, state := c.current()
		return state.Err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// store keeps what was fetched. With a problem, lists holds the last good
// ones where nothing new could be had.
func (c *catalogue) store(lists Lists, bound map[string][]binding, problem error) {
	c.mu.Lock()
	different := !lists.equal(c.lists) || (problem == nil) != (c.state.Err == nil) || !c.state.Listed
	now := c.clock.Now()
	if problem == nil {
		c.state = State{Listed: true, Since: now}
	} else if c.state.Err == nil {
		c.state = State{Listed: c.state.Listed, Err: problem, Since: now}
	} else {
		c.state.Err = problem
	}
	c.lists, c.bound = lists, bound
	c.mu.Unlock()
	c.once.Do(func() { close(c.first) })
	if different {
		c.changed()
	}
}

func (l Lists) equal(other Lists) bool {
	same := func(a, b []Item) bool {
		return slices.EqualFunc(a, b, func(x, y Item) bool { return bytes.Equal(x.Raw, y.Raw) })
	}
	return l.Era == other.Era && l.Subscribes == other.Subscribes && same(l.Tools, other.Tools) && same(l.Resources, other.Resources) &&
		same(l.Templates, other.Templates) && same(l.Prompts, other.Prompts)
}

// fetch asks for all lists that the upstream has. A list that can't be
// fetched stays as it was.
func (a *app) fetch(ctx context.Context) error {
	has, version, err := a.offers(ctx)
	lists, _ := a.lists.current()
	if err == nil {
		lists.Era, lists.Subscribes = version, has.subscribes()
		err = errors.Join(
			a.fill(ctx, &lists.Tools, has.Tools != nil, listTools),
			a.fill(ctx, &lists.Resources, has.Resources != nil, listResources),
			a.fill(ctx, &lists.Templates, has.Resources != nil, listTemplates),
			a.fill(ctx, &lists.Prompts, has.Prompts != nil, listPrompts),
		)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		err = fault(a.spec.App, "list", err)
	}
	bound := a.bindHeaders(&lists)
	a.lists.store(lists, bound, err)
	return err
}

// offers tells what the upstream said it has when the connection began.
func (a *app) offers(ctx context.Context) (capabilities, string, error) {
	ctx, cancel := context.WithTimeout(ctx, a.spec.Timeout)
	defer cancel()
	c, s, err := a.pool.acquire(ctx, a.listKey())
	if err != nil {
		return capabilities{}, "", err
	}
	defer a.pool.release(s, c)
	return c.has, c.version, nil
}

func (a *app) fill(ctx context.Context, items *[]Item, offered bool, l list) error {
	if !offered {
		*items = nil
		return nil
	}
	fetched, err := a.pages(ctx, l)
	if err == nil {
		*items = fetched
	}
	return err
}

// listKey is whose connection the lists come over.
func (a *app) listKey() key { return key{lists: !a.spec.Shared} }
