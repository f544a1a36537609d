package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/upstream/sse"
	"github.com/ostiary/ostiary/internal/upstream/stdio"
	"github.com/ostiary/ostiary/internal/upstream/streamable"
	"github.com/ostiary/ostiary/store"
)

// A Catalogue is what the apps of a configuration offer, with the connections
// to ask them.
type Catalogue struct {
	*catalogue.Catalogue
	Fleet *upstream.Fleet

	watchdog *stdio.Watchdog // nil: this program can't be started as one

	core    *Core
	cancel  func()
	changed func()        // told after each refresh; nil: nobody
	asked   chan struct{} // has room for one: lists or acceptances changed
}

// OpenCatalogue connects to the apps and waits until each has been asked for
// its lists, or ctx is done: an app that does not answer has none.
func OpenCatalogue(ctx context.Context, core *Core) (*Catalogue, error) {
	v, err := newCatalogue(ctx, core)
	if err != nil {
		return nil, err
	}
	for _, a := range core.Config.Apps {
		if err := v.Fleet.Ready(ctx, a.ID); err != nil {
			v.unready(a.ID, err)
		}
	}
	if err := v.Refresh(context.WithoutCancel(ctx)); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

func newCatalogue(ctx context.Context, core *Core) (*Catalogue, error) {
	v := &Catalogue{core: core, asked: make(chan struct{}, 1), watchdog: watchdog(core)}
	fleet, err := upstream.Open(context.WithoutCancel(ctx), specs(core.Config), upstream.Options{
		Logger: core.Logger, Clock: core.Clock, Version: Version(),
		Transports: map[string]upstream.Opener{
			upstream.Streamable: streamable.Open, upstream.SSE: sse.Open, upstream.Stdio: stdio.Open(v.watchdog),
		},
		OnListChanged: func(string) { v.ask() },
	})
	if err != nil {
		return nil, fmt.Errorf("apps: %w", err)
	}
	v.Fleet = fleet
	v.Catalogue = catalogue.New(catalogue.Config{
		Apps: catalogueApps(core.Config), Source: fleet, Logger: core.Logger,
		Accepted:  catalogue.NewAccepted(core.DB, core.Epochs, core.Log),
		Separator: core.Config.MCP.ToolNameSeparator, ArgumentNames: argumentNames(core.Config),
		Changed: v.definitionChanged, WasAccepted: v.definitionAccepted,
	})
	v.cancel = core.DB.OnChange(func(c store.Change) {
		if catalogue.Concerns(c) {
			v.ask()
		}
	})
	return v, nil
}

func catalogueApps(c *config.Config) []catalogue.App {
	var apps []catalogue.App
	for _, a := range c.Apps {
		apps = append(apps, catalogue.App{ID: a.ID, Name: a.Name, Description: a.Description, Standalone: a.Standalone, Trusted: a.Trusted, Pin: a.Pin, Asks: asks(a)})
	}
	return apps
}

// argumentNames are the site fields.
func argumentNames(c *config.Config) []string {
	names := []string{c.Sites.SiteIDField}
	for _, t := range c.Tools {
		if t.Site != nil && t.Site.SiteIDField != "" {
			names = append(names, t.Site.SiteIDField)
		}
	}
	return names
}

func (v *Catalogue) unready(app string, err error) {
	v.core.Logger.Warn("an app could not be asked for its lists", "app", app, "error", err)
}

func (v *Catalogue) ask() {
	select {
	case v.asked <- struct{}{}:
	default:
	}
}

// follow makes the catalogue anew when something changed, until ctx is done.
func (v *Catalogue) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.asked:
			v.makeAnew(ctx)
		}
	}
}

// tryAgain is how long a catalogue that could not be made anew is left as it
// is: calls are decided against storage in any case.
const tryAgain = time.Second

func (v *Catalogue) makeAnew(ctx context.Context) {
	if err := v.Refresh(ctx); err != nil && ctx.Err() == nil {
		v.core.Logger.Error("the catalogue could not be made anew; it is tried again", "error", err)
		v.askAfter(ctx, tryAgain)
		return
	}
	v.tell()
}

func (v *Catalogue) tell() {
	if v.changed != nil {
		v.changed()
	}
}

func (v *Catalogue) askAfter(ctx context.Context, d time.Duration) {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-wait.C:
		v.ask()
	}
}

// definitionChanged suspends the approvals of a tool that became another.
// Calls are refused by the digest in any case.
func (v *Catalogue) definitionChanged(t *ostiary.Tool) {
	if err := v.core.Approvals.ToolChanged(context.Background(), t.ID, t.Digest); err != nil {
		v.core.Logger.Error("approvals of a changed tool could not be suspended", "tool", t.ID, "error", err)
	}
}

// definitionAccepted resumes the approvals that waited for somebody's yes to
// the definition.
func (v *Catalogue) definitionAccepted(ctx context.Context, t *ostiary.Tool, by ostiary.Subject) error {
	return v.core.Approvals.DefinitionAccepted(ctx, t.ID, t.Digest, by)
}

// A Tool is one that an app offers, with the rule over it.
type Tool = api.Tool

// Tools lists all tools, sorted by name.
func (v *Catalogue) Tools() []Tool {
	var out []Tool
	for _, o := range v.Now().Tools("") {
		out = append(out, api.ViewTool(o, v.core.Rules))
	}
	return out
}

// A LeftOut is something that an app offers and that stands in no list.
type LeftOut = api.LeftOut

// LeftOut lists all of it, sorted by app and name.
func (v *Catalogue) LeftOut() []LeftOut { return api.ViewLeftOut(v.Now()) }

// Close ends all connections and children.
func (v *Catalogue) Close() error {
	if v.cancel != nil {
		v.cancel()
	}
	return errors.Join(v.Fleet.Close(), v.watchdog.Close())
}
