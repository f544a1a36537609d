package identity

import (
	"bytes"
	"encoding/json"
	"errors"
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
// counts as absent; a tenant's is a tenant of its own, without a name.
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
	r.tenant = p.tenant(c)
	r.sites, _ = first(c, p.Sites, list[ostiary.Site](siteID))
	r.roles, _ = first(c, p.Roles, list[string](name))
	r.admin, _ = first(c, p.Admin, boolean)
	return r
}

// unreadable stands before what is claimed of a tenant and is the name of
// none. No name begins so.
const unreadable = "\x00"

// tenant reads an integer as its digits, like a site. To have no tenant is
// to see across all of them, so a claim that can't be read is not absent: it
// is a tenant of its own.
func (p ClaimPaths) tenant(c Claims) ostiary.Tenant {
	if t, ok := first(c, p.Tenant, tenantID); ok {
		return ostiary.Tenant(t)
	}
	for _, path := range p.Tenant {
		if v, ok := walk(c, path); ok {
			raw, _ := json.Marshal(v) // of what JSON or YAML was
			return ostiary.Tenant(unreadable + string(raw))
		}
	}
	return ""
}

// ErrUserClaims is what a claim of the wrong type is where people are written
// down. Where somebody else says it of them, it counts as absent.
var ErrUserClaims = errors.New("a claim can't be read")

// Check says what is wrong with claims that an operator gives. It must return
// an error wrapping ErrUserClaims unless each that is read is of its type.
func (p ClaimPaths) Check(c Claims) error {
	return errors.Join(
		checkEach(c, p.Tenant, tenantID, "a name or a whole number"),
		checkEach(c, p.Sites, list[ostiary.Site](siteID), "a name, a whole number, or a list of these"),
		checkEach(c, p.Roles, list[string](name), "a name, or a list of names"),
		checkEach(c, p.Admin, boolean, "true or false"),
	)
}

func checkEach[T any](c Claims, paths []string, typed func(any) (T, bool), want string) error {
	var problems []error
	for _, path := range paths {
		v, ok := walk(c, path)
		if !ok {
			continue
		}
		if _, ok := typed(v); !ok {
			problems = append(problems, fmt.Errorf("%w: %s must be %s", ErrUserClaims, path, want))
		}
	}
	return errors.Join(problems...)
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

func tenantID(v any) (string, bool) {
	s, ok := siteID(v)
	return s, ok && !strings.HasPrefix(s, unreadable)
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
