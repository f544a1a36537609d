package ostiary

import (
	"strings"
	"testing"
)

func TestAScopeCoversItselfAndWhatIsBelowIt(t *testing.T) {
	for _, c := range []struct {
		have, want string
		covers     bool
	}{
		{"crm:read", "crm:read", true},
		{"crm:write", "crm:read", true},
		{"crm:read", "crm:write", false},
		{"crm:admin", "crm:write", true},
		{"crm:*", "crm:anything", true},
		{"crm:*", "crmx:read", false},
		{"crm:write", "notes:read", false},
		{"*:write", "notes:read", true},
		{"*:read", "notes:write", false},
		{"*:write", "notes:chat", false},
		{"*:*", "notes:chat", false},
		{"read", "write", false},
		{"mcp:read", "mcp:none", false},
		{"", "crm:read", false},
		{"crm:", "crm:read", false},
	} {
		p := Principal{Scopes: []string{c.have}}
		if got := p.HasScope(c.want); got != c.covers {
			t.Errorf("%q covers %q: got %v, want %v", c.have, c.want, got, c.covers)
		}
	}
}

func TestATierReachesItsCategoriesAndNoOthers(t *testing.T) {
	reach := map[Tier][]Category{
		TierNone:  {},
		TierRead:  {CategoryRead},
		TierWrite: {CategoryRead, CategoryWrite, CategoryDelete, CategoryExecute},
		TierAdmin: {CategoryRead, CategoryWrite, CategoryDelete, CategoryExecute, CategoryAdmin},
		Tier(9):   {},
	}
	for tier, want := range reach {
		n := 0
		for c := CategoryWrite; c <= CategoryAdmin; c++ {
			if tier.Reaches(c) {
				n++
			}
		}
		for _, c := range want {
			if !tier.Reaches(c) {
				t.Errorf("%v does not reach %v", tier, c)
			}
		}
		if n != len(want) {
			t.Errorf("%v reaches %d categories, want %d", tier, n, len(want))
		}
	}
}

func TestAnAppIsReachedAsFarAsItsScopesSay(t *testing.T) {
	for _, c := range []struct {
		tier   Tier
		scopes string
		want   Tier
	}{
		{TierNone, "", TierNone},
		{TierNone, "crm:admin mcp:admin *:admin", TierNone},
		{TierWrite, "", TierWrite},
		{TierAdmin, "mcp:write", TierWrite},
		{TierAdmin, "*:write", TierWrite},
		{TierAdmin, "crm:write", TierWrite},
		{TierAdmin, "mcp:read crm:*", TierAdmin},
		{TierWrite, "mcp:read crm:*", TierWrite},
		{TierAdmin, "mcp:write crm:read", TierWrite},
		{TierAdmin, "notes:admin", TierRead},
		{TierAdmin, "crm:export crm crmx:admin *:*", TierRead},
	} {
		p := Principal{Tier: c.tier, Scopes: strings.Fields(c.scopes)}
		if got := p.TierIn("crm"); got != c.want {
			t.Errorf("tier %s with %q: got %s, want %s", c.tier, c.scopes, got, c.want)
		}
	}
}
