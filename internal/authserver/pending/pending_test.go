package pending_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/pending"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store/storetest"
)

var all = ostiary.Selection{All: true}

func TestADecisionBecomesASessionOfWhatWasSaid(t *testing.T) {
	h := newHouse(t)
	v := h.shown()
	h.clock.Move(time.Minute)
	out, err := h.Decide(t.Context(), v, pending.Decision{
		Allow: true, Apps: []string{"crm", "hr"}, Skip: []string{"notes"}, Tools: []string{"crm:*", "hr:fire"},
		Tier: ostiary.TierWrite, Sites: all, TTL: 10 * day, KeepAdmin: true,
	})
	h.must(err)
	if out.Redirect != asked().Redirect || out.State != asked().State || out.Code == "" {
		t.Errorf("got %+v", out)
	}
	got := h.session(out)
	want := session.Session{
		ID: got.ID, Subject: "alice", Tenant: "acme", Client: asked().Client, Resources: []string{"/mcp"},
		Scopes: []string{"mcp:write", "crm:write", "hr:write"}, Tier: "write", Sites: all,
		Authorized: []string{"crm", "hr"}, Skipped: []string{"notes"},
		Consent: session.Consent{
			SelectedTools: []string{"crm:*", "hr:fire"}, ConsentedAt: h.clock.Now().UnixMilli(), Version: session.ConsentVersion,
			Shown: map[string][]string{"crm": {"read", "write"}},
		},
		KeepAdmin: true, AuthTime: start, Created: h.clock.Now(), Expires: h.clock.Now().Add(10 * day), KeptTill: h.clock.Now().Add(11 * day),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestADecisionOnlyNarrows(t *testing.T) {
	type check func(session.Session) bool
	scopes := func(s ...string) func(*pending.Asked) { return func(a *pending.Asked) { a.Scopes = s } }
	for name, c := range map[string]struct {
		asked func(*pending.Asked)
		said  pending.Decision
		want  check
	}{
		"nothing said is the least": {scopes(session.AnyScope), pending.Decision{}, func(s session.Session) bool {
			return s.Tier == "read" && len(s.Authorized) == 0 && slices.Equal(s.Pending, []string{"crm", "notes", "hr"}) && len(s.Consent.SelectedTools) == 0 &&
				!s.KeepAdmin && !s.Sites.All && len(s.Sites.IDs) == 0 && s.Expires.Equal(start.Add(90*day))
		}},
		"what was not shown": {
			scopes(session.AnyScope),
			pending.Decision{Apps: []string{"vault", "crm"}, Skip: []string{"other"}, Tools: []string{"vault:*", "*", "*:*", "crm:other", "crm:get"}},
			func(s session.Session) bool {
				return slices.Equal(s.Authorized, []string{"crm"}) && slices.Equal(s.Consent.SelectedTools, []string{"crm:get"}) && len(s.Skipped) == 0
			},
		},
		"tools of an app not taken": {
			scopes(session.AnyScope),
			pending.Decision{Apps: []string{"crm"}, Tools: []string{"notes:*", "notes:add"}},
			func(s session.Session) bool { return len(s.Consent.SelectedTools) == 0 && len(s.Consent.Shown) == 0 },
		},
		"skipping what can't be skipped": {
			scopes(session.AnyScope),
			pending.Decision{Skip: []string{"hr", "notes"}},
			func(s session.Session) bool {
				return slices.Equal(s.Skipped, []string{"notes"}) && slices.Equal(s.Pending, []string{"crm", "hr"})
			},
		},
		"taken and skipped is taken": {
			scopes(session.AnyScope),
			pending.Decision{Apps: []string{"crm"}, Skip: []string{"crm"}},
			func(s session.Session) bool {
				return slices.Equal(s.Authorized, []string{"crm"}) && len(s.Skipped) == 0
			},
		},
		"any tier where any was asked": {scopes(session.AnyScope), pending.Decision{Tier: ostiary.TierAdmin}, func(s session.Session) bool { return s.Tier == "admin" }},
		"the tier that was asked":      {scopes("mcp:write"), pending.Decision{Tier: ostiary.TierWrite}, func(s session.Session) bool { return s.Tier == "write" }},
		"a higher one":                 {scopes("mcp:read"), pending.Decision{Tier: ostiary.TierAdmin}, func(s session.Session) bool { return s.Tier == "read" }},
		"a lower one":                  {scopes("mcp:admin"), pending.Decision{Tier: ostiary.TierRead}, func(s session.Session) bool { return s.Tier == "read" }},
		"one where none was asked":     {scopes(), pending.Decision{Tier: ostiary.TierWrite}, func(s session.Session) bool { return s.Tier == "read" }},
		"apps not asked for": {scopes("crm:write"), pending.Decision{Apps: []string{"crm", "notes"}, Tier: ostiary.TierAdmin}, func(s session.Session) bool {
			return s.Tier == "write" && slices.Equal(s.Authorized, []string{"crm"}) && slices.Equal(s.Scopes, []string{"crm:write"}) && len(s.Pending) == 0
		}},
		"a longer life": {scopes(), pending.Decision{TTL: 1000 * day}, func(s session.Session) bool { return s.Expires.Equal(start.Add(365 * day)) }},
		"a life that is over": {scopes(), pending.Decision{TTL: -day}, func(s session.Session) bool {
			return s.Expires.Equal(start.Add(90 * day))
		}},
		"more than the client may have": {
			func(a *pending.Asked) { a.Client.Ceiling = []string{"crm:read"} },
			pending.Decision{Apps: []string{"crm", "notes"}, Tier: ostiary.TierAdmin},
			func(s session.Session) bool { return s.Tier == "read" && slices.Equal(s.Authorized, []string{"crm"}) },
		},
		"all that was shown": {
			scopes(session.AnyScope),
			pending.Decision{Apps: []string{"crm", "notes", "hr"}, Tools: []string{"crm:*", "notes:add", "notes:remove", "hr:*"}},
			func(s session.Session) bool { return s.Consent.AllSelected },
		},
		"all but one": {
			scopes(session.AnyScope),
			pending.Decision{Apps: []string{"crm", "notes", "hr"}, Tools: []string{"crm:*", "notes:add", "hr:*"}},
			func(s session.Session) bool { return !s.Consent.AllSelected },
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			if got := h.given(h.shown(c.asked), c.said); !c.want(got) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// A page that is open already must not come to mean more than stands on it.
func TestWhatWasShownFirstIsWhatCounts(t *testing.T) {
	h := newHouse(t)
	v := h.shown()
	later := append(shop(), pending.App{ID: "vault"})
	later[0].Tools = append(later[0].Tools, pending.Tool{ID: "crm:drop", Category: "delete"})
	r, err := h.Show(t.Context(), v, later)
	h.must(err)
	if diff := cmp.Diff(shop(), r.Offered); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	s := h.given(v, pending.Decision{Apps: []string{"crm", "vault"}, Tools: []string{"crm:*", "crm:drop"}})
	if !slices.Equal(s.Authorized, []string{"crm"}) || slices.Contains(s.Consent.Shown["crm"], "delete") {
		t.Errorf("got %+v", s)
	}
}

func TestARequestIsOfOneBrowserAndOnePerson(t *testing.T) {
	h := newHouse(t)
	r, err := h.Begin(t.Context(), asked(), browser)
	h.must(err)
	v := visit(r.ID)
	with := func(edit func(*pending.Visit)) pending.Visit {
		out := v
		edit(&out)
		return out
	}
	elsewhere := with(func(v *pending.Visit) { v.Browser = "browser-2" })
	nowhere := with(func(v *pending.Visit) { v.Browser = "" })
	bob := with(func(v *pending.Visit) { v.Subject = "bob" })
	nobody := with(func(v *pending.Visit) { v.Subject = "" })
	unknown := with(func(v *pending.Visit) { v.ID = "ask_other" })

	_, err = h.Begin(t.Context(), asked(), "")
	wantError(t, err, pending.ErrBrowser)
	for _, c := range []struct {
		v    pending.Visit
		want error
	}{{elsewhere, pending.ErrBrowser}, {nowhere, pending.ErrBrowser}, {unknown, pending.ErrNotFound}, {nobody, pending.ErrPerson}} {
		_, err := h.Bind(t.Context(), c.v, start)
		wantError(t, err, c.want)
	}
	_, err = h.Find(t.Context(), v.ID, elsewhere.Browser)
	wantError(t, err, pending.ErrBrowser)
	_, err = h.Find(t.Context(), v.ID, browser)
	wantError(t, err, nil)
	_, err = h.Decide(t.Context(), v, pending.Decision{Allow: true}) // nobody has signed in
	wantError(t, err, pending.ErrPerson)

	_, err = h.Bind(t.Context(), v, start)
	wantError(t, err, nil)
	_, err = h.Decide(t.Context(), v, pending.Decision{Allow: true})
	wantError(t, err, pending.ErrNotShown)
	_, err = h.Bind(t.Context(), bob, start)
	wantError(t, err, pending.ErrPerson)
	_, err = h.Show(t.Context(), bob, shop())
	wantError(t, err, pending.ErrPerson)
	_, err = h.Show(t.Context(), v, shop())
	wantError(t, err, nil)
	for _, c := range []struct {
		v    pending.Visit
		want error
	}{{elsewhere, pending.ErrBrowser}, {nowhere, pending.ErrBrowser}, {bob, pending.ErrPerson}, {nobody, pending.ErrPerson}, {unknown, pending.ErrNotFound}} {
		for _, allow := range []bool{true, false} {
			_, err := h.Decide(t.Context(), c.v, pending.Decision{Allow: allow})
			wantError(t, err, c.want)
		}
	}
	_, err = h.Decide(t.Context(), v, pending.Decision{Allow: true})
	wantError(t, err, nil)
}

func TestTheSameRequestOfABrowserIsOne(t *testing.T) {
	h := newHouse(t)
	v := h.shown()
	h.clock.Move(time.Minute)
	again, err := h.Begin(t.Context(), asked(), browser)
	h.must(err)
	if again.ID != v.ID || again.Subject != "alice" || again.Offered == nil || !again.Ends.Equal(start.Add(10*time.Minute)) {
		t.Errorf("got %+v; want the one that there is", again)
	}
	for name, other := range map[string]func() (pending.Request, error){
		"another state": func() (pending.Request, error) {
			return h.Begin(t.Context(), asked(func(a *pending.Asked) { a.State = "s2" }), browser)
		},
		"another browser": func() (pending.Request, error) { return h.Begin(t.Context(), asked(), "browser-2") },
	} {
		r, err := other()
		if err != nil || r.ID == v.ID || r.Subject != "" {
			t.Errorf("%s: got %+v, %v; want one of its own", name, r, err)
		}
	}
	if n := h.rows("authorization-request"); n != 3 {
		t.Errorf("got %d requests; want 3", n)
	}
}

func TestARequestWaitsTenMinutes(t *testing.T) {
	for pass, want := range map[time.Duration]error{10*time.Minute - time.Millisecond: nil, 10 * time.Minute: pending.ErrNotFound} {
		h := newHouse(t)
		v := h.shown()
		h.clock.Move(pass)
		_, err := h.Decide(t.Context(), v, pending.Decision{Allow: true})
		wantError(t, err, want)
		h.clock.Move(time.Hour)
		if n := h.rows("authorization-request"); n != 0 {
			t.Errorf("got %d requests left", n)
		}
	}
}

func TestADenialGoesBackWithoutACodeAndIsRecorded(t *testing.T) {
	h := newHouse(t)
	v := h.shown()
	out, err := h.Decide(t.Context(), v, pending.Decision{Apps: []string{"crm"}})
	if err != nil || out.Code != "" || out.Redirect != asked().Redirect || out.State != asked().State {
		t.Errorf("got %+v, %v", out, err)
	}
	if n := h.rows("code"); n != 0 {
		t.Errorf("got %d codes", n)
	}
	h.wantEvents(v.ID, "consent_denied")
}

func (h *house) wantEvents(id string, want ...string) {
	h.t.Helper()
	var got []string
	for raw, err := range h.raw.Entries(h.t.Context(), "test1", 0) {
		h.must(err)
		for _, event := range []string{"consent_denied", "consent_given"} {
			if line := string(raw.Line); strings.Contains(line, event) && strings.Contains(line, id) && strings.Contains(line, `"subject":"alice"`) {
				got = append(got, event)
			}
		}
	}
	if !slices.Equal(got, want) {
		h.t.Errorf("got entries %q; want %q", got, want)
	}
}

func TestWhoMayHaveNoAgentIsDenied(t *testing.T) {
	for name, c := range map[string]struct {
		admins identity.Admins
		claims identity.Claims
		code   bool
	}{
		"an admin, rejected": {identity.AdminsReject, identity.Claims{"isAdmin": true}, false},
		"an owner, rejected": {identity.AdminsReject, identity.Claims{"roles": []any{"owner"}}, false},
		"others":             {identity.AdminsReject, identity.Claims{"roles": []any{"manager"}}, true},
		"an admin, stripped": {identity.AdminsStrip, identity.Claims{"isAdmin": true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(conf *conf) { conf.admins, conf.users[0].Claims = c.admins, c.claims })
			out, err := h.Decide(t.Context(), h.shown(), pending.Decision{Allow: true, KeepAdmin: true})
			if err != nil || (out.Code != "") != c.code {
				t.Errorf("got a code: %v, %v", out.Code != "", err)
			}
		})
	}
	h := newHouse(t)
	v := h.shown()
	h.conf.users[0].Disabled = true
	_, err := h.over(h.raw).Decide(t.Context(), v, pending.Decision{Allow: true})
	wantError(t, err, identity.ErrUserNotFound)
}

// Twenty decide at once, at two instances, some with no: one counts.
func TestOneDecisionCounts(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house, other *instance) {
		v := h.shown()
		var counted, codes atomic.Int64
		var everybody sync.WaitGroup
		for n := range 20 {
			at := []*instance{h.instance, other}[n%2]
			everybody.Go(func() {
				out, err := at.Decide(t.Context(), v, pending.Decision{Allow: n%4 < 2})
				if err != nil {
					wantError(t, err, pending.ErrNotFound)
					return
				}
				counted.Add(1)
				if out.Code != "" {
					codes.Add(1)
				}
			})
		}
		everybody.Wait()
		if counted.Load() != 1 || int(codes.Load()) != h.rows("code") {
			t.Errorf("%d counted, %d got a code, %d codes are there; want one decision", counted.Load(), codes.Load(), h.rows("code"))
		}
	})
}

// Twenty send the same answer at once, at two instances: all hear of one code.
func TestTheSameAnswerSentAgainIsOneDecision(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house, other *instance) {
		v := h.shown()
		d := pending.Decision{Allow: true, Apps: []string{"crm"}, Said: "allow crm"}
		var heard sync.Map
		var everybody sync.WaitGroup
		for n := range 20 {
			at := []*instance{h.instance, other}[n%2]
			everybody.Go(func() {
				out, err := at.Decide(t.Context(), v, d)
				if errors.Is(err, pending.ErrNotFound) {
					out, err = at.Again(t.Context(), v, d.Said)
				}
				if err != nil {
					t.Errorf("got %v", err)
				}
				heard.Store(out.Code, true)
			})
		}
		everybody.Wait()
		codes := 0
		for code := range heard.Range {
			codes++
			if code.(ostiary.Secret) == "" {
				t.Error("somebody heard of no code")
			}
		}
		if codes != 1 || h.rows("code") != 1 {
			t.Errorf("%d codes were heard of, %d are there; want one", codes, h.rows("code"))
		}
	})
}

