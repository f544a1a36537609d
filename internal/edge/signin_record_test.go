package edge_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/edge"
	"github.com/ostiary/ostiary/internal/edge/api"
	"github.com/ostiary/ostiary/internal/edge/limit"
	"github.com/ostiary/ostiary/internal/edge/web"
	"github.com/ostiary/ostiary/store"
)

// refusedSignIns are the entries that tell of sign-ins that failed, oldest
// first.
func (h *house) refusedSignIns() []audit.Entry {
	h.t.Helper()
	found, _, err := h.log.Search(h.t.Context(), audit.Query{Kind: audit.KindAuth, Decision: "deny", Limit: 1000})
	h.must(err)
	slices.Reverse(found)
	return found
}

func TestAFailedSignInIsRecordedUnderTheAccountItWasFor(t *testing.T) {
	h := open(t)
	b := h.browser()
	const mistyped = "hunter2-typed-into-the-wrong-field"
	for _, c := range []struct {
		name string
		want audit.Entry
	}{
		{"alice", audit.Entry{Actor: audit.Actor{Tenant: "acme", Subject: "alice", IPClass: "loopback"}, Detail: map[string]string{"why": "wrong password"}}},
		{mistyped, audit.Entry{Actor: audit.Actor{IPClass: "loopback"}, Detail: map[string]string{"account": "unknown account"}}},
		{"ALICE", audit.Entry{Actor: audit.Actor{IPClass: "loopback"}, Detail: map[string]string{"account": "unknown account"}}},
		{"", audit.Entry{Actor: audit.Actor{IPClass: "loopback"}, Detail: map[string]string{"account": "unknown account"}}},
	} {
		b.post("/login", credentials(c.name, "wrong")).want(http.StatusUnauthorized)
		all := h.refusedSignIns()
		if len(all) == 0 {
			t.Fatalf("%q: nothing was recorded", c.name)
		}
		e := all[len(all)-1]
		if e.Event != "sign_in_refused" || e.Actor != c.want.Actor || e.Decision.Reason != ostiary.ReasonUnauthenticated || mapOf(e.Detail) != mapOf(c.want.Detail) {
			t.Errorf("%q: got %+v %+v; want %+v", c.name, e, e.Decision, c.want)
		}
	}
	if n := len(h.refusedSignIns()); n != 4 {
		t.Errorf("got %d entries; want one for each try", n)
	}
	export := h.operator("boss").get("/audit/export").want(http.StatusOK)
	if strings.Contains(export.body, mistyped) {
		t.Error("the record names an account that is not there: it may be somebody's password")
	}
	for who, want := range map[string]int{"alice": 1, "root": 1, "eve": 0, "mallory": 0, "boss": 4} {
		got := h.operator(who).get("/audit?kind=auth&decision=deny").want(http.StatusOK)
		if n := len(read[struct{ Items []audit.Entry }](got).Items); n != want {
			t.Errorf("%s sees %d failed sign-ins; want %d", who, n, want)
		}
	}
	before := len(h.refusedSignIns())
	b.post("/login", credentials("alice", password("alice"))).want(http.StatusSeeOther)
	if n := len(h.refusedSignIns()); n != before {
		t.Errorf("a sign-in left %d entries of refused ones", n-before)
	}
}

func mapOf(m map[string]string) string {
	v := url.Values{}
	for k, s := range m {
		v.Set(k, s)
	}
	return v.Encode()
}

// A stranger may try for as long as they like: the record says that they did,
// and grows no faster than the limit lets passwords be tried.
func TestOfSignInsOverTheLimitTheFirstOfAWindowIsRecorded(t *testing.T) {
	h := open(t, func(_ *house, w *web.Config, _ *api.Config, e *edge.Config) {
		w.LoginFailures = limit.Rate{Count: 2, Per: time.Minute}
		e.TrustedProxies = append(e.TrustedProxies, loopback)
	})
	try := func(id, from string) answer {
		return h.browser().post("/login", credentials(id, "wrong"), "X-Forwarded-For", from)
	}
	counted := func(want int, reason ostiary.Reason) {
		t.Helper()
		n := 0
		for _, e := range h.refusedSignIns() {
			if e.Decision.Reason == reason {
				n++
			}
		}
		if n != want {
			t.Errorf("got %d entries of reason %s; want %d", n, reason, want)
		}
	}
	try("alice", "192.0.2.1").want(http.StatusUnauthorized)
	try("alice", "192.0.2.1").want(http.StatusUnauthorized)
	for range 20 { // the address is limited, whoever is asked for
		try("alice", "192.0.2.1").want(http.StatusTooManyRequests)
		try("nobody", "192.0.2.1").want(http.StatusTooManyRequests)
	}
	counted(1, ostiary.ReasonRateLimited)
	for range 20 { // the account is limited, from wherever
		try("alice", "192.0.2.2").want(http.StatusTooManyRequests)
		try("alice", "192.0.2.3").want(http.StatusTooManyRequests)
	}
	counted(2, ostiary.ReasonRateLimited)
	counted(2, ostiary.ReasonUnauthenticated)
	h.clock.Move(time.Minute)
	try("alice", "192.0.2.1").want(http.StatusUnauthorized)
	try("alice", "192.0.2.1").want(http.StatusUnauthorized)
	try("alice", "192.0.2.1").want(http.StatusTooManyRequests)
	counted(3, ostiary.ReasonRateLimited)
	last := h.refusedSignIns()
	if e := last[len(last)-1]; e.Actor.Subject != "alice" || e.Actor.Tenant != "acme" || e.Actor.IPClass != "public" {
		t.Errorf("got %+v; want who was asked for", e.Actor)
	}
}

// Nobody finds out a password while the tries can't be recorded: the right
// one is answered like the wrong.
func TestASignInThatCantBeRecordedIsRefusedAlike(t *testing.T) {
	h := open(t)
	b := h.browser()
	b.get("/login")
	csrf := b.csrf("/login")
	send := func(password string) int {
		fields := credentials("alice", password)
		fields.Set("csrf", csrf)
		return b.send("/login", fields).status
	}
	h.raw.failCommits(store.ErrClosed)
	right, wrong := send(password("alice")), send("wrong")
	h.raw.failCommits(nil)
	if right != http.StatusServiceUnavailable || wrong != right {
		t.Errorf("got %d with the password and %d without; want 503 for both", right, wrong)
	}
	if got := send(password("alice")); got != http.StatusSeeOther {
		t.Errorf("healed: got %d; want a sign-in", got)
	}
}

func TestASignOutIsRecordedInItsTenant(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	b.post("/logout", url.Values{}).want(http.StatusOK)
	user, err := h.users.Get(t.Context(), "alice")
	h.must(err)
	h.signIn("alice")
	h.must(h.sessions.EndAll(t.Context(), user.ID))
	_, _, err = h.operators.Create(t.Context(), user, h.clock.Now(), reauth, "test", user.Rights(), 0)
	h.must(err)
	h.must(h.operators.RevokeAll(t.Context(), user.ID))
	found, _, err := h.log.Search(t.Context(), audit.Query{Tenant: "acme", Subject: "alice"})
	h.must(err)
	seen := map[string]bool{}
	for _, e := range found {
		seen[e.Event] = true
	}
	for _, want := range []string{"signed_in", "signed_out", "signed_out_everywhere", "operator_token_revoked"} {
		if !seen[want] {
			t.Errorf("operators of acme don't see that alice %s", want)
		}
	}
}
