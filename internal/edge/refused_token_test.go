package edge_test

import (
	"net/http"
	"testing"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
)

// refusedTokens are the tokens that the record says were turned away, as who
// asks may see it.
func (h *house) refusedTokens(who string) (tokens []string) {
	h.t.Helper()
	got := h.operator(who).get("/audit?kind=auth&decision=unauthenticated").want(http.StatusOK)
	for _, e := range read[struct{ Items []audit.Entry }](got).Items {
		if e.Event != "token_refused" || e.Actor.IPClass != "loopback" {
			h.t.Errorf("got %+v", e)
		}
		tokens = append(tokens, e.Target+" "+e.Detail["why"])
	}
	return tokens
}

func TestAnOperatorFindsOutWhyATokenIsTurnedAwayAtTheAPI(t *testing.T) {
	h := open(t)
	alice, err := h.users.Get(t.Context(), "alice")
	h.must(err)
	o, secret, err := h.operators.Create(t.Context(), alice, h.clock.Now(), reauth, "script", alice.Rights(), 0)
	h.must(err)
	script := program{h, secret.Reveal()}
	script.get("/approvals").want(http.StatusOK)
	h.must(h.operators.Revoke(t.Context(), "alice", o.ID))
	p, personal := h.token("alice")
	for range 3 {
		script.get("/approvals").wantCode(http.StatusUnauthorized, "invalid_token")
		program{h, personal}.get("/approvals").wantCode(http.StatusUnauthorized, "invalid_token")
		program{h, identity.Mint(identity.KindOperator).Reveal()}.get("/approvals").wantCode(http.StatusUnauthorized, "invalid_token")
		program{h, "garbage"}.get("/approvals").want(http.StatusUnauthorized)
	}
	for who, want := range map[string]int{"root": 2, "alice": 2, "boss": 2, "bob": 0, "mallory": 0} {
		got := h.refusedTokens(who)
		if len(got) != want || want > 0 && (got[0] != p.ID+" wrong_kind" || got[1] != o.ID+" revoked") {
			t.Errorf("%s reads %q; want %d tokens", who, got, want)
		}
	}
}
