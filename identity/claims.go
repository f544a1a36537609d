package identity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary"
)

// Claims is what is said of a person, as a JSON object decodes.
type Claims map[string]any

// UnmarshalJSON keeps every digit of a number: two sites must not become one
// because their ids are long.
func (c *Claims) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode((*map[string]any)(c))
}

// ClaimPaths says where each claim is read from; the first that is present
// wins, and a dotted path goes into nested objects. A claim of the wrong type
// counts as absent.
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

// rights are the claims, typed.
type rights struct {
	tenant ostiary.Tenant
	sites  []ostiary.Site // nil: none claimed; empty: claimed to be none
	roles  []string
	admin  bool
}

func (p ClaimPaths) read(c Claims) rights {
	var r rights
	tenant, _ := first(c, p.Tenant, name)
	r.tenant = ostiary.Tenant(tenant)
	r.sites, _ = first(c, p.Sites, list[ostiary.Site](siteID))
	r.roles, _ = first(c, p.Roles, list[string](name))
	r.admin, _ = first(c, p.Admin, boolean)
	return r
}

// first reads the first path that holds a value of the right type.
func first[T any](c Claims, paths []string, typed func(any) (T, bool)) (T, bool) {
	for _, path := range paths {
		v, ok := walk(c, path)
		if !ok {
			continue
		}
		if t, ok := typed(v); ok {
			return t, true
		}
	}
	var none T
	return none, false
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
func list[T ~string](element func(any) (string, bool)) func(any) ([]T, bool) {
	return func(v any) ([]T, bool) {
		if s, ok := element(v); ok {
			return []T{T(s)}, true
		}
		array, ok := v.([]any)
		if !ok {
			return nil, false
		}
		out := make([]T, 0, len(array))
		for _, e := range array {
			s, ok := element(e)
			if !ok {
				return nil, false
			}
			out = append(out, T(s))
		}
		return out, true
	}
}

func boolean(v any) (b, ok bool) {
	b, ok = v.(bool)
	return b, ok
}

func name(v any) (string, bool) {
	s, ok := v.(string)
	return s, ok && s != ""
}

// siteID reads a name, or a whole number as its decimal digits.
func siteID(v any) (string, bool) {
	switch v := v.(type) {
	case int, int64, uint64:
		return fmt.Sprint(v), true
	case json.Number:
		digits := strings.TrimPrefix(v.String(), "-")
		return v.String(), digits != "" && strings.Trim(digits, "0123456789") == ""
	case float64:
		whole := v == math.Trunc(v) && math.Abs(v) < 1<<53
		return strconv.FormatInt(int64(v), 10), whole
	default:
		return name(v)
	}
}
