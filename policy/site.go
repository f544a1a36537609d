package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
)

// siteRule says whether a tool is held to sites, and where the site stands in
// its arguments.
func (r *Rules) siteRule(s Site, t *ostiary.Tool) (SiteRule, []string) {
	field := cmp.Or(s.Field, r.config.SiteField)
	path, declared, everywhere := placeOf(t, field)
	rule := SiteRule{
		Scoped: r.config.InferSite && declared, AdminRequired: s.AdminRequired, Field: strings.Join(path, "."),
		AllowAll: r.config.DemoAllowAllSites, Everywhere: everywhere,
	}
	if s.Scoped != nil {
		rule.Scoped = *s.Scoped
	}
	return rule, path
}

// placeOf finds where a tool's schema has the site field. Names that some
// reader could take for it are it: a tool that wants siteID acts on a site,
// too. Where there is not one place that can be told, the site is wanted as an
// argument of its own name, and all else that bears the name is held to it.
func placeOf(t *ostiary.Tool, field string) (path []string, declared, everywhere bool) {
	var places [][]string
	for _, name := range t.SchemaFields {
		if ostiary.SameName(name, field) {
			places = append(places, []string{name})
		}
	}
	for name, at := range t.SchemaBelow {
		if ostiary.SameName(name, field) {
			places = append(places, at)
		}
	}
	path = []string{field}
	switch {
	case slices.Contains(t.SchemaFields, field):
		return path, true, len(places) > 1
	case len(places) == 1 && places[0] != nil && !t.SchemaOpen:
		return places[0], true, true
	}
	return path, len(places) > 0 || t.SchemaOpen, len(places) > 0 || t.SchemaOpen
}
