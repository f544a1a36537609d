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

// connect gives alice's agent a session in which no app is open yet.
func (r *reloader) connect() (id ostiary.SessionID) {
	r.t.Helper()
	ctx := r.t.Context()
	if err := r.g.Users.Create(ctx, identity.User{ID: "alice"}, audit.Actor{}); err != nil {
		r.t.Fatal(err)
	}
	err := r.g.DB.Change(ctx, "connect an agent", func(tx *store.Tx) error {
		s, err := r.g.Sessions.Open(ctx, tx, session.Draft{
			Subject: "alice", Client: session.Client{ID: "agent", Ceiling: []string{session.AnyScope}},
			Resources: []string{"/mcp"}, Tier: "write", Expires: r.g.Clock.Now().Add(time.Hour),
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
