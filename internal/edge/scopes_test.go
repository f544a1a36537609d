package edge_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/gate"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/web"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/session"
)

// ruled adds an entry to the rules.
func ruled(e policy.Entry) option {
	return func(h *house, w *web.Config, _ *api.Config, _ *edge.Config) {
		var err error
		h.rules, err = policy.Compile(policy.Config{Entries: append(ruleEntries(), e)})
		h.must(err)
		h.guard = guard.New(guard.Config{
			Gates: gate.Order(gate.Config{Rules: h.rules, Approvals: h.approvals, Counters: h.db}),
			DB:    h.db, Epochs: h.epochs, Approvals: h.approvals, Log: h.log,
			Category: func(t *ostiary.Tool) ostiary.Category { return h.rules.Of(t).Category },
		})
		w.Rules, w.Guard = h.rules, h.guard
	}
}

// demands is a rule that names a scope of crm.
var demands = ruled(policy.Entry{Match: "crm:get_*", Scopes: []string{"crm:export"}})

// told is what a client was given, for a decision at a tier.
func (b *browser) told(tier string, changes ...string) tokens {
	b.h.t.Helper()
	q := b.post(b.begin(changes...), agreed("tier", tier)).sentBack(back)
	return read[tokens](b.h.redeem("mcp-agent", q.Get("code")).want(http.StatusOK))
}

func TestAppScopesAboveTheChosenTierDoNotGoIn(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	for _, c := range []struct{ asked, tier, want string }{
		{"mcp-agent crm:*", "read", "mcp:read crm:read"},
		{"crm:*", "read", "crm:read"},
		{"crm:admin", "write", "crm:write"},
		{"crm:admin", "admin", "crm:admin"},
		{"mcp:write crm:write", "read", "mcp:read crm:read"},
		{"mcp:read crm:*", "admin", "mcp:read crm:*"},
		{"crm:write notes:read", "write", "crm:write"},
	} {
		if got := b.told(c.tier, "scope", c.asked); got.Scope != c.want {
			t.Errorf("%q at %s: got %q, want %q", c.asked, c.tier, got.Scope, c.want)
		}
	}
}

func TestScopesThatAreAskedForAreShown(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	path := b.begin("scope", "mcp:read crm:admin")
	b.get(path).wantWords("The agent asks for", "crm:admin", `value="admin"`, "at most, whatever you choose above")
	var state struct {
		Client struct {
			Tier   string `json:"max_tier"`
			Scopes []string
		}
	}
	h.must(json.Unmarshal([]byte(b.get(path, "Accept", "application/json").body), &state))
	if state.Client.Tier != "admin" || !slices.Equal(state.Client.Scopes, []string{"mcp:read", "crm:admin"}) {
		t.Errorf("got %+v", state.Client)
	}
	b.get(b.begin()).wantNoWords("The agent asks for", "at most, whatever")
}

func TestAPluginWritesWhereItsMapSaysAndNowhereElse(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	f := agreed("tier", "write")
	f["apps"] = []string{"crm", "notes"}
	q := b.post(b.begin("client_id", "acme-plugin", "redirect_uri", "https://eu.acme.example/cb", "scope", "plugin"), f).sentBack("https://eu.acme.example/cb")
	got := read[tokens](h.redeem("acme-plugin", q.Get("code")).want(http.StatusOK))
	p, err := h.resolver.Now(t.Context(), got.Access)
	h.must(err)
	if got.Scope != "mcp:read crm:write notes:read" || p.TierIn("crm") != ostiary.TierWrite || p.TierIn("notes") != ostiary.TierRead {
		t.Errorf("got %q, crm %s, notes %s", got.Scope, p.TierIn("crm"), p.TierIn("notes"))
	}
}

func TestAScopeIsKnownByAnAppOrARule(t *testing.T) {
	h := open(t, demands)
	b := h.signIn("alice")
	for _, scope := range []string{"crm:read", "crm:*", "notes:admin", "crm:export", "mcp:read crm:export"} {
		b.begin("scope", scope)
	}
	for _, scope := range []string{"crm:bogus", "crm:*:*", "crm:", "crm:READ", "notes:export", "hr:read", "mcp:*", "*:read", "mcp-agent crm:bogus"} {
		if q := b.get(asks("scope", scope)).sentBack(back); q.Get("error") != "invalid_scope" {
			t.Errorf("%q: got %v, want invalid_scope", scope, q)
		}
	}
}

// Real clients ask for what our challenge names, or for every scope that our
// metadata lists, whatever they said of themselves.
func TestAClientThatSaysLessIsNarrowedWhenItAsksForAll(t *testing.T) {
	h := open(t, demands)
	b := h.signIn("alice")
	register := func(scope string) string {
		var made struct {
			ID string `json:"client_id"`
		}
		a := h.send(nil, http.MethodPost, "/oauth/register", `{"client_name":"C","redirect_uris":["`+back+`"],"scope":"`+scope+`"}`, "Content-Type", "application/json").want(http.StatusCreated)
		h.must(json.Unmarshal([]byte(a.body), &made))
		return made.ID
	}
	narrow := register("mcp:read notes:write crm:bogus")
	for asked, want := range map[string]string{
		"mcp-agent": "mcp:read crm:read notes:write",
		"mcp-agent mcp:read mcp:write mcp:admin offline_access": "mcp:read crm:read notes:write",
		"notes:write":           "notes:write",
		"mcp-agent notes:admin": "mcp:read crm:read notes:write",
	} {
		f := agreed("tier", "write")
		f["apps"] = []string{"crm", "notes"}
		q := b.post(b.begin("client_id", narrow, "scope", asked), f).sentBack(back)
		if got := read[tokens](h.redeem(narrow, q.Get("code")).want(http.StatusOK)); got.Scope != want {
			t.Errorf("%q: got %q, want %q", asked, got.Scope, want)
		}
	}
	for _, asked := range []string{"mcp:write", "notes:admin", "crm:bogus", "mcp-agent crm:other"} {
		if q := b.get(asks("client_id", narrow, "scope", asked)).sentBack(back); q.Get("error") != "invalid_scope" {
			t.Errorf("%q: got %v, want invalid_scope", asked, q)
		}
	}
}

