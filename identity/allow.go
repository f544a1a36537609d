package identity

import (
	"slices"

	"github.com/ostiary/ostiary"
)

// Allow is how much somebody else's word about people counts. The zero Allow
// believes nothing.
type Allow struct {
	Tenants, Roles []string // "*" is any
	Admin          bool     // may their people be admins, by claim or by role?
}

// Limit returns of foreign claims what may be believed, where the first of the
// paths of each looks for it. Sites lie inside a tenant: they count where the
// tenant does, and where none is named only if any may be.
func (p ClaimPaths) Limit(said Claims, a Allow) Claims {
	r, out := p.read(said), Claims{}
	if r.tenant != "" && has(a.Tenants, string(r.tenant)) {
		put(out, p.Tenant, string(r.tenant))
	}
	if has(a.Tenants, string(r.tenant)) && r.sites != nil {
		put(out, p.Sites, siteList(r.sites))
	}
	var roles []any
	for _, role := range r.roles {
		if has(a.Roles, role) && (a.Admin || !isAdminRole(role)) {
			roles = append(roles, role)
		}
	}
	if roles != nil {
		put(out, p.Roles, roles)
	}
	if r.admin && a.Admin {
		put(out, p.Admin, true)
	}
	return out
}

func has(list []string, one string) bool {
	return slices.Contains(list, "*") || one != "" && slices.Contains(list, one)
}

func put(c Claims, paths []string, v any) {
	if len(paths) > 0 {
		c[paths[0]] = v
	}
}

func siteList(sites []ostiary.Site) []any {
	out := []any{}
	for _, s := range sites {
		out = append(out, string(s))
	}
	return out
}
