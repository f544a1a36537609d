package grants_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

func TestACodeBecomesTokensOfOneSession(t *testing.T) {
	h := newHouse(t)
	tokens := h.connect(t)
	if !identity.CheckToken(tokens.Access.Reveal(), identity.KindAccess) || !identity.CheckToken(tokens.Refresh.Reveal(), identity.KindRefresh) {
		t.Errorf("got %q and %q", identity.KindOf(tokens.Access.Reveal()), identity.KindOf(tokens.Refresh.Reveal()))
	}
	if tokens.ExpiresIn != time.Hour || !slices.Equal(tokens.Scopes, []string{"mcp:write", "crm:write"}) {
		t.Errorf("got %v, %q", tokens.ExpiresIn, tokens.Scopes)
	}
	p := h.good(t, tokens.Access)
	if p.Session != tokens.Session || p.Subject != "alice" || p.Client.ID != "agent" || !p.Apps.Has("crm") || !p.For("/mcp") {
		t.Errorf("got %+v", p)
	}
	if got := h.events(t, tokens.Session); !slices.Equal(got, []string{"session opened"}) {
		t.Errorf("got entries %q", got)
	}
}

// Each is tried with a code of its own; then the same code with nothing wrong.
func TestWhatIsWrongWithACodesRequest(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*grants.Request)
		by   string // client; "": its own
		code string
		left bool // the code is still good
	}{
		"nothing":                   {func(*grants.Request) {}, "", "", false},
		"no redirect URI":           {func(r *grants.Request) { r.RedirectURI = "" }, "", "", false}, // OAuth 2.1
		"its resource":              {func(r *grants.Request) { r.Resources = []string{issuer + "/mcp"} }, "", "", false},
		"another redirect URI":      {func(r *grants.Request) { r.RedirectURI += "/" }, "", grants.CodeInvalidGrant, false},
		"a wrong verifier":          {func(r *grants.Request) { r.Verifier = strings.Repeat("x", 43) }, "", grants.CodeInvalidGrant, false},
		"the challenge itself":      {func(r *grants.Request) { r.Verifier = challenge(verifier) }, "", grants.CodeInvalidGrant, false},
		"no verifier":               {func(r *grants.Request) { r.Verifier = "" }, "", grants.CodeInvalidRequest, true},
		"no code":                   {func(r *grants.Request) { r.Code = "" }, "", grants.CodeInvalidRequest, true},
		"another code":              {func(r *grants.Request) { r.Code = identity.Mint(identity.KindCode).Reveal() }, "", grants.CodeInvalidGrant, true},
		"a token as code":           {func(r *grants.Request) { r.Code = identity.Mint(identity.KindRefresh).Reveal() }, "", grants.CodeInvalidGrant, true},
		"a typing mistake":          {func(r *grants.Request) { r.Code = strings.ToUpper(r.Code) }, "", grants.CodeInvalidGrant, true},
		"another client":            {func(*grants.Request) {}, "other", grants.CodeInvalidGrant, true},
		"a resource of nobody":      {func(r *grants.Request) { r.Resources = []string{"https://evil.example/mcp"} }, "", grants.CodeInvalidTarget, true},
		"a resource not granted":    {func(r *grants.Request) { r.Resources = []string{issuer + "/crm/mcp"} }, "", grants.CodeInvalidTarget, true},
		"no grant type":             {func(r *grants.Request) { r.GrantType = "" }, "", grants.CodeInvalidRequest, true},
		"an unknown grant type":     {func(r *grants.Request) { r.GrantType = "password" }, "", grants.CodeUnsupportedGrant, true},
		"a grant not of its kind":   {func(r *grants.Request) { r.GrantType = client.GrantCredentials }, "", grants.CodeUnauthorizedClient, true},
		"another's, wrong verifier": {func(r *grants.Request) { r.Verifier = strings.Repeat("x", 43) }, "other", grants.CodeInvalidGrant, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			code := h.issue(t, h.consented())
			r := codeRequest(code)
			c.edit(&r)
			who := agent(t)
			if c.by != "" {
				who = static(t, c.by, client.Agent, "", session.AnyScope)
			}
			_, err := h.Token(t.Context(), who, r)
			wantCode(t, err, c.code)
			if c.code == "" {
				return
			}
			_, err = h.Token(t.Context(), agent(t), codeRequest(code))
			if (err == nil) != c.left {
				t.Errorf("afterwards: got %v; want the code left: %v", err, c.left)
			}
		})
	}
}

