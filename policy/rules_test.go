package policy_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/glob"
	"github.com/ostiary/ostiary/policy"
)

func compile(t testing.TB, c policy.Config) *policy.Rules {
	t.Helper()
	r, err := policy.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tool(id ostiary.ToolID, fields ...string) *ostiary.Tool {
	return &ostiary.Tool{ID: id, App: id.App(), SchemaFields: fields}
}

func ptr[T any](v T) *T { return &v }

func TestAPatternThatIsNoneIsRefused(t *testing.T) {
	for _, match := range []string{"", "crm:\x00", "crm:\xff"} {
		if _, err := policy.Compile(policy.Config{Entries: []policy.Entry{{Match: match}}}); !errors.Is(err, glob.ErrPattern) {
			t.Errorf("%q: got %v; want ErrPattern", match, err)
		}
	}
}

func TestALaterEntryReplacesTheGroupsThatItNames(t *testing.T) {
	rules := compile(t, policy.Config{Entries: []policy.Entry{
		{
			Match: "crm:*", Category: ptr(ostiary.CategoryRead), Scopes: []string{"crm:read"}, Source: "tools[0]",
			Approval: &policy.Approval{Required: true, Risk: policy.RiskHigh, Scopes: []string{"once"}},
			Rate:     &policy.Rate{Calls: 9, Window: time.Minute},
		},
		{
			Match: "crm:delete_*", Category: ptr(ostiary.CategoryDelete), Source: "tools[1]",
			Approval: &policy.Approval{Risk: policy.RiskLow}, Roles: &policy.Roles{Names: []string{"manager"}},
		},
		{Match: "hr:*", Scopes: []string{"hr:all"}, Source: "tools[2]"},
		{Match: "crm:delete_all", Scopes: []string{}, Site: &policy.Site{AdminRequired: true}, Source: "tools[3]"},
	}})
	for id, want := range map[ostiary.ToolID]policy.Rule{
		"crm:get": {
			Category: ostiary.CategoryRead, Scopes: []string{"crm:read"},
			Approval: policy.Approval{Required: true, Risk: policy.RiskHigh, Scopes: []string{"once"}},
			Rate:     &policy.Rate{Calls: 9, Window: time.Minute}, Site: policy.SiteRule{Field: "siteId"},
			Sources: map[policy.Group]string{"category": "tools[0]", "approval": "tools[0]", "scopes": "tools[0]", "rate_limit": "tools[0]"},
		},
		"crm:delete_one": {
			Category: ostiary.CategoryDelete, Scopes: []string{"crm:read"},
			Approval: policy.Approval{Risk: policy.RiskLow}, Roles: policy.Roles{Names: []string{"manager"}},
			Rate: &policy.Rate{Calls: 9, Window: time.Minute}, Site: policy.SiteRule{Field: "siteId"},
			Sources: map[policy.Group]string{"category": "tools[1]", "approval": "tools[1]", "scopes": "tools[0]", "authorization": "tools[1]", "rate_limit": "tools[0]"},
		},
		"crm:delete_all": {
			Category: ostiary.CategoryDelete, Scopes: []string{},
			Approval: policy.Approval{Risk: policy.RiskLow}, Roles: policy.Roles{Names: []string{"manager"}},
			Rate: &policy.Rate{Calls: 9, Window: time.Minute}, Site: policy.SiteRule{Field: "siteId", AdminRequired: true},
			Sources: map[policy.Group]string{"category": "tools[1]", "approval": "tools[1]", "scopes": "tools[3]", "authorization": "tools[1]", "site": "tools[3]", "rate_limit": "tools[0]"},
		},
		"Crm:get": {Site: policy.SiteRule{Field: "siteId"}, Sources: map[policy.Group]string{}},
	} {
		if diff := cmp.Diff(&want, rules.Of(tool(id)), cmpopts.IgnoreFields(policy.Rule{}, "SitePath")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	if got := rules.Of(tool("Crm:get")).Source(policy.GroupScopes); got != "default" {
		t.Errorf("got source %q; want default", got)
	}
}

func TestWhenAToolIsScopedToASite(t *testing.T) {
	for name, c := range map[string]struct {
		infer  bool
		site   *policy.Site
		fields []string
		want   policy.SiteRule
	}{
		"by its schema":               {true, nil, []string{"id", "siteId"}, policy.SiteRule{Scoped: true, Field: "siteId"}},
		"its schema has none":         {true, nil, []string{"site_id", "site"}, policy.SiteRule{Field: "siteId"}},
		"its schema spells it so":     {true, nil, []string{"siteID", "site"}, policy.SiteRule{Scoped: true, Field: "siteID", Everywhere: true}},
		"its schema has two of it":    {true, nil, []string{"siteID", "siteId"}, policy.SiteRule{Scoped: true, Field: "siteId", Everywhere: true}},
		"its schema has no right one": {true, nil, []string{"siteID", "SiteId"}, policy.SiteRule{Scoped: true, Field: "siteId", Everywhere: true}},
		"in full width":               {true, nil, []string{"ｓiteId"}, policy.SiteRule{Scoped: true, Field: "ｓiteId", Everywhere: true}},
		"schemas are not asked":       {false, nil, []string{"siteId"}, policy.SiteRule{Field: "siteId"}},
		"by the operator":             {false, &policy.Site{Scoped: ptr(true)}, nil, policy.SiteRule{Scoped: true, Field: "siteId"}},
		"the operator says not":       {true, &policy.Site{Scoped: ptr(false)}, []string{"siteId"}, policy.SiteRule{Field: "siteId"}},
		"by a field of its own":       {true, &policy.Site{Field: "shop"}, []string{"shop"}, policy.SiteRule{Scoped: true, Field: "shop"}},
		"the usual field, another is": {true, &policy.Site{Field: "shop"}, []string{"siteId"}, policy.SiteRule{Field: "shop"}},
	} {
		t.Run(name, func(t *testing.T) {
			rules := compile(t, policy.Config{InferSite: c.infer, Entries: []policy.Entry{{Match: "*", Site: c.site}}})
			rule := rules.Of(tool("crm:get", c.fields...))
			if rule.Site != c.want || len(rule.SitePath) != 1 || rule.SitePath[0] != c.want.Field {
				t.Errorf("got %+v at %v; want %+v", rule.Site, rule.SitePath, c.want)
			}
		})
	}
}

func TestWhereASiteStandsThatIsNoArgumentOfItsOwn(t *testing.T) {
	below := func(name string, path ...string) map[string][]string { return map[string][]string{name: path} }
	for name, c := range map[string]struct {
		fields []string
		below  map[string][]string
		open   bool
		want   policy.SiteRule
		path   []string
	}{
		"in one place":           {nil, below("siteId", "to", "siteId"), false, policy.SiteRule{Scoped: true, Field: "to.siteId", Everywhere: true}, []string{"to", "siteId"}},
		"spelled otherwise":      {nil, below("SITEID", "to", "SITEID"), false, policy.SiteRule{Scoped: true, Field: "to.SITEID", Everywhere: true}, []string{"to", "SITEID"}},
		"nobody can tell":        {nil, below("siteId"), false, policy.SiteRule{Scoped: true, Field: "siteId", Everywhere: true}, []string{"siteId"}},
		"in both":                {[]string{"siteId"}, below("siteId", "to", "siteId"), false, policy.SiteRule{Scoped: true, Field: "siteId", Everywhere: true}, []string{"siteId"}},
		"elsewhere, perhaps":     {nil, below("siteId", "to", "siteId"), true, policy.SiteRule{Scoped: true, Field: "siteId", Everywhere: true}, []string{"siteId"}},
		"a part can't be read":   {nil, nil, true, policy.SiteRule{Scoped: true, Field: "siteId", Everywhere: true}, []string{"siteId"}},
		"another name is inside": {nil, below("site", "to", "site"), false, policy.SiteRule{Field: "siteId"}, []string{"siteId"}},
	} {
		t.Run(name, func(t *testing.T) {
			tl := tool("crm:get", c.fields...)
			tl.SchemaBelow, tl.SchemaOpen = c.below, c.open
			rule := compile(t, policy.Config{InferSite: true}).Of(tl)
			if rule.Site != c.want || !slices.Equal(rule.SitePath, c.path) {
				t.Errorf("got %+v at %q; want %+v at %q", rule.Site, rule.SitePath, c.want, c.path)
			}
		})
	}
}

func TestDefaultDenyHidesWhatNoEntryNames(t *testing.T) {
	rules := compile(t, policy.Config{DefaultDeny: true, Entries: []policy.Entry{{Match: "crm:get_*"}}})
	for id, want := range map[ostiary.ToolID]bool{"crm:get_contact": false, "crm:delete": true, "crm:get": true, "CRM:get_contact": true, "crm:@resources/file:///a": true} {
		if got := rules.Of(tool(id)).Hidden; got != want {
			t.Errorf("%s: got hidden %v; want %v", id, got, want)
		}
	}
}

func TestAnnotationsTellTheCategoryUntilTheOperatorDoes(t *testing.T) {
	rules := compile(t, policy.Config{Entries: []policy.Entry{{Match: "crm:export", Category: ptr(ostiary.CategoryAdmin), Source: "tools[0]"}}})
	for _, c := range []struct {
		id        ostiary.ToolID
		annotated *ostiary.Category
		want      ostiary.Category
	}{
		{"crm:get", ptr(ostiary.CategoryRead), ostiary.CategoryRead},
		{"crm:other", nil, ostiary.CategoryWrite},
		{"crm:export", ptr(ostiary.CategoryRead), ostiary.CategoryAdmin},
	} {
		tl := tool(c.id)
		tl.Annotated = c.annotated
		if got := rules.Of(tl).Category; got != c.want {
			t.Errorf("%s: got %s; want %s", c.id, got, c.want)
		}
	}
}

func TestARuleFollowsTheDefinition(t *testing.T) {
	rules := compile(t, policy.Config{InferSite: true})
	before, after := tool("crm:get"), tool("crm:get", "siteId")
	after.Digest = ostiary.Digest{1}
	for range 2 {
		if rules.Of(before).Site.Scoped || !rules.Of(after).Site.Scoped {
			t.Error("a changed tool was judged by the rule of the earlier definition")
		}
	}
}

func TestRulesAreLookedUpConcurrently(t *testing.T) {
	rules := compile(t, policy.Config{Entries: []policy.Entry{{Match: "crm:1*", Category: ptr(ostiary.CategoryRead)}}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 200 {
				id := ostiary.ToolID(fmt.Sprint("crm:", n))
				want := ostiary.CategoryWrite
				if id[4] == '1' {
					want = ostiary.CategoryRead
				}
				if got := rules.Of(tool(id)).Category; got != want {
					t.Errorf("%s: got %s; want %s", id, got, want)
				}
			}
		})
	}
	wg.Wait()
}

// The app of a tool may be trusted no longer, while a call with the tool as it
// was is still being decided.
func TestARuleIsNotRememberedForAToolThatIsAnnotatedOtherwise(t *testing.T) {
	rules := compile(t, policy.Config{})
	trusted, now := tool("crm:get"), tool("crm:get")
	trusted.Annotated = ptr(ostiary.CategoryRead)
	for range 2 {
		if got := rules.Of(trusted).Category; got != ostiary.CategoryRead {
			t.Errorf("annotated: got category %v, want read", got)
		}
		if got := rules.Of(now).Category; got != ostiary.CategoryWrite {
			t.Errorf("not annotated any more: got category %v, want write", got)
		}
	}
}
