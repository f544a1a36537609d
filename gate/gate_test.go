package gate_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/gate"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
)

var now = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

type clock struct{}

func (clock) Now() time.Time { return now }

// A counter has a count and remembers whose was asked for.
type counter struct {
	used int64
	name string
}

func (c *counter) Counter(_ context.Context, name string) (int64, error) {
	c.name = name
	return c.used, nil
}

// silent records nothing.
type silent struct{}

func (silent) Append(*store.Tx, audit.Entry) {}

func compile(t testing.TB, c policy.Config) *policy.Rules {
	t.Helper()
	rules, err := policy.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func entry(e policy.Entry) policy.Config {
	e.Match = "crm:*"
	return policy.Config{Entries: []policy.Entry{e}}
}

// alice holds everything; edit takes something away.
func alice(edit func(*ostiary.Principal)) *ostiary.Principal {
	p := &ostiary.Principal{
		Subject: "alice", Tenant: "acme", Session: "ses_1", Client: ostiary.Client{ID: "laptop"},
		Sites: []ostiary.Site{"site-A", "Ä"}, Roles: []string{"manager", "seller"}, Scopes: []string{"crm:write"},
		Tier: ostiary.TierAdmin, Apps: ostiary.Selection{All: true}, Tools: ostiary.Selection{All: true}, Resources: []string{"/mcp"},
	}
	if edit != nil {
		edit(p)
	}
	return p
}

var tool = &ostiary.Tool{ID: "crm:get", App: "crm", Digest: ostiary.Digest{1}, SchemaFields: []string{"siteId"}}

func call(p *ostiary.Principal, args string) *ostiary.Call {
	return &ostiary.Call{
		Principal: p, Tool: tool, Resource: "/mcp", Time: now,
		Arguments: ostiary.Arguments{Raw: []byte(args), Lookup: wire.Lookup},
	}
}

// A question is one call to one gate, and what must come of it.
type question struct {
	gate   ostiary.Gate
	call   *ostiary.Call
	reason ostiary.Reason // of the call; "" passes
	hides  bool           // then it is refused in lists as well
}

// ask asks each question for a call and for a list, each twice.
func ask(t *testing.T, questions map[string]question) {
	t.Helper()
	for name, q := range questions {
		t.Run(name, func(t *testing.T) {
			wantVerdict(t, q, ostiary.Execute, q.reason)
			listed := ostiary.ReasonNone
			if q.hides {
				listed = q.reason
			}
			wantVerdict(t, q, ostiary.List, listed)
		})
	}
}

func wantVerdict(t *testing.T, q question, intent ostiary.Intent, want ostiary.Reason) {
	t.Helper()
	c := *q.call
	c.Intent = intent
	for range 2 {
		v, err := q.gate.Check(t.Context(), &c)
		if err != nil {
			t.Fatal(err)
		}
		if passed := v.Effect == ostiary.Pass; v.Reason != want || passed != (want == "") || v.Hides != (q.hides && want != "") {
			t.Errorf("intent %d: got %s %q, hides %v; want %q, hides %v", intent, v.Effect, v.Reason, v.Hides, want, q.hides)
		}
	}
}

func TestAuthn(t *testing.T) {
	g := gate.Authn{}
	c := func(edit func(*ostiary.Principal)) *ostiary.Call { return call(alice(edit), "") }
	nobody := call(nil, "")
	for name, q := range map[string]question{
		"signed in":            {g, c(nil), "", false},
		"for every resource":   {g, c(func(p *ostiary.Principal) { p.Resources = []string{"*"} }), "", false},
		"nobody":               {g, nobody, ostiary.ReasonUnauthenticated, false},
		"the zero principal":   {g, call(&ostiary.Principal{}, ""), ostiary.ReasonUnauthenticated, false},
		"without a subject":    {g, c(func(p *ostiary.Principal) { p.Subject = "" }), ostiary.ReasonUnauthenticated, false},
		"anonymous":            {g, c(func(p *ostiary.Principal) { p.Subject, p.Anonymous = "", true }), "", false},
		"for another resource": {g, c(func(p *ostiary.Principal) { p.Resources = []string{"/crm/mcp"} }), ostiary.ReasonUnauthenticated, false},
		"for no resource":      {g, c(func(p *ostiary.Principal) { p.Resources = nil }), ostiary.ReasonUnauthenticated, false},
	} {
		t.Run(name, func(t *testing.T) {
			wantVerdict(t, q, ostiary.Execute, q.reason)
			wantVerdict(t, q, ostiary.List, q.reason) // a list is for somebody, too
		})
	}
}

func TestRole(t *testing.T) {
	g := func(any bool, names ...string) gate.Role {
		return gate.Role{Rules: compile(t, entry(policy.Entry{Roles: &policy.Roles{Names: names, Any: any}}))}
	}
	me := call(alice(nil), "")
	ask(t, map[string]question{
		"all of them":                {g(false, "manager", "seller"), me, "", false},
		"one of all missing":         {g(false, "manager", "owner"), me, ostiary.ReasonRoleRequired, true},
		"any of them":                {g(true, "owner", "seller"), me, "", false},
		"none of any":                {g(true, "owner"), me, ostiary.ReasonRoleRequired, true},
		"in other case":              {g(true, "Manager"), me, ostiary.ReasonRoleRequired, true},
		"none asked for":             {g(false), call(alice(func(p *ostiary.Principal) { p.Roles = nil }), ""), "", false},
		"no rule, default deny":      {gate.Role{Rules: compile(t, policy.Config{DefaultDeny: true})}, me, ostiary.ReasonRoleRequired, true},
		"no rule, but none is asked": {gate.Role{Rules: compile(t, policy.Config{})}, me, "", false},
	})
}

func TestPin(t *testing.T) {
	pinned := func(edit func(*ostiary.Tool)) *ostiary.Call {
		c, tl := call(alice(nil), ""), *tool
		tl.Pinned, tl.Accepted = true, tl.Digest
		edit(&tl)
		c.Tool = &tl
		return c
	}
	ask(t, map[string]question{
		"not pinned":        {gate.Pin{}, call(alice(nil), ""), "", false},
		"as accepted":       {gate.Pin{}, pinned(func(*ostiary.Tool) {}), "", false},
		"changed":           {gate.Pin{}, pinned(func(t *ostiary.Tool) { t.Accepted = ostiary.Digest{2} }), ostiary.ReasonToolChanged, false},
		"new":               {gate.Pin{}, pinned(func(t *ostiary.Tool) { t.Accepted = ostiary.Digest{} }), ostiary.ReasonToolChanged, true},
		"nothing but zeros": {gate.Pin{}, pinned(func(t *ostiary.Tool) { t.Accepted, t.Digest = ostiary.Digest{}, ostiary.Digest{} }), ostiary.ReasonToolChanged, true},
	})
}

func TestScope(t *testing.T) {
	category := func(c ostiary.Category, scopes ...string) gate.Scope {
		return gate.Scope{Rules: compile(t, entry(policy.Entry{Category: &c, Scopes: scopes}))}
	}
	tier := func(tier ostiary.Tier) *ostiary.Call {
		return call(alice(func(p *ostiary.Principal) { p.Tier = tier }), "")
	}
	ask(t, map[string]question{
		"read reaches read":            {category(ostiary.CategoryRead), tier(ostiary.TierRead), "", false},
		"read stops at write":          {category(ostiary.CategoryWrite), tier(ostiary.TierRead), ostiary.ReasonInsufficientScope, false},
		"unknown tools count as write": {gate.Scope{Rules: compile(t, policy.Config{})}, tier(ostiary.TierRead), ostiary.ReasonInsufficientScope, false},
		"write reaches delete":         {category(ostiary.CategoryDelete), tier(ostiary.TierWrite), "", false},
		"write stops at admin":         {category(ostiary.CategoryAdmin), tier(ostiary.TierWrite), ostiary.ReasonInsufficientScope, false},
		"no tier reaches nothing":      {category(ostiary.CategoryRead), tier(ostiary.TierNone), ostiary.ReasonInsufficientScope, false},
		"the scope is held":            {category(ostiary.CategoryRead, "crm:read"), tier(ostiary.TierRead), "", false},
		"the scope is not":             {category(ostiary.CategoryRead, "hr:read"), tier(ostiary.TierAdmin), ostiary.ReasonInsufficientScope, false},
	})
	v, err := category(ostiary.CategoryRead, "crm:read", "hr:read").Check(t.Context(), tier(ostiary.TierRead))
	if err != nil || v.Step == nil || !slices.Equal(v.Step.Scopes, []string{"crm:read", "hr:read"}) {
		t.Errorf("got %+v, %v; want a step with all that the call needs", v.Step, err)
	}
}

// Who has no token must not be told of one.
func TestScopeSpeaksOfATokenToItsHolderOnly(t *testing.T) {
	g := gate.Scope{Rules: compile(t, policy.Config{})}
	for _, anonymous := range []bool{false, true} {
		p := &ostiary.Principal{Subject: "alice", Tier: ostiary.TierRead, Anonymous: anonymous}
		v, err := g.Check(t.Context(), call(p, `{}`))
		if err != nil || v.Reason != ostiary.ReasonInsufficientScope || strings.Contains(v.Message, "the token holds") == anonymous {
			t.Errorf("anonymous %v: got %+v, error %v", anonymous, v, err)
		}
	}
}

func TestSite(t *testing.T) {
	g := func(s policy.Site) gate.Site {
		return gate.Site{Rules: compile(t, entry(policy.Entry{Site: &s}))}
	}
	yes := true
	scoped, free := g(policy.Site{Scoped: &yes}), g(policy.Site{})
	inferred := gate.Site{Rules: compile(t, policy.Config{InferSite: true})}
	demo := gate.Site{Rules: compile(t, policy.Config{InferSite: true, DemoAllowAllSites: true})}
	at := func(args string) *ostiary.Call { return call(alice(nil), args) }
	without := func(sites []ostiary.Site) *ostiary.Call {
		return call(alice(func(p *ostiary.Principal) { p.Sites = sites }), `{"siteId":"site-A"}`)
	}
	required, refused := ostiary.ReasonSiteRequired, ostiary.ReasonSiteNotAllowed
	ask(t, map[string]question{
		"own site":                  {scoped, at(`{"siteId":"site-A"}`), "", false},
		"own site, escaped":         {scoped, at(`{"siteId":"site\u002dA"}`), "", false},
		"another":                   {scoped, at(`{"siteId":"site-B"}`), refused, false},
		"in other case":             {scoped, at(`{"siteId":"Site-A"}`), refused, false},
		"with a space":              {scoped, at(`{"siteId":"site-A "}`), refused, false},
		"a look-alike, decomposed":  {scoped, at(`{"siteId":"A\u0308"}`), refused, false},
		"left out":                  {scoped, at(`{}`), required, false},
		"no arguments":              {scoped, at(``), required, false},
		"empty":                     {scoped, at(`{"siteId":""}`), required, false},
		"null":                      {scoped, at(`{"siteId":null}`), required, false},
		"a list":                    {scoped, at(`{"siteId":["site-A"]}`), required, false},
		"an object":                 {scoped, at(`{"siteId":{"a":"site-A"}}`), required, false},
		"a number":                  {scoped, at(`{"siteId":1}`), required, false},
		"further in":                {scoped, at(`{"a":{"siteId":"site-A"}}`), required, false},
		"not scoped":                {free, at(`{"siteId":"site-B"}`), "", false},
		"by the schema":             {inferred, at(`{"siteId":"site-B"}`), refused, false},
		"by the schema, left out":   {inferred, at(`{}`), required, false},
		"no claims":                 {scoped, without(nil), refused, false},
		"no claims, demonstration":  {demo, without(nil), "", false},
		"claims of none, as well":   {demo, without([]ostiary.Site{}), refused, false},
		"admin wanted":              {g(policy.Site{AdminRequired: true}), at(`{}`), ostiary.ReasonAdminRequired, false},
		"admin wanted before site":  {g(policy.Site{AdminRequired: true, Scoped: &yes}), at(`{}`), ostiary.ReasonAdminRequired, false},
		"admin by claim":            {g(policy.Site{AdminRequired: true}), call(alice(func(p *ostiary.Principal) { p.Admin = true }), `{}`), "", false},
		"admin by role":             {g(policy.Site{AdminRequired: true}), call(alice(func(p *ostiary.Principal) { p.Roles = []string{"owner"} }), `{}`), "", false},
		"admin by a role like it":   {g(policy.Site{AdminRequired: true}), call(alice(func(p *ostiary.Principal) { p.Roles = []string{"Admin", "admins"} }), `{}`), ostiary.ReasonAdminRequired, false},
		"an admin has sites as any": {g(policy.Site{AdminRequired: true, Scoped: &yes}), call(alice(func(p *ostiary.Principal) { p.Admin = true }), `{"siteId":"site-B"}`), refused, false},
	})
}

// What a schema declares further in, or in another spelling, is held to sites.
func TestASiteThatStandsElsewhere(t *testing.T) {
	const refused, required = ostiary.ReasonSiteNotAllowed, ostiary.ReasonSiteRequired
	at := func(tl ostiary.Tool) func(args string) *ostiary.Call {
		return func(args string) *ostiary.Call {
			c := call(alice(func(p *ostiary.Principal) { p.Sites = []ostiary.Site{"site-A"} }), args)
			c.Tool = &tl
			return c
		}
	}
	inside := at(ostiary.Tool{ID: "crm:inside", SchemaBelow: map[string][]string{"siteId": {"to", "siteId"}}})
	spelled := at(ostiary.Tool{ID: "crm:spelled", SchemaFields: []string{"siteID"}})
	both := at(ostiary.Tool{ID: "crm:both", SchemaFields: []string{"siteId"}, SchemaBelow: map[string][]string{"siteId": nil}})
	open := at(ostiary.Tool{ID: "crm:open", SchemaOpen: true})
	g := gate.Site{Rules: compile(t, policy.Config{InferSite: true})}
	ask(t, map[string]question{
		"inside":                     {g, inside(`{"to":{"siteId":"site-A"}}`), "", false},
		"inside, another":            {g, inside(`{"to":{"siteId":"site-B"}}`), refused, false},
		"inside, left out":           {g, inside(`{"to":{}}`), required, false},
		"inside, but outside":        {g, inside(`{"siteId":"site-A"}`), required, false},
		"inside, another outside":    {g, inside(`{"siteId":"site-B","to":{"siteId":"site-A"}}`), refused, false},
		"spelled":                    {g, spelled(`{"siteID":"site-A"}`), "", false},
		"spelled, another":           {g, spelled(`{"siteID":"site-B"}`), refused, false},
		"spelled, left out":          {g, spelled(`{}`), required, false},
		"spelled twice":              {g, spelled(`{"siteID":"site-A","siteId":"site-B"}`), refused, false},
		"in both":                    {g, both(`{"siteId":"site-A","list":[{"siteId":"site-A","n":1E400}]}`), "", false},
		"in both, another in a list": {g, both(`{"siteId":"site-A","list":[{"siteId":"site-A"},{"SITEID":"site-B"}]}`), refused, false},
		"in both, a list of sites":   {g, both(`{"siteId":"site-A","to":{"siteId":["site-A"]}}`), refused, false},
		"in both, only one":          {g, both(`{"siteId":"site-A","to":{}}`), "", false},
		"in both, none outside":      {g, both(`{"list":[{"siteId":"site-A"}]}`), required, false},
		"nobody knows":               {g, open(`{}`), required, false},
		"nobody knows, but named":    {g, open(`{"siteId":"site-A"}`), "", false},
	})
}

func TestAppAndConsent(t *testing.T) {
	with := func(apps, tools ostiary.Selection) *ostiary.Call {
		return call(alice(func(p *ostiary.Principal) { p.Apps, p.Tools = apps, tools }), "")
	}
	all := ostiary.Selection{All: true}
	some := func(ids ...string) ostiary.Selection { return ostiary.Selection{IDs: ids} }
	closed, unsaid := ostiary.ReasonAuthorizationRequired, ostiary.ReasonToolNotConsented
	writes := gate.Consent{Rules: compile(t, policy.Config{})} // a tool without a rule is of category write
	whole := func(app string, shown ...ostiary.Category) *ostiary.Call {
		return call(alice(func(p *ostiary.Principal) {
			p.Tools, p.Whole = ostiary.Selection{}, map[string][]ostiary.Category{app: shown}
		}), "")
	}
	ask(t, map[string]question{
		"the app is open":        {gate.App{}, with(some("hr", "crm"), all), "", false},
		"another is":             {gate.App{}, with(some("crm2", "cr", "CRM", "*", ""), all), closed, false},
		"none is":                {gate.App{}, with(ostiary.Selection{}, all), closed, false},
		"the tool is agreed to":  {writes, with(all, some("crm:get")), "", false},
		"the whole app is":       {writes, with(all, some("crm:*")), "", false},
		"another tool is":        {writes, with(all, some("crm:get_all", "crm:ge", "crm:", "*", "*:*", "cr:*", "crm:g*")), unsaid, false},
		"no tool is":             {writes, with(all, ostiary.Selection{}), unsaid, false},
		"its category was shown": {writes, whole("crm", ostiary.CategoryRead, ostiary.CategoryWrite), "", false},
		"its category was not":   {writes, whole("crm", ostiary.CategoryRead), unsaid, false},
		"none was":               {writes, whole("crm"), unsaid, false},
		"another app's was":      {writes, whole("notes", ostiary.CategoryWrite), unsaid, false},
	})
}

func TestWhoHasNoTokenIsNotToldOfItsOwner(t *testing.T) {
	for anonymous, want := range map[bool]string{true: "not open without a token: sign in", false: "its owner has to open it"} {
		c := call(alice(func(p *ostiary.Principal) { p.Anonymous, p.Apps = anonymous, ostiary.Selection{} }), "")
		v, err := gate.App{}.Check(t.Context(), c)
		if err != nil || v.Reason != ostiary.ReasonAuthorizationRequired || !strings.Contains(v.Message, want) {
			t.Errorf("anonymous %t: got %+v, %v; want %q", anonymous, v, err, want)
		}
	}
}

func TestASkippedAppIsReadByWhoDidNotOpenIt(t *testing.T) {
	read, app := ostiary.CategoryRead, gate.App{}
	reads := gate.Consent{Rules: compile(t, entry(policy.Entry{Category: &read}))}
	writes := gate.Consent{Rules: compile(t, policy.Config{})}
	with := func(apps, skipped, tools ostiary.Selection) *ostiary.Call {
		return call(alice(func(p *ostiary.Principal) { p.Apps, p.Skipped, p.Tools = apps, skipped, tools }), "")
	}
	none, all := ostiary.Selection{}, ostiary.Selection{All: true}
	some := func(ids ...string) ostiary.Selection { return ostiary.Selection{IDs: ids} }
	unsaid := ostiary.ReasonToolNotConsented
	ask(t, map[string]question{
		"its app":                                {app, with(none, some("crm"), none), "", false},
		"a reading tool":                         {reads, with(none, some("crm"), none), "", false},
		"a writing tool":                         {writes, with(none, some("crm"), none), unsaid, false},
		"a writing tool, where nobody is asked":  {writes, with(none, some("crm"), all), unsaid, false},
		"a writing tool that was agreed to once": {writes, with(none, some("crm"), some("crm:get")), unsaid, false},
		"the app of another":                     {app, with(none, some("hr"), none), ostiary.ReasonAuthorizationRequired, false},
		"a reading tool of another":              {reads, with(none, some("hr"), none), unsaid, false},
		"opened as well, not agreed to":          {reads, with(some("crm"), some("crm"), none), unsaid, false},
		"opened as well, agreed to":              {writes, with(some("crm"), some("crm"), some("crm:get")), "", false},
	})
	for _, g := range []ostiary.Gate{app, reads} {
		for call, want := range map[*ostiary.Call]string{
			with(none, some("crm"), none): "auth.incremental.skipped_app: anonymous", with(some("crm"), none, all): "",
		} {
			if v, err := g.Check(t.Context(), call); err != nil || v.Rule != want {
				t.Errorf("%s: got rule %q, %v; want %q", g.Name(), v.Rule, err, want)
			}
		}
	}
}

func TestRate(t *testing.T) {
	rate := func(used int64) gate.Rate {
		r := &policy.Rate{Per: policy.PerSubject, Calls: 3, Window: time.Minute}
		return gate.Rate{Rules: compile(t, entry(policy.Entry{Rate: r})), Counters: &counter{used: used}}
	}
	me := call(alice(nil), "")
	ask(t, map[string]question{
		"none asked for": {gate.Rate{Rules: compile(t, policy.Config{}), Counters: &counter{used: 99}}, me, "", false},
		"one left":       {rate(2), me, "", false},
		"none left":      {rate(3), me, ostiary.ReasonRateLimited, false},
	})
}

func TestAWindowOfLessThanASecondIsOne(t *testing.T) {
	g := gate.Rate{Counters: &counter{}, Rules: compile(t, entry(policy.Entry{Rate: &policy.Rate{Calls: 3, Window: time.Millisecond}}))}
	v, err := g.Check(t.Context(), call(alice(nil), ""))
	if err != nil || v.Use == nil || v.Use.Counts[0].Window != now.Unix()+1 {
		t.Errorf("got %+v, %v; want a window of a second", v, err)
	}
}

// TestWhoSharesAnAllowance: two callers share one exactly where Per says so,
// whatever their ids are made of.
func TestWhoSharesAnAllowance(t *testing.T) {
	type who struct {
		tenant  ostiary.Tenant
		subject ostiary.Subject
		client  ostiary.ClientID
		session ostiary.SessionID
	}
	me := who{"acme", "alice", "laptop", "ses_1"}
	for name, c := range map[string]struct {
		per  policy.Per
		a, b who
		want bool
	}{
		"subject, other session": {policy.PerSubject, me, who{"acme", "alice", "phone", "ses_2"}, true},
		"subject, other tenant":  {policy.PerSubject, me, who{"other", "alice", "laptop", "ses_1"}, false},
		"subject, ids with bars": {policy.PerSubject, who{"a", "b|c", "", ""}, who{"a|b", "c", "", ""}, false},
		"client, other":          {policy.PerClient, me, who{"acme", "alice", "phone", "ses_1"}, false},
		"client, ids with bars":  {policy.PerClient, who{"a", "idp|x", "y", ""}, who{"a", "idp", "x|y", ""}, false},
		"session, other":         {policy.PerSession, me, who{"acme", "alice", "laptop", "ses_2"}, false},
		"tenant, other subject":  {policy.PerTenant, me, who{"acme", "bob", "phone", "ses_9"}, true},
		"tenant, other":          {policy.PerTenant, me, who{"Acme", "alice", "laptop", "ses_1"}, false},
		"tool, all others":       {policy.PerTool, me, who{"other", "bob", "phone", "ses_9"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			count := &counter{}
			g := gate.Rate{Counters: count, Rules: compile(t, entry(policy.Entry{Rate: &policy.Rate{Per: c.per, Calls: 3, Window: time.Minute}}))}
			var names []string
			for _, w := range []who{c.a, c.b} {
				p := &ostiary.Principal{Tenant: w.tenant, Subject: w.subject, Client: ostiary.Client{ID: w.client}, Session: w.session}
				if _, err := g.Check(t.Context(), call(p, "")); err != nil {
					t.Fatal(err)
				}
				names = append(names, count.name)
			}
			if got := names[0] == names[1]; got != c.want {
				t.Errorf("got shared %v; want %v: %q", got, c.want, names)
			}
		})
	}
}

func TestApproval(t *testing.T) {
	db, err := store.Open(t.Context(), memory.Open(clock{}), store.NewKeyring(clock{}), clock{})
	if err != nil {
		t.Fatal(err)
	}
	service := approval.New(db, store.NewEpochs(db), silent{}, approval.Config{RequestTTL: time.Minute, Retention: time.Hour})
	g := func(a *policy.Approval) gate.Approval {
		return gate.Approval{Rules: compile(t, entry(policy.Entry{Approval: a})), Approvals: service}
	}
	needed := g(&policy.Approval{Required: true, DefaultScope: "once", Scopes: []string{"once"}})
	ask(t, map[string]question{
		"not asked for":             {g(nil), call(alice(nil), `{}`), "", false},
		"asked for":                 {needed, call(alice(nil), `{}`), ostiary.ReasonApprovalRequired, false},
		"never asked":               {g(&policy.Approval{Required: true, Skip: true}), call(alice(nil), `{}`), "", false},
		"asked for, anonymous":      {needed, call(&ostiary.Principal{Anonymous: true}, `{}`), ostiary.ReasonUnauthenticated, false},
		"asked for, no session":     {needed, call(alice(func(p *ostiary.Principal) { p.Session = "" }), `{}`), ostiary.ReasonUnauthenticated, false},
		"not asked for, anonymous":  {g(nil), call(&ostiary.Principal{Anonymous: true}, `{}`), "", false},
		"not asked for, no session": {g(nil), call(alice(func(p *ostiary.Principal) { p.Session = "" }), `{}`), "", false},
	})
	if _, err := needed.Check(t.Context(), call(alice(nil), `{"a":1,"a":2}`)); err == nil {
		t.Error("arguments that two could read differently were decided on")
	}
}