func TestAMissingScopeIsGivenAfterwardsToTheSameToken(t *testing.T) {
	h := open(t, demands)
	ses, secret := h.narrow("alice", "Claude Code", session.AnyScope)
	reader, readers := h.narrow("alice", "Reader", "mcp:read")
	const link = "/oauth/authorize?app=crm&scope=mcp%3Aread+crm%3Aexport"
	held := func(secret string) []string {
		p, err := h.resolver.Now(t.Context(), secret)
		h.must(err)
		return p.Scopes
	}
	b := h.signIn("alice")
	b.get(link).wantWords(`name="scopes" value="crm:export"`, "needed")
	b.get("/oauth/authorize?app=notes&scope=crm%3Aexport").wantNoWords(`name="scopes"`)
	b.post(link, opens(ses)).wantRedirect("/account/agents?done=widen") // not ticked
	if got := held(secret); slices.Contains(got, "crm:export") {
		t.Fatalf("not ticked: got %q", got)
	}
	if h.works(secret) {
		t.Fatal("the call works without the scope")
	}
	b.post(link, opens(ses, "scopes", "crm:other")).wantRedirect("/account/agents?done=widen") // not on offer
	b.post(link, opens(reader, "scopes", "crm:export")).want(http.StatusUnprocessableEntity).wantWords("set up with less")
	b.post(link, opens(ses, "scopes", "crm:export")).wantRedirect("/account/agents?done=widen")
	if got := strings.Join(held(secret), " "); got != "mcp:read notes:read crm:read crm:export" || !h.works(secret) {
		t.Errorf("got %q, works %v", got, h.works(secret))
	}
	if got := held(readers); slices.Contains(got, "crm:export") {
		t.Errorf("above the client's ceiling: got %q", got)
	}
	f := opens(ses)
	f["scopes"] = []string{"crm:write"} // what a challenge names
	b.post(link, f).wantRedirect("/account/agents?done=widen")
	if got := held(secret); !slices.Contains(got, "crm:write") || slices.Contains(got, "notes:write") {
		t.Errorf("a tier by its scope: got %q", got)
	}
}

// What only admin roles reach is given together with them, and by nobody else.
func TestWhatAdminRolesReachIsGivenWithThem(t *testing.T) {
	ours := func(h *house, _ *web.Config, _ *api.Config, _ *edge.Config) {
		h.must(h.users.Create(t.Context(), person("dana", false, identity.Claims{"tenant": "acme", "roles": []any{"manager", "owner"}}), actor))
		h.must(h.users.Create(t.Context(), person("mia", false, identity.Claims{"tenant": "acme", "roles": []any{"manager"}}), actor))
	}
	h := open(t, ours, ruled(policy.Entry{Match: "crm:delete_*", Roles: &policy.Roles{Names: []string{"owner"}}}))
	const tool = "crm:delete_contact"
	taken := func(b *browser, more ...string) []string {
		f := agreed(append([]string{"tools", tool}, more...)...)
		q := b.post(b.begin(), f).sentBack(back)
		ses, err := h.agents.Find(t.Context(), sessionOf(t, h, read[tokens](h.redeem("mcp-agent", q.Get("code")).want(http.StatusOK)).Access))
		h.must(err)
		return ses.Consent.SelectedTools
	}
	dana, mia := h.signIn("dana"), h.signIn("mia")
	dana.get(dana.begin()).wantWords("delete_contact", "only with your admin rights")
	mia.get(mia.begin()).wantNoWords("delete_contact", "only with your admin rights")
	if got := taken(dana, "keep_admin", "1"); !slices.Equal(got, []string{tool}) {
		t.Errorf("with the tick: got %q", got)
	}
	if got := taken(dana); len(got) != 0 {
		t.Errorf("without the tick: got %q", got)
	}
	if got := taken(mia, "keep_admin", "1"); len(got) != 0 {
		t.Errorf("of somebody who is no admin: got %q", got)
	}
}

func TestAPluginsScopesStandForOthers(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	q := b.post(b.begin("client_id", "acme-plugin", "redirect_uri", "https://eu.acme.example/cb", "scope", "plugin"), agreed("tier", "read")).sentBack("https://eu.acme.example/cb")
	got := read[tokens](h.redeem("acme-plugin", q.Get("code")).want(http.StatusOK))
	if got.Scope != "mcp:read crm:read" || !h.works(got.Access) {
		t.Errorf("got %+v", got)
	}
}
