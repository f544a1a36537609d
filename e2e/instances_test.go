package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A pair is two gateways on one PostgreSQL, before one spy.
type pair struct {
	*house   // the first
	second   *house
	spy      *spy
	a, b     *caller
	operator string // root's, of the first gateway
}

func newPair(t *testing.T) *pair {
	t.Helper()
	spy := newSpy(t)
	first := newHouse(t, testparts.Postgres(t), spy.app("30s")+"approvals: {max_pending_per_subject: 100000}\n").start()
	second := (&house{t: t, dir: first.dir, file: first.file}).start()
	p := &pair{house: first, second: second, spy: spy, a: first.caller(), b: second.caller()}
	t.Cleanup(p.a.close)
	t.Cleanup(p.b.close)
	p.operator = first.signIn("root").operatorToken("admin", "approve", "read")
	return p
}

// rounds is how often each kind of revocation is raced against its caches.
const rounds = 50

// must wants an API call to have worked.
func (p *pair) must(what string, status, want int, text string) {
	p.t.Helper()
	if status != want {
		p.t.Fatalf("%s was answered %d %s; want %d", what, status, text, want)
	}
}

// mustCall wants a call of the second gateway to end in a way.
func (p *pair) mustCall(when string, t token, tool string, want outcome) answer {
	p.t.Helper()
	got, a := p.b.call(t.Token, tool, fmt.Sprint("call-", p.serial()))
	if got != want {
		p.t.Fatalf("%s a call at the other gateway was answered %s: %d %s; want %s", when, got, a.status, a.body, want)
	}
	return a
}

// TestWhatOneGatewayTakesBackTheOtherRefusesAtItsNextCall holds P4 between
// two instances: each round the second gateway has just let a call through,
// and so has everything remembered that it needs.
func TestWhatOneGatewayTakesBackTheOtherRefusesAtItsNextCall(t *testing.T) {
	p := newPair(t)
	alice := p.token("alice", "write")
	for range rounds {
		grant, status, text := p.a.grant(p.operator, "alice")
		p.must("giving a grant", status, http.StatusCreated, text)
		p.mustCall("under a grant", alice, standing, done)
		status, text = p.a.api(p.operator, http.MethodDelete, "/grants/"+grant, nil, nil)
		p.must("revoking a grant", status, http.StatusNoContent, text)
		a := p.mustCall("after its grant was revoked", alice, standing, asks)
		p.a.deny(p.operator, a.Result.Meta.ApprovalID)
	}
	maker := p.signIn("alice").tokenMaker()
	for range rounds {
		t, status, text := maker.make(p.url, fmt.Sprint("t", p.serial()))
		p.must("making a token", status, http.StatusCreated, text)
		p.mustCall("with a token", t, freely, done)
		p.mustList("with a token", t, http.StatusOK)
		status, text = p.a.api(p.operator, http.MethodDelete, "/tokens/"+t.ID, nil, nil)
		p.must("revoking a token", status, http.StatusNoContent, text)
		p.mustUnauthorized("after its token was revoked", t)
	}
	p.revokesPeople()
}

// TestAGatewayThatWasPausedKnowsNothingBetterWhenItWakes: a call that waits at
// a stopped process is decided after the revocation, with everything of before
// remembered.
func TestAGatewayThatWasPausedKnowsNothingBetterWhenItWakes(t *testing.T) {
	p := newPair(t)
	maker := p.signIn("alice").tokenMaker()
	for range 5 {
		agent, status, text := maker.make(p.url, fmt.Sprint("t", p.serial()))
		p.must("making a token", status, http.StatusCreated, text)
		p.mustCall("with a token", agent, freely, done)
		p.second.pause()
		answers := make(chan answer)
		go func() {
			_, a := p.b.call(agent.Token, freely, "while paused")
			answers <- a
		}()
		status, text = p.a.api(p.operator, http.MethodDelete, "/tokens/"+agent.ID, nil, nil)
		p.second.child.Signal(syscall.SIGCONT)
		a := <-answers
		p.must("revoking a token", status, http.StatusNoContent, text)
		if a.status != http.StatusUnauthorized {
			t.Fatalf("the gateway that was paused answered %d %s; want 401", a.status, a.body)
		}
	}
	if times := p.spy.count()["while paused"]; times != 0 {
		t.Errorf("%d calls with revoked tokens reached the spy", times)
	}
}

// pause stops every thread of the gateway, until SIGCONT. Nothing but a look
// at each tells that the signal has arrived.
func (h *house) pause() {
	h.t.Helper()
	h.child.Signal(syscall.SIGSTOP)
	eventually(h.t, "every thread to be stopped", func() (string, bool) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", h.child.Pid()))
		for _, thread := range threads {
			status, err := os.ReadFile(thread)
			if err != nil || !strings.Contains(string(status), "State:\tT") {
				return fmt.Sprint(string(status), err), false
			}
		}
		return fmt.Sprint(err), len(threads) > 0
	})
}

