package gateway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/gate"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
)

// A Reread reads the configuration again for a gateway that runs with another:
// config.Config.Reload of its file.
type Reread func(running *config.Config) (next *config.Config, restart []string, err error)

// ReloadOn has the gateway read its configuration again whenever asked gets a
// value, while it runs. Call it before Run.
func (g *Gateway) ReloadOn(asked <-chan os.Signal, reread Reread) { g.asked, g.reread = asked, reread }

// reloads does so until ctx is done.
func (g *Gateway) reloads(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.asked:
			if err := g.reload(ctx); err != nil && ctx.Err() == nil {
				g.tellProblems(err)
			}
		}
	}
}

func (g *Gateway) reload(ctx context.Context) error {
	g.reloading.Lock()
	running := g.running
	g.reloading.Unlock()
	next, restart, err := g.reread(running)
	if err != nil {
		return err
	}
	return g.Reload(ctx, next, restart)
}

// tellProblems says why nothing was reloaded, with all that is wrong.
func (g *Gateway) tellProblems(err error) {
	const what = "the configuration was not reloaded, and nothing has changed"
	var problems config.Problems
	if !errors.As(err, &problems) {
		g.Logger.Error(what, "error", err)
	}
	for _, p := range problems {
		g.Logger.Error(what, "problem", p.String())
	}
}

// endReloads waits for the one under way.
func (g *Gateway) endReloads() {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	g.stopped = true
}

// Reload has the gateway go on with other apps and rules, which config.Reload
// made of its file; restart names what else the file says differently. Calls
// under way are not dropped: those that were let through go where they were
// let to, and all others are decided by the new rules. After an error nothing
// has changed.
func (g *Gateway) Reload(ctx context.Context, next *config.Config, restart []string) error {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	if g.stopped {
		return errors.New("the gateway stops")
	}
	if len(restart) > 0 {
		g.Logger.Warn("what has changed here needs a restart, and stays as it was", "keys", restart)
	}
	news := newsOf(g.running, next)
	if news.none() {
		g.Logger.Info("reloaded the configuration: apps and rules are the same")
		return nil
	}
	rules, err := compileRules(next)
	if err != nil {
		return fmt.Errorf("tools: %w", err)
	}
	if err := g.exchange(ctx, next, rules, news); err != nil {
		return err
	}
	warn(next.Apps, g.Logger)
	g.Logger.Info("reloaded the configuration", news.attributes()...)
	return nil
}

// exchange changes everything that is decided by, or nothing. The order
// matters. New apps are asked for their lists before anybody sees them. The
// record comes first, as of all that changes who may do what. Apps are there
// before the rules that let calls reach them: until then a call is decided by
// the edition before, and goes to the apps of that ([upstream.Change]).
// Decisions of the old rules that are not committed fall with the epoch.
func (g *Gateway) exchange(ctx context.Context, next *config.Config, rules *policy.Rules, news news) error {
	apps, err := g.Catalogue.Fleet.Prepare(specs(next))
	if err != nil {
		return fmt.Errorf("apps: %w", err)
	}
	waiting, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	apps.Ready(waiting, g.Catalogue.unready)
	err = g.Catalogue.Replace(ctx, catalogueApps(next), argumentNames(next), func() error {
		if err := g.record(ctx, news); err != nil {
			return err
		}
		g.edition++
		apps.Apply(g.edition)
		return nil
	})
	if err != nil {
		return errors.Join(fmt.Errorf("nothing has changed: %w", err), apps.Abandon())
	}
	g.Guard.Replace(g.edition, g.gates(rules), categories(rules))
	g.Rules.now.Store(rules)
	g.open.Store(openApps(next))
	g.running = next
	g.askAllAgain(context.WithoutCancel(ctx))
	g.Catalogue.tell()
	return nil
}

// record says in the audit log what is about to change.
func (g *Gateway) record(ctx context.Context, news news) error {
	var tx store.Tx
	g.Log.Append(&tx, audit.Entry{
		Kind: audit.KindPolicy, Event: "configuration_reloaded", Actor: audit.Actor{Subject: identity.CommandLine}, Detail: news.detail(),
	})
	_, err := g.DB.Commit(ctx, tx)
	if err != nil {
		return fmt.Errorf("record the reload: %w", err)
	}
	return nil
}

// askAllAgain has every decision made again that is not committed. Until
// storage has taken that, what the old rules decided may still pass, but
// nothing more is decided by them.
func (g *Gateway) askAllAgain(ctx context.Context) {
	if err := g.bump(ctx); err != nil {
		g.Logger.Error("decisions of the old rules can't be called back yet; it is tried again", "error", err)
		g.work.Go(func() {
			for g.life.Err() == nil && g.bump(g.life) != nil {
				rest(g.life, tryAgain)
			}
		})
	}
}

func rest(ctx context.Context, d time.Duration) {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-wait.C:
	}
}

func (g *Gateway) bump(ctx context.Context) error {
	var tx store.Tx
	g.Epochs.BumpDeployment(&tx)
	_, err := g.DB.Commit(ctx, tx)
	return err
}

func (g *Gateway) gates(rules *policy.Rules) []ostiary.Gate {
	return gate.Order(gate.Config{Rules: rules, Approvals: g.Approvals, Counters: g.DB})
}

func categories(rules *policy.Rules) func(*ostiary.Tool) ostiary.Category {
	return func(t *ostiary.Tool) ostiary.Category { return rules.Of(t).Category }
}

// news are what a reload changes.
type news struct {
	added, removed, changed []string // apps
	rules                   bool
}

func newsOf(before, next *config.Config) news {
	n := news{rules: !before.SameRules(next)}
	n.added, n.removed, n.changed = before.AppChanges(next)
	return n
}

func (n news) none() bool {
	return !n.rules && len(n.added)+len(n.removed)+len(n.changed) == 0
}

func (n news) detail() map[string]string {
	d := map[string]string{}
	for what, apps := range map[string][]string{"apps_added": n.added, "apps_removed": n.removed, "apps_changed": n.changed} {
		if len(apps) > 0 {
			d[what] = strings.Join(apps, " ")
		}
	}
	if n.rules {
		d["rules"] = "changed"
	}
	return d
}

func (n news) attributes() []any {
	return []any{"apps_added", n.added, "apps_removed", n.removed, "apps_changed", n.changed, "rules_changed", n.rules}
}
