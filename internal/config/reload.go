package config

import (
	"reflect"
	"slices"
	"strings"
)

// reloaded are the groups that a running gateway can take anew. What is said of
// tools rests on all of them.
var reloaded = []string{"apps", "tools", "sites", "roles"}

// Reload reads the file again for a gateway that runs with a configuration. It
// returns that with the groups of the file that can be reloaded, and the paths
// of all else that the file says differently: a restart takes those. Errors are
// those of Load; what the file says must also be good beside what stays.
func (c *Config) Reload(path string, env Env) (next *Config, restart []string, err error) {
	data, err := read(path)
	if err != nil {
		return nil, nil, err
	}
	r := newReport(path)
	file := parse(data, env, r)
	if len(r.problems) > 0 {
		return nil, nil, r.problems.sorted()
	}
	merged := *c
	merged.Apps, merged.Tools, merged.Sites, merged.Roles = file.Apps, file.Tools, file.Sites, file.Roles
	merged.checkApps(r)
	merged.checkTools(r)
	merged.checkSites(r)
	if len(r.problems) > 0 {
		return nil, nil, r.problems.sorted()
	}
	return &merged, c.differs(file), nil
}

// differs lists the keys outside of what is reloaded whose values are not the
// same. Lists are one value.
func (c *Config) differs(file *Config) (paths []string) {
	walk(reflect.ValueOf(*c), reflect.ValueOf(*file), "", func(path string, a, b reflect.Value) {
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			paths = append(paths, path)
		}
	})
	return paths
}

// walk visits the keys of two groups.
func walk(a, b reflect.Value, path string, visit func(path string, a, b reflect.Value)) {
	for i := range a.NumField() {
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("yaml"), ",")
		at := under(path, name)
		switch {
		case name == "" || name == "-" || slices.Contains(reloaded, at):
		case isGroup(a.Field(i).Type()):
			walk(a.Field(i), b.Field(i), at, visit)
		default:
			visit(at, a.Field(i), b.Field(i))
		}
	}
}

// isGroup says whether a value has keys of its own, rather than being a scalar
// that happens to be a struct.
func isGroup(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for field := range t.Fields() {
		if field.Tag.Get("yaml") != "" {
			return true
		}
	}
	return false
}

// AppChanges tells which apps are new, gone and different in another
// configuration.
func (c *Config) AppChanges(next *Config) (added, removed, changed []string) {
	for _, a := range next.Apps {
		before, ok := c.App(a.ID)
		switch {
		case !ok:
			added = append(added, a.ID)
		case !reflect.DeepEqual(before, a):
			changed = append(changed, a.ID)
		}
	}
	for _, a := range c.Apps {
		if _, ok := next.App(a.ID); !ok {
			removed = append(removed, a.ID)
		}
	}
	return added, removed, changed
}

// SameRules says whether all is said of tools that another configuration says.
func (c *Config) SameRules(next *Config) bool {
	return reflect.DeepEqual(c.Tools, next.Tools) && reflect.DeepEqual(c.Sites, next.Sites) && reflect.DeepEqual(c.Roles, next.Roles)
}