func TestOnlyTheSameAnswerOfTheSameBrowserAndPersonIsHeardAgain(t *testing.T) {
	h := newHouse(t)
	v := h.shown()
	out, err := h.Decide(t.Context(), v, pending.Decision{Allow: true, Said: "yes"})
	h.must(err)
	if got, err := h.Again(t.Context(), v, "yes"); err != nil || got.Code != out.Code || got.Redirect != out.Redirect || got.State != out.State {
		t.Errorf("got %+v, %v; want %+v", got, err, out)
	}
	for name, c := range map[string]struct {
		visit pending.Visit
		said  string
	}{
		"another answer":  {v, "no"},
		"no answer":       {v, ""},
		"another browser": {pending.Visit{ID: v.ID, Browser: "browser-2", Subject: v.Subject}, "yes"},
		"no browser":      {pending.Visit{ID: v.ID, Subject: v.Subject}, "yes"},
		"another person":  {pending.Visit{ID: v.ID, Browser: v.Browser, Subject: "bob"}, "yes"},
		"nobody":          {pending.Visit{ID: v.ID, Browser: v.Browser}, "yes"},
		"another request": {pending.Visit{ID: "ask_other", Browser: v.Browser, Subject: v.Subject}, "yes"},
	} {
		if _, err := h.Again(t.Context(), c.visit, c.said); !errors.Is(err, pending.ErrNotFound) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	h.clock.Move(time.Minute + time.Second)
	_, err = h.Again(t.Context(), v, "yes")
	wantError(t, err, pending.ErrNotFound)
}

// Whichever operation fails, the person can try again, and has one code in
// the end.
func TestWhicheverStorageOperationFailsADecisionIsNotLost(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			h := newHouse(t)
			v := h.shown()
			f := storetest.NewFaulty(h.raw, after)
			i := h.over(f)
			f.FailAt(n)
			d := pending.Decision{Allow: true, Apps: []string{"crm"}}
			out, err := i.Decide(t.Context(), v, d)
			if err != nil {
				out, err = i.Decide(t.Context(), v, d)
			}
			if err != nil {
				t.Fatalf("n=%d after=%v: %v", n, after, err)
			}
			if got := h.session(out); !slices.Equal(got.Authorized, []string{"crm"}) || h.rows("code") != 1 {
				t.Errorf("n=%d after=%v: got %+v, %d codes", n, after, got, h.rows("code"))
			}
			if !f.Hit() {
				if n < 4 {
					t.Fatalf("a decision made only %d operations: it tests nothing", n)
				}
				break
			}
		}
	}
}
