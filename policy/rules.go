package policy

import (
	"sync"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/glob"
)

// Config is what Compile turns into rules.
type Config struct {
	Entries []Entry // in order; a later entry replaces the groups it names
	// SiteField is the argument that holds a site where an entry says no
	// other; "" means "siteId".
	SiteField string
	// InferSite: a tool whose input schema declares the site field is scoped.
	InferSite bool
	// DefaultDeny: tools without any rule are unreachable.
	DefaultDeny bool
	// DemoAllowAllSites lets callers without site claims into every site.
	DemoAllowAllSites bool
}

// A Rule is everything the operator said about one tool. It is shared and
// never changed.
type Rule struct {
	Category ostiary.Category
	Approval Approval
	Roles    Roles
	Scopes   []string
	Site     SiteRule
	// SitePath is where the site stands in the arguments: Site.Field, or where
	// the tool's schema has it instead.
	SitePath []string
	Rate     *Rate
	// Hidden: no entry names the tool, and such tools are unreachable.
	Hidden bool
	// Sources tells for each group which entry decided it.
	Sources map[Group]string
}

// A Group is one part of a tools entry.
type Group string

// The groups.
const (
	GroupCategory Group = "category"
	GroupApproval Group = "approval"
	GroupRoles    Group = "authorization"
	GroupScopes   Group = "scopes"
	GroupSite     Group = "site"
	GroupRate     Group = "rate_limit"
)

// A SiteRule says where the site of a call stands and who may act there.
type SiteRule struct {
	Scoped        bool
	AdminRequired bool
	Field         string
	AllowAll      bool // for demonstrations: callers without claims pass
	// Everywhere: the tool's schema names the field in other places or another
	// spelling, too, so whatever bears its name has to be a permitted site.
	Everywhere bool
}

// Rules looks up what the operator said about a tool. It is safe for
// concurrent use.
type Rules struct {
	config Config
	globs  []glob.Glob

	mu    sync.RWMutex
	rules map[ostiary.ToolID]compiled
}

type compiled struct {
	basis
	rule *Rule
}

// A basis is what a rule rests on besides the tool's id.
type basis struct {
	definition ostiary.Digest
	annotated  bool
	category   ostiary.Category // where annotated
}

func basisOf(t *ostiary.Tool) basis {
	b := basis{definition: t.Digest, annotated: t.Annotated != nil}
	if b.annotated {
		b.category = *t.Annotated
	}
	return b
}

// maxRules bounds what is remembered; resource URIs make new ids at will.
const maxRules = 50_000

// Compile checks the globs and returns the rules.
func Compile(c Config) (*Rules, error) {
	if c.SiteField == "" {
		c.SiteField = "siteId"
	}
	r := &Rules{config: c, rules: map[ostiary.ToolID]compiled{}}
	for _, e := range c.Entries {
		g, err := glob.Parse(e.Match)
		if err != nil {
			return nil, err
		}
		r.globs = append(r.globs, g)
	}
	return r, nil
}

// Scopes are those that the entries demand, of whatever tool.
func (r *Rules) Scopes() (all []string) {
	for _, e := range r.config.Entries {
		all = append(all, e.Scopes...)
	}
	return all
}

// Of returns the rule of a tool.
func (r *Rules) Of(t *ostiary.Tool) *Rule {
	r.mu.RLock()
	c, ok := r.rules[t.ID]
	r.mu.RUnlock()
	on := basisOf(t)
	if ok && c.basis == on {
		return c.rule
	}
	rule := r.compile(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rules) >= maxRules {
		clear(r.rules)
	}
	r.rules[t.ID] = compiled{on, rule}
	return rule
}

func (r *Rules) compile(t *ostiary.Tool) *Rule {
	rule := &Rule{Sources: map[Group]string{}, Hidden: r.config.DefaultDeny}
	if t.Annotated != nil {
		rule.Category = *t.Annotated
		rule.Sources[GroupCategory] = "annotations of a trusted app"
	}
	var site Site
	for i, e := range r.config.Entries {
		if !r.globs[i].Match(string(t.ID)) {
			continue
		}
		rule.Hidden = false
		rule.apply(e)
		if e.Site != nil {
			site = *e.Site
		}
	}
	rule.Site, rule.SitePath = r.siteRule(site, t)
	return rule
}

// apply replaces the groups that e names.
func (rule *Rule) apply(e Entry) {
	if e.Category != nil {
		rule.Category, rule.Sources[GroupCategory] = *e.Category, e.Source
	}
	if e.Approval != nil {
		rule.Approval, rule.Sources[GroupApproval] = *e.Approval, e.Source
	}
	if e.Roles != nil {
		rule.Roles, rule.Sources[GroupRoles] = *e.Roles, e.Source
	}
	if e.Scopes != nil {
		rule.Scopes, rule.Sources[GroupScopes] = e.Scopes, e.Source
	}
	if e.Rate != nil {
		rule.Rate, rule.Sources[GroupRate] = e.Rate, e.Source
	}
	if e.Site != nil {
		rule.Sources[GroupSite] = e.Source
	}
}

// Source says where a group of the rule was decided: "tools[2]", or
// "default".
func (rule *Rule) Source(g Group) string {
	if s := rule.Sources[g]; s != "" {
		return s
	}
	return "default"
}