func TestVerifiersAreOfTheirLength(t *testing.T) {
	for _, c := range []struct {
		verifier string
		good     bool
	}{
		{strings.Repeat("a", 42), false},
		{strings.Repeat("a", 43), true},
		{strings.Repeat("a", 128), true},
		{strings.Repeat("a", 129), false},
		{strings.Repeat("-._~", 11), true},
		{strings.Repeat("a", 42) + " ", false},
		{strings.Repeat("a", 42) + "ä", false},
	} {
		h := newHouse(t)
		r := codeRequest(h.issue(t, h.consented(func(of *grants.Consented) { of.Challenge = challenge(c.verifier) })))
		r.Verifier = c.verifier
		if _, err := h.Token(t.Context(), agent(t), r); (err == nil) != c.good {
			t.Errorf("%q: got %v", c.verifier, err)
		}
	}
}

func TestACodeIsGoodUntilTheInstantOfItsEnd(t *testing.T) {
	for pass, want := range map[time.Duration]string{time.Minute - 1: "", time.Minute: grants.CodeInvalidGrant} {
		h := newHouse(t)
		code := h.issue(t, h.consented())
		h.clock.Move(pass)
		_, err := h.Token(t.Context(), agent(t), codeRequest(code))
		wantCode(t, err, want)
	}
}

func TestNoCodeIsIssuedWithoutAnS256Challenge(t *testing.T) {
	h := newHouse(t)
	for _, c := range []string{"", "short", verifier, challenge(verifier) + "=", strings.Repeat("é", 22)} {
		err := h.db.Change(t.Context(), "issue", func(tx *store.Tx) error {
			_, err := h.Issue(t.Context(), tx, h.consented(func(of *grants.Consented) { of.Challenge = c }))
			return err
		})
		if err == nil {
			t.Errorf("%q: issued", c)
		}
	}
}

func TestACodeUsedTwiceEndsTheSessionThatItMade(t *testing.T) {
	for name, wrong := range map[string]func(*grants.Request){
		"as before": func(*grants.Request) {}, "with a wrong verifier": func(r *grants.Request) { r.Verifier = strings.Repeat("x", 43) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			code := h.issue(t, h.consented())
			tokens, err := h.Token(t.Context(), agent(t), codeRequest(code))
			must(t, err)
			_, err = h.Token(t.Context(), static(t, "other", client.Agent, "", session.AnyScope), codeRequest(code))
			wantCode(t, err, grants.CodeInvalidGrant)
			h.good(t, tokens.Access) // another client harms nothing

			h.clock.Move(48 * time.Hour)
			again := codeRequest(code)
			wrong(&again)
			_, err = h.Token(t.Context(), agent(t), again)
			wantCode(t, err, grants.CodeInvalidGrant)
			h.isOver(t, tokens)
			if got := h.events(t, tokens.Session); !slices.Equal(got, []string{"session opened", "session revoked", "token code_used_again"}) {
				t.Errorf("got entries %q", got)
			}
		})
	}
}

