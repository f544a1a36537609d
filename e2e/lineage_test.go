package e2e_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A connected agent is one that alice connects in her browser, and that may come to
// either of two gateways.
type connected struct {
	*pair
	id      string
	browser *browser
}

// callback is where the agent listens; nobody does, and nobody has to.
const callback = "http://127.0.0.1:4711/callback"

var codeVerifier = strings.Repeat("a-verifier-of-43-characters-or-more", 2)

func (p *pair) agent() *connected {
	p.t.Helper()
	status, text, err := p.a.send(http.MethodPost, "/oauth/register", "", `{"client_name":"Agent","redirect_uris":["`+callback+`"]}`, http.Header{"Content-Type": {"application/json"}})
	var made struct {
		ID string `json:"client_id"`
	}
	if err != nil || status != http.StatusCreated || json.Unmarshal([]byte(text), &made) != nil {
		p.t.Fatalf("registering was answered %d %s, %v", status, text, err)
	}
	b := p.signIn("alice")
	b.c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &connected{p, made.ID, b}
}

// code has alice agree to the spy's app.
func (a *connected) code() string {
	a.t.Helper()
	challenge := sha256.Sum256([]byte(codeVerifier))
	ask := url.Values{
		"client_id": {a.id}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"mcp-agent"}, "state": {fmt.Sprint(a.serial())},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	resp, err := a.browser.c.Get(a.url + "/oauth/authorize?" + ask.Encode())
	if err != nil {
		a.t.Fatal(err)
	}
	route := resp.Request.URL.Path
	_, page := read(resp)
	csrf := csrfField.FindStringSubmatch(page)
	if csrf == nil {
		a.t.Fatalf("%s has no form:\n%s", route, page)
	}
	agreed := url.Values{"csrf": {csrf[1]}, "decision": {"allow"}, "apps": {"spy"}, "tools": {"spy:*"}, "tier": {"write"}}
	r, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.url+route, strings.NewReader(agreed.Encode()))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {a.url}, "Sec-Fetch-Site": {"same-origin"}}
	if resp, err = a.browser.c.Do(r); err != nil {
		a.t.Fatal(err)
	}
	status, text := read(resp)
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		a.t.Fatalf("agreeing was answered %d, to %q: %s", status, to, text)
	}
	return to.Query().Get("code")
}