// mustUnauthorized asks for lists first: they are told without a commit, which
// would hold what is remembered to what storage has.
func (p *pair) mustUnauthorized(when string, t token) {
	p.t.Helper()
	p.mustList(when, t, http.StatusUnauthorized)
	if a := p.mustCall(when, t, freely, refused); a.status != http.StatusUnauthorized {
		p.t.Fatalf("%s: got %d %s; want 401", when, a.status, a.body)
	}
}

// mustList wants both gateways to answer a list with a status.
func (p *pair) mustList(when string, t token, want int) {
	p.t.Helper()
	for _, c := range []*caller{p.b, p.a} {
		body, header := stateless("tools/list", "", "")
		status, text, err := c.send(http.MethodPost, "/mcp", t.Token, body, header)
		if err != nil || status != want {
			p.t.Fatalf("%s a list was answered %d %s, %v; want %d", when, status, text, err, want)
		}
	}
}

func (p *pair) revokesPeople() {
	p.t.Helper()
	carol := p.person("carol")
	for range rounds {
		p.mustCall("of a person", carol, freely, done)
		p.mustList("of a person", carol, http.StatusOK)
		p.disable("carol", true)
		p.mustUnauthorized("after its person was disabled", carol)
		p.disable("carol", false)
	}
}

// person adds a person and makes a token of theirs.
func (p *pair) person(id string) token {
	p.t.Helper()
	status, text := p.a.api(p.operator, http.MethodPost, "/users", map[string]any{"id": id, "claims": map[string]any{"tenant": "acme", "sites": []string{"site-A"}}}, nil)
	p.must("adding "+id, status, http.StatusCreated, text)
	return p.token(id, "write")
}

func (p *pair) disable(person string, disabled bool) {
	p.t.Helper()
	status, text := p.a.api(p.operator, http.MethodPatch, "/users/"+person, map[string]bool{"disabled": disabled}, nil)
	p.must("changing "+person, status, http.StatusOK, text)
}

// TestContendedYesesAreUsedOnceEach: each yes is for one call. Both gateways
// get that call many times at the same moment, and one of them makes it; the
// others ask anew, which gives the next yes to contend for.
func TestContendedYesesAreUsedOnceEach(t *testing.T) {
	const workers, yeses, contenders = 8, 125, 10 // 10,000 contended uses
	p := newPair(t)
	approver := p.signIn("bob").operatorToken("approve")
	var all sync.WaitGroup
	for i := range workers {
		c := &contest{pair: p, approver: approver, agent: p.person(fmt.Sprint("worker-", i)), id: fmt.Sprint("contended-", i)}
		all.Go(func() { c.run(yeses, contenders) })
	}
	all.Wait()
	for id, times := range p.spy.count() {
		if times != yeses {
			t.Errorf("call %s reached the spy %d times; want once for each of %d yeses", id, times, yeses)
		}
	}
	if got := len(p.spy.seen()); got != workers*yeses {
		t.Errorf("%d calls reached the spy; want %d, one a yes", got, workers*yeses)
	}
	p.stop()
	p.second.stop()
	p.command("audit", "verify", "-c", p.file)
}

// A contest is one call of one agent that wants a yes every time.
type contest struct {
	*pair
	approver string
	agent    token
	id       string
}

func (c *contest) run(yeses, contenders int) {
	out, a := c.a.call(c.agent.Token, onceOnly, c.id)
	if out != asks {
		c.t.Errorf("call %s was answered %s: %d %s", c.id, out, a.status, a.body)
		return
	}
	request := a.Result.Meta.ApprovalID
	for range yeses {
		if status, text := c.b.approve(c.approver, request); status != http.StatusOK {
			c.t.Errorf("the yes to %s was answered %d %s", c.id, status, text)
			return
		}
		passed, anew := c.round(contenders)
		if passed != 1 || anew == request || c.t.Failed() {
			c.t.Errorf("%d of %d equal calls got through with one yes to %s; then %s is asked for", passed, contenders, request, anew)
			return
		}
		request = anew
	}
}

// round calls that often at once, at both gateways in turn. It returns how
// many got through, and the request that the others ask with.
func (c *contest) round(contenders int) (passed int64, anew string) {
	var through atomic.Int64
	var asked atomic.Value
	var all sync.WaitGroup
	for i := range contenders {
		gateway := []*caller{c.a, c.b}[i%2]
		all.Go(func() {
			switch out, a := gateway.call(c.agent.Token, onceOnly, c.id); out {
			case done:
				through.Add(1)
			case asks:
				asked.Store(a.Result.Meta.ApprovalID)
			default:
				c.t.Errorf("a contender for %s was answered %s: %d %s", c.id, out, a.status, a.body)
			}
		})
	}
	all.Wait()
	anew, _ = asked.Load().(string)
	return through.Load(), anew
}
