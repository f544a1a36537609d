package gateway

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// connect gives alice's agent a session in which no app is open yet, and some
// are skipped.
func (r *reloader) connect(skipped ...string) (id ostiary.SessionID) {
	r.t.Helper()
	ctx := r.t.Context()
	if err := r.g.Users.Create(ctx, identity.User{ID: "alice"}, audit.Actor{}); err != nil {
		r.t.Fatal(err)
	}
	err := r.g.DB.Change(ctx, "connect an agent", func(tx *store.Tx) error {
		s, err := r.g.Sessions.Open(ctx, tx, session.Draft{
			Subject: "alice", Client: session.Client{ID: "agent", Ceiling: []string{session.AnyScope}},
			Resources: []string{"/mcp"}, Tier: "write", Skipped: skipped, Expires: r.g.Clock.Now().Add(time.Hour),
		})
		if err != nil {
			return err
		}
		token, err := r.g.Sessions.Mint(ctx, tx, s, session.Narrowing{})
		id, r.token = s.ID, token.Secret
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func (r *reloader) wantRefused(why string) {
	r.t.Helper()
	if got, err := r.call("crm__who"); err == nil || !strings.Contains(err.Error(), why) {
		r.t.Errorf("got %q, %v; want it refused: %s", got, err, why)
	}
}

// Two instances on one storage: what its person opens on one reaches the same
// token on the other, and what ends there is refused here by the next call.
func TestAnAgentsTokenCallsWhatItsSessionHasOpen(t *testing.T) {
	one := &shop{name: "one"}
	url, dir := one.open(t), t.TempDir()
	here := newReloader(t, dir, apps(app("crm", url)))
	there := newReloader(t, dir, apps(app("crm", url)))
	id := here.connect()
	there.token = here.token
	there.wantRefused("authorization_required")

	_, err := here.g.Sessions.Widen(t.Context(), id, "alice", session.Widening{Apps: []string{"crm"}})
	if err != nil {
		t.Fatal(err)
	}
	there.wantRefused("tool_not_consented")
	_, err = here.g.Sessions.Widen(t.Context(), id, "alice", session.Widening{Tools: []string{"crm:*"}, Shown: map[string][]string{"crm": {"write"}}})
	if err != nil {
		t.Fatal(err)
	}
	there.want("crm__who", "one")
	here.want("crm__who", "one")
	calls := one.calls.Load()

	if _, err := here.g.Sessions.Revoke(t.Context(), id, "", audit.Actor{}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		there.wantRefused("This token is not good here")
	}
	if got := one.calls.Load(); got != calls {
		t.Errorf("the upstream saw %d calls after the session had ended", got-calls)
	}
}

// The operators of a gateway find out who comes to the API with an agent's
// token.
func TestAnAgentsTokenIsNoneForTheAPI(t *testing.T) {
	r := newReloader(t, t.TempDir(), apps(app("crm", (&shop{}).open(t))))
	id := r.connect()
	if _, err := r.g.Operators.Bearer(t.Context(), r.token.Reveal(), netip.MustParseAddr("127.0.0.1")); err == nil {
		t.Error("accepted")
	}
	some, _, err := r.g.Reader.Search(t.Context(), audit.Query{Kind: audit.KindAuth})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range some {
		if e.Event == "token_refused" && e.Target == string(id) && e.Detail["why"] == "wrong_kind" {
			return
		}
	}
	t.Error("got no entry of it")
}

// A skipped app is read by who skipped it, where the operator says so and it
// has no credential; the record and explain tell by which word. What the
// operator changes counts for the next call.
func TestASkippedAppIsReadWhereTheOperatorSaysSo(t *testing.T) {
	const (
		anonymously = "{mode: local, incremental: {skipped_app: anonymous}}"
		reading     = "tools: [{match: 'crm:who', category: read}]\n"
		rule        = "auth.incremental.skipped_app: anonymous"
	)
	one := &shop{name: "one"}
	url := one.open(t)
	r := newReloaderOf(t, t.TempDir(), anonymously, apps(app("crm", url))+reading)
	r.connect("crm")
	r.want("crm__who", "one")
	some, _, err := r.g.Reader.Search(t.Context(), audit.Query{Kind: audit.KindIntent})
	if err != nil || len(some) != 1 || some[0].Decision.Rule != rule || some[0].Decision.Effect != "pass" {
		t.Errorf("got %+v, %v; want an intent by the rule %s", some, err, rule)
	}

	r.reload(apps(app("crm", url)))
	r.wantRefused("tool_not_consented")
	r.reload(apps("{id: crm, url: '"+url+"', credential: {kind: static, header: X-Key, value: k}}") + reading)
	r.wantRefused("authorization_required")
	r.reload(apps(app("crm", url)) + reading)
	r.want("crm__who", "one")
	if got := one.calls.Load(); got != 2 {
		t.Errorf("the upstream saw %d calls; want 2", got)
	}
}

func TestASkippedAppIsClosedWhereTheOperatorSaysNothing(t *testing.T) {
	one := &shop{name: "one"}
	r := newReloaderOf(t, t.TempDir(), "{mode: local}", apps(app("crm", one.open(t)))+"tools: [{match: 'crm:who', category: read}]\n")
	r.connect("crm")
	r.wantRefused("authorization_required")
	if got := one.calls.Load(); got != 0 {
		t.Errorf("the upstream saw %d calls; want none", got)
	}
}

// Without consent pages every tool of an open app counts as agreed to. An app
// that was skipped is not open.
func TestWithoutConsentASkippedAppIsOnlyRead(t *testing.T) {
	one := &shop{name: "one"}
	url := one.open(t)
	r := newReloaderOf(t, t.TempDir(), "{mode: local, consent: {enabled: false}, incremental: {skipped_app: anonymous}}", apps(app("crm", url)))
	r.connect("crm")
	r.wantRefused("tool_not_consented")
	r.reload(apps(app("crm", url)) + "tools: [{match: 'crm:who', category: read}]\n")
	r.want("crm__who", "one")
}
