package grants_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// A decided is what an instance remembers of a caller.
type decided struct {
	*instance
	p *ostiary.Principal
}

func (i *instance) epochsOf(t testing.TB, tokens grants.Tokens) decided {
	t.Helper()
	return decided{i, i.good(t, tokens.Access)}
}

// call commits as a call does that was decided from memory, and forgets what
// was wrong, as the guard does.
func (d decided) call(t testing.TB) error {
	t.Helper()
	var tx store.Tx
	d.epochs.Assert(&tx, store.EpochsOf(d.p), d.p.Epochs)
	_, err := d.db.Commit(t.Context(), tx)
	d.epochs.Forget(store.EpochsOf(d.p))
	return err
}

func machine(t testing.TB) *client.Client {
	return static(t, "nightly", client.Machine, "s3cret", "mcp:write")
}

func machineRequest(scope string, resources ...string) grants.Request {
	return grants.Request{GrantType: client.GrantCredentials, Scope: scope, Resources: resources}
}

func TestAMachineGetsTokensOfItsOneSession(t *testing.T) {
	h := newHouse(t)
	first, err := h.Token(t.Context(), machine(t), machineRequest(""))
	must(t, err)
	second, err := h.over(t, h.raw).Token(t.Context(), machine(t), machineRequest("mcp:read", issuer+"/crm/mcp"))
	must(t, err)
	if first.Session != second.Session || first.Refresh != "" || second.Refresh != "" {
		t.Errorf("got %+v and %+v; want one session and no refresh token", first, second)
	}
	p := h.good(t, first.Access)
	if p.Subject != "nightly" || p.Client.ID != "nightly" || p.Tier != ostiary.TierWrite || !p.Apps.Has("crm") || !p.For("/mcp") || p.For("/crm/mcp") {
		t.Errorf("got %+v", p)
	}
	if p := h.good(t, second.Access); p.Tier != ostiary.TierRead || p.For("/mcp") || !p.For("/crm/mcp") {
		t.Errorf("narrowed: got %+v", p)
	}
	for scope, code := range map[string]string{"mcp:admin": grants.CodeInvalidScope, "hr:read": grants.CodeInvalidScope, "crm:admin": grants.CodeInvalidScope, "crm:read": "", "openid": ""} {
		_, err := h.Token(t.Context(), machine(t), machineRequest(scope))
		wantCode(t, err, code)
	}
	_, err = h.Token(t.Context(), machine(t), machineRequest("", "https://evil.example"))
	wantCode(t, err, grants.CodeInvalidTarget)
}

func TestWhoIsNoMachineGetsNoCredentialsGrant(t *testing.T) {
	h := newHouse(t)
	for _, c := range []*client.Client{agent(t), static(t, "crm-server", client.Introspector, "s3cret"), static(t, "unknown", client.Machine, "s3cret")} {
		_, err := h.Token(t.Context(), c, machineRequest(""))
		wantCode(t, err, grants.CodeUnauthorizedClient)
	}
	for _, r := range []grants.Request{codeRequest(h.issue(t, h.consented())), refreshRequest(h.connect(t).Refresh)} {
		_, err := h.Token(t.Context(), machine(t), r)
		wantCode(t, err, grants.CodeUnauthorizedClient)
	}
}

func TestManyMachinesAtOnceShareOneSession(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house, other *instance) {
		done := make(chan error, 20)
		for n := range cap(done) {
			at := []*instance{h.instance, other}[n%2]
			go func() {
				_, err := at.Token(t.Context(), machine(t), machineRequest(""))
				done <- err
			}()
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := h.rows(t, "session"); n != 1 {
			t.Errorf("got %d sessions; want one", n)
		}
	})
}

