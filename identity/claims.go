package identity

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary"
)

// Claims is what is said of a person, as a JSON object decodes.
type Claims map[string]any

// ClaimPaths says where each claim is read from; the first that is present
// wins, and a dotted path goes into nested objects.
type ClaimPaths struct {
	Tenant, Sites, Roles, Admin []string
}

// DefaultClaimPaths are those of the configuration's defaults.
func DefaultClaimPaths() ClaimPaths {
	return ClaimPaths{
		Tenant: []string{"tenant"}, Sites: []string{"sites", "tenants"},
		Roles: []string{"roles"}, Admin: []string{"isAdmin"},
	}
}

// rights are the claims, typed. A claim of the wrong type counts as absent.
type rights struct {
	tenant ostiary.Tenant
	sites  []ostiary.Site // nil: none claimed
	roles  []string
	admin  bool
}

func (p ClaimPaths) read(c Claims) rights {
	var r rights
	if s, ok := p.first(c, p.Tenant).(string); ok {
		r.tenant = ostiary.Tenant(s)
	}
	for _, s := range list(p.first(c, p.Sites), siteID) {
		r.sites = append(r.sites, ostiary.Site(s))
	}
	r.roles = list(p.first(c, p.Roles), name)
	r.admin, _ = p.first(c, p.Admin).(bool)
	return r
}

func (ClaimPaths) first(c Claims, paths []string) any {
	for _, path := range paths {
		if v, ok := walk(c, path); ok {
			return v
		}
	}
	return nil
}

// walk prefers a member that is named exactly as the path, dots included.
func walk(c map[string]any, path string) (any, bool) {
	if v, ok := c[path]; ok {
		return v, v != nil
	}
	head, rest, dotted := strings.Cut(path, ".")
	if !dotted {
		return nil, false
	}
	inner, ok := c[head].(map[string]any)
	if !ok {
		return nil, false
	}
	return walk(inner, rest)
}

// list reads an array, or one element. An element of another type spoils the
// whole claim: half a list is not what was said.
func list(v any, element func(any) (string, bool)) []string {
	if s, ok := element(v); ok {
		return []string{s}
	}
	array, ok := v.([]any)
	if !ok {
		return nil
	}
	var out []string
	for _, e := range array {
		s, ok := element(e)
		if !ok {
			return nil
		}
		out = append(out, s)
	}
	return out
}

func name(v any) (string, bool) {
	s, ok := v.(string)
	return s, ok && s != ""
}

// siteID reads a name, or a whole number as its decimal digits.
func siteID(v any) (string, bool) {
	switch v := v.(type) {
	case int:
		return strconv.Itoa(v), true
	case json.Number:
		_, err := strconv.ParseInt(v.String(), 10, 64)
		return v.String(), err == nil
	case float64:
		whole := v == math.Trunc(v) && math.Abs(v) < 1<<53
		return strconv.FormatInt(int64(v), 10), whole
	default:
		return name(v)
	}
}
