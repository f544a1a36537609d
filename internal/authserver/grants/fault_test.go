package grants_test

import (
	"errors"
	"testing"

	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/store/storetest"
)

// A story fails one operation of code, refresh and machine, for every n until
// none is hit: no token is lost by it, and no fault is told as a refusal.
func TestWhicheverStorageOperationFailsNoTokenIsLost(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			if hit := storyWithFault(t, n, after); !hit {
				if n < 20 {
					t.Fatalf("the story made only %d operations: it tests nothing", n)
				}
				break
			}
		}
	}
}

func storyWithFault(t *testing.T, n int64, after bool) (hit bool) {
	t.Helper()
	h := newHouse(t)
	f := storetest.NewFaulty(h.raw, after)
	i := h.over(t, f)
	code := h.issue(t, h.consented())
	f.FailAt(n)

	// try asks until there is an answer, as a client does that was told to try
	// the same again.
	try := func(c *client.Client, r grants.Request) grants.Tokens {
		t.Helper()
		for range 3 {
			tokens, err := i.Token(t.Context(), c, r)
			var refusal *grants.Error
			if errors.As(err, &refusal) {
				t.Fatalf("n=%d after=%v: %s: %v", n, after, r.GrantType, err)
			}
			if err == nil {
				return tokens
			}
		}
		t.Fatalf("n=%d after=%v: %s: no answer", n, after, r.GrantType)
		return grants.Tokens{}
	}
	first := try(agent(t), codeRequest(code))
	second := try(agent(t), refreshRequest(first.Refresh))
	if again := try(agent(t), refreshRequest(first.Refresh)); again.Refresh != second.Refresh {
		t.Errorf("n=%d after=%v: got two successors", n, after)
	}
	third := try(agent(t), refreshRequest(second.Refresh))
	robot := try(machine(t), machineRequest(""))
	hit = f.Hit()
	f.Heal()
	i.good(t, third.Access)
	i.good(t, robot.Access)
	if n, m := h.rows(t, "session"), h.rows(t, "refresh"); n != 2 || m != 3 {
		t.Errorf("got %d sessions and %d refresh tokens; want 2 and 3", n, m)
	}
	return hit
}

// Where no grace is left that would help, a lost answer is found out before
// anybody is told anything.
func TestARefreshWhoseAnswerWasLostIsNoSecondUse(t *testing.T) {
	for n := int64(1); ; n++ {
		h := newHouse(t, func(c *conf) { c.grace = 0 })
		tokens := h.connect(t)
		f := storetest.NewFaulty(h.raw, true)
		i := h.over(t, f)
		f.FailAt(n)
		next, err := i.Token(t.Context(), agent(t), refreshRequest(tokens.Refresh))
		if errors.Is(err, storetest.ErrFault) { // while reading: the client asks again
			next, err = i.Token(t.Context(), agent(t), refreshRequest(tokens.Refresh))
		}
		must(t, err)
		h.good(t, h.refresh(t, next.Refresh).Access)
		if !f.Hit() {
			return
		}
	}
}