// Who left the sites that own a client gets nothing by it, and who comes back
// goes on with the same refresh token.
func TestTokensOfAnOwnedClientAreForItsPeopleAlone(t *testing.T) {
	h := newHouse(t, func(c *conf) { c.owned = []ostiary.Site{"site-A"} })
	tokens, code := h.connect(t), h.issue(t, h.consented())
	h.conf.users[0].Claims = identity.Claims{"tenant": "acme", "sites": []any{"site-B"}}
	left := h.over(t, h.raw)
	for _, r := range []grants.Request{codeRequest(code), refreshRequest(tokens.Refresh)} {
		_, err := left.Token(t.Context(), agent(t), r)
		wantCode(t, err, grants.CodeInvalidGrant)
	}
	if _, err := left.bearer(t, tokens.Access); !errors.Is(err, identity.ErrInvalidToken) {
		t.Errorf("the access token: got %v; want it refused", err)
	}
	h.conf.users[0].Claims = identity.Claims{"tenant": "acme", "sites": []any{"site-B", "site-A"}}
	back := h.over(t, h.raw)
	if p := back.good(t, back.refresh(t, tokens.Refresh).Access); !slices.Equal(p.Sites, []ostiary.Site{"site-A"}) {
		t.Errorf("got sites %q; want the client's", p.Sites)
	}
}

func TestACodeOfSomebodyWhoMayNotAnyMoreIsRefused(t *testing.T) {
	for name, edit := range map[string]func(*conf){
		"disabled": func(c *conf) { c.users[0].Disabled = true },
		"gone":     func(c *conf) { c.users = nil },
		"an admin where agents may not act for one": func(c *conf) {
			c.admins, c.users[0].Claims = identity.AdminsReject, identity.Claims{"roles": []any{"owner"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			code := h.issue(t, h.consented())
			tokens := h.connect(t)
			edit(&h.conf)
			i := h.over(t, h.raw)
			_, err := i.Token(t.Context(), agent(t), codeRequest(code))
			wantCode(t, err, grants.CodeInvalidGrant)
			_, err = i.Token(t.Context(), agent(t), refreshRequest(tokens.Refresh))
			wantCode(t, err, grants.CodeInvalidGrant)
		})
	}
}

func TestAnAccessTokenMayBeForFewerResources(t *testing.T) {
	h := newHouse(t)
	code := h.issue(t, h.consented(func(c *grants.Consented) { c.Draft.Resources = []string{"/mcp", "/crm/mcp"} }))
	r := codeRequest(code)
	r.Resources = []string{issuer + "/crm/mcp", issuer + "/crm/mcp"}
	tokens, err := h.Token(t.Context(), agent(t), r)
	must(t, err)
	if p := h.good(t, tokens.Access); !slices.Equal(p.Resources, []string{"/crm/mcp"}) {
		t.Errorf("got %q", p.Resources)
	}
	if p := h.good(t, h.refresh(t, tokens.Refresh).Access); !slices.Equal(p.Resources, []string{"/mcp", "/crm/mcp"}) {
		t.Errorf("refreshed: got %q; want all that was granted", p.Resources)
	}
}

// Fifty at once, at two instances: one session is made, and as the code was
// used more than once it ends.
func TestACodeRedeemedByManyAtOnceMakesOneSession(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house, other *instance) {
		code := h.issue(t, h.consented())
		var won atomic.Int64
		var mu sync.Mutex
		var tokens grants.Tokens
		var all sync.WaitGroup
		for n := range 50 {
			at := []*instance{h.instance, other}[n%2]
			all.Go(func() {
				got, err := at.Token(t.Context(), agent(t), codeRequest(code))
				if err != nil {
					wantCode(t, err, grants.CodeInvalidGrant)
					return
				}
				won.Add(1)
				mu.Lock()
				defer mu.Unlock()
				tokens = got
			})
		}
		all.Wait()
		if won.Load() != 1 || h.rows(t, "session") != 1 || h.rows(t, "refresh") != 1 {
			t.Fatalf("%d won; %d sessions, %d refresh tokens; want one of each", won.Load(), h.rows(t, "session"), h.rows(t, "refresh"))
		}
		h.isOver(t, tokens)
	})
}

func TestTwoCodesOfOnePersonAndClientAreTwoSessions(t *testing.T) {
	h := newHouse(t)
	one, two := h.connect(t), h.connect(t)
	must(t, h.Revoke(t.Context(), agent(t), one.Refresh.Reveal()))
	h.isOver(t, one)
	h.good(t, two.Access)
	if one.Session == two.Session || ostiary.SessionID("") == one.Session {
		t.Errorf("got %q twice", one.Session)
	}
}
