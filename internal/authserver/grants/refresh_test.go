package grants_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/session"
)

func TestARefreshTokenTurnsIntoItsSuccessor(t *testing.T) {
	h := newHouse(t)
	first := h.connect(t)
	second := h.refresh(t, first.Refresh)
	if second.Refresh == first.Refresh || second.Access == first.Access || second.Session != first.Session || second.ExpiresIn != time.Hour {
		t.Errorf("got %+v after %+v", second, first)
	}
	h.good(t, first.Access) // refreshing ends no access token
	h.good(t, second.Access)
	third := h.refresh(t, second.Refresh)
	h.good(t, third.Access)
}

func TestTheGraceGivesTheSameSuccessorAndEndsBySixtySecondsFromTheFirstUse(t *testing.T) {
	h := newHouse(t)
	first := h.connect(t)
	second := h.refresh(t, first.Refresh)
	for range 3 {
		h.clock.Move(19 * time.Second)
		again := h.refresh(t, first.Refresh)
		if again.Refresh != second.Refresh || again.Access == second.Access {
			t.Fatal("got another successor, or the same access token")
		}
	}
	h.clock.Move(3*time.Second - 1)
	if again := h.refresh(t, first.Refresh); again.Refresh != second.Refresh {
		t.Error("at the last instant: got another successor")
	}
	h.clock.Move(1)
	_, err := h.Token(t.Context(), agent(t), refreshRequest(first.Refresh))
	wantCode(t, err, grants.CodeInvalidGrant)
	h.isOver(t, second)
	if got := h.events(t, first.Session); !slices.Equal(got, []string{"session opened", "token refresh_token_used_again", "session revoked"}) {
		t.Errorf("got entries %q", got)
	}
}

// A successor that was used already doesn't shorten the grace of its
// predecessor, whose holder may lag behind.
func TestAPredecessorIsGoodForItsWholeGrace(t *testing.T) {
	h := newHouse(t)
	first := h.connect(t)
	second := h.refresh(t, first.Refresh)
	third := h.refresh(t, second.Refresh)
	if again := h.refresh(t, first.Refresh); again.Refresh != second.Refresh {
		t.Error("got another successor")
	}
	if again := h.refresh(t, second.Refresh); again.Refresh != third.Refresh {
		t.Error("got another successor of the successor")
	}
	h.clock.Move(grace)
	h.good(t, h.refresh(t, third.Refresh).Access) // the newest lives on
}

func TestATokenOfTwoGenerationsAgoIsAStolenOne(t *testing.T) {
	h := newHouse(t)
	first := h.connect(t)
	second := h.refresh(t, first.Refresh)
	h.clock.Move(time.Hour)
	third := h.refresh(t, second.Refresh)
	_, err := h.Token(t.Context(), agent(t), refreshRequest(first.Refresh))
	wantCode(t, err, grants.CodeInvalidGrant)
	h.isOver(t, third)
}

func TestWithoutGraceASecondUseIsTheEnd(t *testing.T) {
	h := newHouse(t, func(c *conf) { c.grace = 0 })
	first := h.connect(t)
	second := h.refresh(t, first.Refresh)
	_, err := h.Token(t.Context(), agent(t), refreshRequest(first.Refresh))
	wantCode(t, err, grants.CodeInvalidGrant)
	h.isOver(t, second)
}

func TestNothingInStorageTellsASuccessorAndItIsGoneWithTheGrace(t *testing.T) {
	h := newHouse(t)
	first := h.connect(t)
	h.refresh(t, first.Refresh)
	if n := h.rows(t, "refresh-successor"); n != 1 {
		t.Errorf("got %d; want one within the grace", n)
	}
	h.clock.Move(grace + time.Second)
	if n := h.rows(t, "refresh-successor"); n != 0 {
		t.Errorf("got %d; want none after it", n)
	}
}

// What is wrong with a request harms no token: the same one is good
// afterwards, as if never seen.
func TestAWrongRequestHarmsNoRefreshToken(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*grants.Request)
		by   string
		code string
	}{
		"another client":          {func(*grants.Request) {}, "other", grants.CodeInvalidGrant},
		"a wider tier":            {func(r *grants.Request) { r.Scope = "mcp:admin" }, "", grants.CodeInvalidScope},
		"another app":             {func(r *grants.Request) { r.Scope = "mcp:read slack:read" }, "", grants.CodeInvalidScope},
		"an unknown scope":        {func(r *grants.Request) { r.Scope = "everything" }, "", grants.CodeInvalidScope},
		"a resource of nobody":    {func(r *grants.Request) { r.Resources = []string{"x"} }, "", grants.CodeInvalidTarget},
		"a resource not granted":  {func(r *grants.Request) { r.Resources = []string{issuer + "/crm/mcp"} }, "", grants.CodeInvalidTarget},
		"no token":                {func(r *grants.Request) { r.RefreshToken = "" }, "", grants.CodeInvalidRequest},
		"an access token":         {func(r *grants.Request) { r.RefreshToken = identity.Mint(identity.KindAccess).Reveal() }, "", grants.CodeInvalidGrant},
		"a token that nobody has": {func(r *grants.Request) { r.RefreshToken = identity.Mint(identity.KindRefresh).Reveal() }, "", grants.CodeInvalidGrant},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			tokens := h.connect(t)
			who := agent(t)
			if c.by != "" {
				who = static(t, c.by, client.Agent, "", session.AnyScope)
			}
			r := refreshRequest(tokens.Refresh)
			c.edit(&r)
			_, err := h.Token(t.Context(), who, r)
			wantCode(t, err, c.code)
			h.clock.Move(2 * grace)
			h.good(t, h.refresh(t, tokens.Refresh).Access)
		})
	}
}