func TestAClientEndsWhatIsItsOwn(t *testing.T) {
	h := newHouse(t)
	tokens := h.connect(t)
	stranger := static(t, "other", client.Agent, "", session.AnyScope)
	for _, token := range []ostiary.Secret{tokens.Access, tokens.Refresh} {
		wantCode(t, h.Revoke(t.Context(), stranger, token.Reveal()), grants.CodeUnauthorizedClient)
	}
	for _, text := range []string{"", "x", identity.Mint(identity.KindAccess).Reveal(), identity.Mint(identity.KindRefresh).Reveal(), identity.Mint(identity.KindPersonal).Reveal()} {
		wantCode(t, h.Revoke(t.Context(), agent(t), text), "")
	}
	second := h.refresh(t, tokens.Refresh)

	must(t, h.Revoke(t.Context(), agent(t), tokens.Access.Reveal()))
	i := h.over(t, h.raw)
	if _, err := i.bearer(t, tokens.Access); err == nil {
		t.Error("the access token that was given back is good")
	}
	i.good(t, second.Access)
	must(t, h.Revoke(t.Context(), agent(t), tokens.Refresh.Reveal())) // one that was used stands for its session too
	h.isOver(t, second)
	must(t, h.Revoke(t.Context(), agent(t), second.Refresh.Reveal()))
	must(t, h.Revoke(t.Context(), agent(t), second.Access.Reveal()))
	if got := h.events(t, tokens.Session); !slices.Equal(got[:3], []string{"session opened", "session access_ended", "session revoked"}) {
		t.Errorf("got entries %q", got)
	}
}

func TestALeakedRefreshTokenEndsItsSession(t *testing.T) {
	h := newHouse(t)
	tokens := h.connect(t)
	for _, text := range []string{"x", identity.Mint(identity.KindRefresh).Reveal(), tokens.Access.Reveal()} {
		if ok, err := h.Leaked(t.Context(), text); ok || err != nil {
			t.Errorf("got %v, %v", ok, err)
		}
	}
	if ok, err := h.Leaked(t.Context(), tokens.Refresh.Reveal()); !ok || err != nil {
		t.Errorf("got %v, %v; want it ended", ok, err)
	}
	h.isOver(t, tokens)
}

func TestIntrospectionTellsWhatATokenHoldsNow(t *testing.T) {
	h := newHouse(t)
	tokens := h.connect(t)
	server := static(t, "crm-server", client.Introspector, "s3cret")
	want := grants.Introspection{
		Active: true, Subject: "alice", Client: "agent", Scope: "mcp:write crm:write", Expires: h.clock.Now().Add(time.Hour).Unix(), Issued: h.clock.Now().Unix(),
		Issuer: issuer, Audience: []string{issuer + "/mcp"}, Session: tokens.Session, Authorized: []string{"crm"}, Pending: []string{"slack"}, Skipped: []string{"hr"},
	}
	for _, who := range []*client.Client{server, agent(t)} {
		got, err := h.Introspect(t.Context(), who, tokens.Access.Reveal())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", who.ID, err, diff)
		}
	}
	_, err := h.sessions.Widen(t.Context(), tokens.Session, "alice", session.Widening{Apps: []string{"slack"}})
	must(t, err)
	got, err := h.Introspect(t.Context(), server, tokens.Access.Reveal())
	if err != nil || !slices.Equal(got.Authorized, []string{"crm", "slack"}) || len(got.Pending) != 0 {
		t.Errorf("after more was opened: got %+v, %v", got, err)
	}
}

func TestWhatIsNotGoodOrNotTheirsToAskIsInactive(t *testing.T) {
	h := newHouse(t)
	tokens, ended := h.connect(t), h.connect(t)
	_, err := h.sessions.Revoke(t.Context(), ended.Session, "", audit.Actor{})
	must(t, err)
	server := static(t, "crm-server", client.Introspector, "s3cret")
	for name, c := range map[string]struct {
		who  *client.Client
		text string
	}{
		"another client's":  {static(t, "other", client.Agent, "", session.AnyScope), tokens.Access.Reveal()},
		"a refresh token":   {server, tokens.Refresh.Reveal()},
		"nobody's":          {server, identity.Mint(identity.KindAccess).Reveal()},
		"no token":          {server, "x"},
		"of an ended one":   {server, ended.Access.Reveal()},
		"nobody's, nobody":  {&client.Client{}, identity.Mint(identity.KindAccess).Reveal()},
		"by another's kind": {machine(t), tokens.Access.Reveal()},
	} {
		got, err := h.Introspect(t.Context(), c.who, c.text)
		raw, _ := json.Marshal(got)
		if err != nil || string(raw) != `{"active":false}` {
			t.Errorf("%s: got %s, %v", name, raw, err)
		}
	}
}
