package pending_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/authserver/pending"
)

const origin = "https://agent.example"

// remembered has alice agree to things that are remembered, and shows her the
// next request, with what the shop has then.
func (h *house) remembered(d pending.Decision, stock []pending.App, edits ...func(*pending.Asked)) (pending.Decision, bool) {
	h.t.Helper()
	here := func(a *pending.Asked) { a.Origin, a.Definition = origin, "as it was" }
	v := h.shown(here)
	d.Allow = true
	_, err := h.Decide(h.t.Context(), v, d)
	h.must(err)

	next := func(a *pending.Asked) { a.State = "next" }
	r, err := h.Begin(h.t.Context(), asked(append([]func(*pending.Asked){here, next}, edits...)...), browser)
	h.must(err)
	_, err = h.Bind(h.t.Context(), visit(r.ID), h.clock.Now())
	h.must(err)
	r, err = h.Show(h.t.Context(), visit(r.ID), stock)
	h.must(err)
	got, ok, err := h.Recall(h.t.Context(), r)
	h.must(err)
	return got, ok
}

// some is what alice gives: crm whole and one tool of notes.
func some() pending.Decision {
	return pending.Decision{
		Apps: []string{"crm", "notes"}, Tools: []string{"crm:*", "notes:add"}, Tier: ostiary.TierWrite, Sites: ostiary.Selection{All: true}, TTL: time.Hour, Remember: true,
	}
}

func TestWhatIsRecalledIsWhatWasGiven(t *testing.T) {
	got, ok := newHouse(t).remembered(some(), shop())
	want := some()
	want.Allow = true
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("recalled %v (-want +got)\n%s", ok, diff)
	}
	d := some()
	d.Remember = false
	if _, ok := newHouse(t).remembered(d, shop()); ok {
		t.Error("what nobody had remembered is recalled")
	}
	d = some()
	d.KeepAdmin = true
	if _, ok := newHouse(t).remembered(d, shop()); ok {
		t.Error("admin rights are recalled")
	}
}

// What the person agreed to must be what it was then.
func TestWhatHasChangedSinceIsAskedAnew(t *testing.T) {
	change := func(edit func([]pending.App)) []pending.App {
		stock := shop()
		edit(stock)
		return stock
	}
	add := func(app int, t pending.Tool) []pending.App {
		return change(func(s []pending.App) { s[app].Tools = append(s[app].Tools, t) })
	}
	for name, c := range map[string]struct {
		stock []pending.App
		want  bool
	}{
		"nothing": {shop(), true},
		"a tool's definition, in an app taken whole":  {change(func(s []pending.App) { s[0].Tools[0].Definition = "other" }), false},
		"a tool's definition":                         {change(func(s []pending.App) { s[1].Tools[0].Definition = "other" }), false},
		"a tool's category":                           {change(func(s []pending.App) { s[1].Tools[0].Category = "delete" }), false},
		"a new tool of a kind that was shown":         {add(0, pending.Tool{ID: "crm:new", Category: "read"}), true},
		"a new tool of another kind, taken whole":     {add(0, pending.Tool{ID: "crm:new", Category: "delete"}), false},
		"a new tool of an app that wasn't":            {add(1, pending.Tool{ID: "notes:new", Category: "admin"}), true},
		"the definition of an app that wasn't opened": {change(func(s []pending.App) { s[2].Tools[0].Definition = "other" }), true},
		"an app is gone":                              {shop()[:1], true},
		"all of them are":                             {shop()[2:], false},
	} {
		if _, got := newHouse(t).remembered(some(), c.stock); got != c.want {
			t.Errorf("%s: recalled %v; want %v", name, got, c.want)
		}
	}
}

func TestWhoAsksIsWhoAskedThen(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*pending.Asked)
		want bool
	}{
		"the same":                {func(*pending.Asked) {}, true},
		"another definition":      {func(a *pending.Asked) { a.Definition = "changed" }, false},
		"another client":          {func(a *pending.Asked) { a.Client.ID = "other" }, false},
		"another origin":          {func(a *pending.Asked) { a.Origin = "https://evil.example" }, false},
		"from where it is none":   {func(a *pending.Asked) { a.Origin = "" }, false},
		"another resource":        {func(a *pending.Asked) { a.Resources = []string{"/crm/mcp"} }, false},
		"one more":                {func(a *pending.Asked) { a.Resources = append(a.Resources, "/crm/mcp") }, false},
		"more scopes":             {func(a *pending.Asked) { a.Scopes = append(a.Scopes, "crm:read") }, false},
		"other scopes":            {func(a *pending.Asked) { a.Scopes = []string{"mcp:read"} }, false},
		"none":                    {func(a *pending.Asked) { a.Scopes = nil }, true},
		"another path and state ": {func(a *pending.Asked) { a.Redirect, a.State = "http://127.0.0.1:3000/other", "x" }, true},
	} {
		d, got := newHouse(t).remembered(some(), shop(), c.edit)
		if got != c.want {
			t.Errorf("%s: recalled %v; want %v", name, got, c.want)
		}
		if name == "none" && d.Tier != ostiary.TierRead {
			t.Errorf("got tier %s for who asks for the least", d.Tier)
		}
	}
}

func TestWhatIsRecalledIsNoMoreThanIsOnOffer(t *testing.T) {
	d, ok := newHouse(t).remembered(some(), shop()[:1])
	if !ok || !slices.Equal(d.Apps, []string{"crm"}) {
		t.Errorf("got %v, %v; want the app that is left", d.Apps, ok)
	}
}