func TestScopeMayNarrowOneAccessTokenAndNotItsSuccessors(t *testing.T) {
	for scope, want := range map[string]struct {
		tier   ostiary.Tier
		scopes []string
	}{
		"":                      {ostiary.TierWrite, []string{"mcp:write", "crm:write"}},
		"mcp-agent":             {ostiary.TierWrite, []string{"mcp:write", "crm:write"}},
		"openid offline_access": {ostiary.TierWrite, []string{"mcp:write", "crm:write"}},
		"mcp:read":              {ostiary.TierRead, []string{"mcp:read", "crm:read"}},
		"crm:read openid":       {ostiary.TierRead, []string{"crm:read"}},
	} {
		h := newHouse(t)
		r := refreshRequest(h.connect(t).Refresh)
		r.Scope = scope
		tokens, err := h.Token(t.Context(), agent(t), r)
		must(t, err)
		if p := h.good(t, tokens.Access); p.Tier != want.tier || !slices.Equal(p.Scopes, want.scopes) || !slices.Equal(tokens.Scopes, want.scopes) {
			t.Errorf("%q: got %v %q, told %q", scope, p.Tier, p.Scopes, tokens.Scopes)
		}
		if p := h.good(t, h.refresh(t, tokens.Refresh).Access); p.Tier != ostiary.TierWrite {
			t.Errorf("%q: the next one has tier %v", scope, p.Tier)
		}
	}
}

// Some clients repeat, when they refresh, the scopes that they were told of.
func TestWhoRepeatsWhatItWasGivenIsGivenWhatItsPersonAddedSince(t *testing.T) {
	for name, c := range map[string]struct {
		scope string
		tier  ostiary.Tier
	}{
		"in another order": {"crm:write mcp:write", ostiary.TierAdmin},
		"with habits":      {"mcp:write crm:write offline_access", ostiary.TierAdmin},
		"less":             {"mcp:write", ostiary.TierWrite},
		"less of the tier": {"mcp:read crm:read", ostiary.TierRead},
	} {
		h := newHouse(t)
		first := h.connect(t)
		_, err := h.sessions.Widen(t.Context(), first.Session, "alice", session.Widening{Tier: ostiary.TierAdmin, Apps: []string{"crm"}})
		must(t, err)
		r := refreshRequest(first.Refresh)
		r.Scope = c.scope
		tokens, err := h.Token(t.Context(), agent(t), r)
		must(t, err)
		if p := h.good(t, tokens.Access); p.Tier != c.tier {
			t.Errorf("%s: got tier %v with %q", name, p.Tier, tokens.Scopes)
		}
		r = refreshRequest(tokens.Refresh) // repeats what it was told now
		r.Scope = strings.Join(tokens.Scopes, " ")
		again, err := h.Token(t.Context(), agent(t), r)
		must(t, err)
		if p := h.good(t, again.Access); p.Tier != c.tier || !slices.Equal(again.Scopes, tokens.Scopes) {
			t.Errorf("%s: then it got tier %v with %q", name, p.Tier, again.Scopes)
		}
	}
}

func TestAnExpiredAccessTokenHarmsNothing(t *testing.T) {
	h := newHouse(t)
	tokens := h.connect(t)
	h.clock.Move(5 * time.Hour)
	if _, err := h.bearer(t, tokens.Access); err == nil {
		t.Error("an expired access token is good")
	}
	h.good(t, h.refresh(t, tokens.Refresh).Access)
}

func TestARefreshTokenThatIsNotUsedEnds(t *testing.T) {
	for pass, want := range map[time.Duration]string{30*day - 1: "", 30 * day: grants.CodeInvalidGrant} {
		h := newHouse(t)
		tokens := h.connect(t)
		h.clock.Move(pass)
		_, err := h.Token(t.Context(), agent(t), refreshRequest(tokens.Refresh))
		wantCode(t, err, want)
	}
}

func TestTheEndOfTheGrantIsAbsolute(t *testing.T) {
	h := newHouse(t)
	tokens := h.connect(t, func(c *grants.Consented) { c.Draft.Expires = h.clock.Now().Add(50 * day) })
	h.clock.Move(25 * day)
	tokens = h.refresh(t, tokens.Refresh)
	h.clock.Move(25*day - time.Minute)
	tokens = h.refresh(t, tokens.Refresh)
	if tokens.ExpiresIn != time.Minute {
		t.Errorf("got %v; want the access token to end with the grant", tokens.ExpiresIn)
	}
	h.clock.Move(time.Minute)
	_, err := h.Token(t.Context(), agent(t), refreshRequest(tokens.Refresh))
	wantCode(t, err, grants.CodeInvalidGrant)
}