// An issued is what the token endpoint answered.
type issued struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`

	status int
	text   string
}

// at asks the token endpoint of one of the gateways, in turns.
func (a *connected) at(n int, form url.Values) issued {
	to := []*caller{a.a, a.b}[n%2]
	form.Set("client_id", a.id)
	r, err := http.NewRequest(http.MethodPost, to.url+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return issued{text: err.Error()}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := to.http.Do(r)
	if err != nil {
		return issued{text: err.Error()}
	}
	var got issued
	got.status, got.text = read(resp)
	if err := json.Unmarshal([]byte(got.text), &got); err != nil {
		got.Error = err.Error()
	}
	return got
}

func (a *connected) redeem(n int, code string) issued {
	return a.at(n, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {codeVerifier}})
}

func (a *connected) refresh(n int, token string) issued {
	return a.at(n, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// connect is the whole way to the first tokens.
func (a *connected) connect() issued {
	a.t.Helper()
	got := a.redeem(0, a.code())
	a.must("redeeming a code", got.status, http.StatusOK, got.text)
	return got
}

// atOnce does something by many callers at the same time.
func atOnce(callers int, do func(n int) issued) []issued {
	out := make([]issued, callers)
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() { out[n] = do(n) })
	}
	all.Wait()
	return out
}

// TestACodeThatFiftyRedeemAtTwoGatewaysMakesOneLineage and, as a code that is
// used twice may have been stolen, ends it.
func TestACodeThatFiftyRedeemAtTwoGatewaysMakesOneLineage(t *testing.T) {
	a := newPair(t).agent()
	code := a.code()
	var won []issued
	for _, got := range atOnce(50, func(n int) issued { return a.redeem(n, code) }) {
		if got.status == http.StatusOK {
			won = append(won, got)
		} else if got.status != http.StatusBadRequest || got.Error != "invalid_grant" {
			t.Errorf("got %d %s; want tokens or invalid_grant", got.status, got.text)
		}
	}
	if len(won) != 1 {
		t.Fatalf("%d redeemed the code; want one", len(won))
	}
	a.mustUnauthorized("after its code was used twice", token{Token: won[0].Access})
	if got := a.refresh(0, won[0].Refresh); got.Error != "invalid_grant" {
		t.Errorf("refreshing was answered %d %s", got.status, got.text)
	}
	a.mustCall("of another agent", token{Token: a.connect().Access}, freely, done)
}

func TestARefreshTokenThatFiftyTurnAtTwoGatewaysHasOneSuccessor(t *testing.T) {
	a := newPair(t).agent()
	first := a.connect()
	all := atOnce(50, func(n int) issued { return a.refresh(n, first.Refresh) })
	for _, got := range all {
		if got.status != http.StatusOK || got.Refresh != all[0].Refresh || got.Refresh == first.Refresh {
			t.Fatalf("got %d %s; want the same successor for all", got.status, got.text)
		}
	}
	next := a.refresh(1, all[0].Refresh)
	a.must("refreshing again", next.status, http.StatusOK, next.text)
	a.mustCall("with what came of it", token{Token: next.Access}, freely, done)
}

// TestProcessesThatShareACredentialAllStaySignedIn is what programs do that
// keep one credential for all their processes: they refresh at the same time,
// each keeps what it got, and one always comes with the token of before.
func TestProcessesThatShareACredentialAllStaySignedIn(t *testing.T) {
	a := newPair(t).agent()
	shared := a.connect()
	for range 5 {
		before := shared
		all := atOnce(5, func(n int) issued { return a.refresh(n, before.Refresh) })
		shared = a.refresh(0, all[3].Refresh)
		laggard := a.refresh(1, before.Refresh) // while others went on
		for _, got := range append(all, shared, laggard) {
			a.must("refreshing", got.status, http.StatusOK, got.text)
			a.mustCall("after it was refreshed", token{Token: got.Access}, freely, done)
		}
	}
}

func TestAnAgentThatIsCutOffAtOneGatewayIsRefusedAtTheOther(t *testing.T) {
	a := newPair(t).agent()
	for name, end := range map[string]func(issued) (int, string){
		"by its person": func(of issued) (int, string) {
			var list struct {
				Items []struct{ ID string }
			}
			status, text := a.a.api(a.operator, http.MethodGet, "/sessions", nil, &list)
			if len(list.Items) == 0 {
				return status, text
			}
			return a.a.api(a.operator, http.MethodDelete, "/sessions/"+list.Items[0].ID, nil, nil)
		},
		"by itself": func(of issued) (int, string) {
			form := url.Values{"client_id": {a.id}, "token": {of.Refresh}}
			resp, err := a.a.http.PostForm(a.a.url+"/oauth/revoke", form)
			if err != nil {
				return 0, err.Error()
			}
			return read(resp)
		},
		"by whoever found a token": func(of issued) (int, string) {
			return a.a.api(a.operator, http.MethodPost, "/tokens/revoke-leaked", map[string][]string{"tokens": {of.Refresh}}, nil)
		},
	} {
		got := a.connect()
		agent := token{Token: got.Access}
		a.mustCall("before it was cut off "+name, agent, freely, done)
		if status, text := end(got); status != http.StatusOK && status != http.StatusNoContent {
			t.Fatalf("%s: answered %d %s", name, status, text)
		}
		a.mustUnauthorized("after it was cut off "+name, agent)
		if again := a.refresh(1, got.Refresh); again.Error != "invalid_grant" {
			t.Errorf("%s: refreshing was answered %d %s", name, again.status, again.text)
		}
	}
}