// lineage is how many refresh tokens there are, and whether a caller got
// another successor than the rest.
func refreshAtOnce(t *testing.T, h *house, other *instance, token ostiary.Secret, callers int) []grants.Tokens {
	t.Helper()
	got := make([]grants.Tokens, callers)
	var all sync.WaitGroup
	for n := range callers {
		at := []*instance{h.instance, other}[n%2]
		all.Go(func() {
			var err error
			if got[n], err = at.Token(t.Context(), agent(t), refreshRequest(token)); err != nil {
				t.Errorf("caller %d: %v", n, err)
			}
		})
	}
	all.Wait()
	return got
}

func TestManyRefreshesAtOnceYieldOneLineage(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house, other *instance) {
		first := h.connect(t)
		got := refreshAtOnce(t, h, other, first.Refresh, 50)
		for n, tokens := range got {
			if tokens.Refresh != got[0].Refresh {
				t.Fatalf("caller %d got another successor", n)
			}
		}
		if n := h.rows(t, "refresh"); n != 2 {
			t.Errorf("got %d refresh tokens; want the old one and its successor", n)
		}
		h.clock.Move(time.Hour)
		last := h.refresh(t, got[0].Refresh)
		h.good(t, last.Access)
		if n := h.rows(t, "access"); n > session.MaxAccess {
			t.Errorf("got %d access tokens; want %d at most", n, session.MaxAccess)
		}
	})
}

// Five processes share a store of credentials, refresh at the same time, and
// whoever writes last leaves their answer there, older than another's though
// it may be. All of them stay in.
func TestProcessesThatShareTheirTokensAllStayIn(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house, other *instance) {
		shared := h.connect(t)
		for round := range 6 {
			h.clock.Move(time.Hour)
			got := refreshAtOnce(t, h, other, shared.Refresh, 5)
			// A laggard comes with the old one, after others went on already.
			ahead := h.refresh(t, got[round%5].Refresh)
			h.clock.Move(grace - time.Second)
			laggard := other.refresh(t, shared.Refresh)
			for _, tokens := range append(got, ahead, laggard) {
				h.good(t, tokens.Access)
			}
			shared = laggard // the loser's answer is what is kept
			h.clock.Move(0)
			shared = other.refresh(t, shared.Refresh)
		}
		if s, err := h.sessions.Find(t.Context(), shared.Session); err != nil || s.Revoked != nil {
			t.Errorf("got %+v, %v; want the session in force", s, err)
		}
	})
}

func TestWhatEndsAtOneInstanceIsRefusedAtTheOther(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house, other *instance) {
		tokens := h.connect(t)
		other.good(t, tokens.Access)
		_, err := h.sessions.Revoke(t.Context(), tokens.Session, "", by)
		must(t, err)
		_, err = other.Token(t.Context(), agent(t), refreshRequest(tokens.Refresh))
		wantCode(t, err, grants.CodeInvalidGrant)
		before := other.epochsOf(t, tokens)
		if err := before.call(t); err == nil {
			t.Error("a call under what is remembered goes through")
		}
		if _, err := other.bearer(t, tokens.Access); err == nil {
			t.Error("the access token is good after that")
		}
	})
}

// However tokens are made, and whatever is remembered of them, no more than
// the cap are good, and those are the newest.
func TestRefreshingManyTimesKeepsTheNewestAccessTokens(t *testing.T) {
	h := newHouse(t)
	tokens := h.connect(t)
	other := h.connect(t)
	made := []ostiary.Secret{tokens.Access}
	for n := range 3 * session.MaxAccess {
		before := tokens.Refresh
		tokens = h.refresh(t, before)
		made = append(made, tokens.Access)
		if n%7 == 3 { // within the grace
			made = append(made, h.refresh(t, before).Access)
		}
		if got := h.rows(t, "access"); got > session.MaxAccess+1 { // and the other agent's
			t.Fatalf("after %d: %d access tokens", n, got)
		}
	}
	i := h.over(t, h.raw)
	for n, secret := range made {
		if _, err := i.bearer(t, secret); (err == nil) != (n >= len(made)-session.MaxAccess) {
			t.Errorf("token %d of %d: %v", n+1, len(made), err)
		}
	}
	i.good(t, other.Access)
}

func TestAccessTokensThatAreOverCountNoMore(t *testing.T) {
	h := newHouse(t)
	tokens := h.connect(t)
	remembered := h.epochsOf(t, tokens)
	for range 2 * session.MaxAccess {
		h.clock.Move(10 * time.Minute)
		tokens = h.refresh(t, tokens.Refresh)
	}
	h.good(t, tokens.Access)
	if err := remembered.call(t); err != nil {
		t.Errorf("got %v; want the session untouched while it has few tokens", err)
	}
}
