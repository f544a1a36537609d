package e2e_test

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A long run, for nights:
//
//	go test ./e2e -run TestNothingPromisedIsBrokenByKilling -crash.cycles 10000 -timeout 12h
//
// A run is repeated, as far as a scheduler repeats itself, with -crash.seed.
var (
	crashCycles = flag.Int("crash.cycles", 100, "how often the gateway is killed, on each storage")
	crashSeed   = flag.Uint64("crash.seed", 0, "seed of the moments of killing; 0: another one every time")
)

// TestNothingPromisedIsBrokenByKilling kills the gateway with SIGKILL at
// random moments under mixed load, starts it again on what is left, and holds
// it to P1, P2, P3, P5 and P9: against what the clients were told, what the
// spy saw, and what the record says.
func TestNothingPromisedIsBrokenByKilling(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { newCrash(t, "").run(*crashCycles) })
	t.Run("postgres", func(t *testing.T) { newCrash(t, testparts.Postgres(t)).run(*crashCycles) })
}

// A crash is a gateway that is killed again and again, and who uses it.
type crash struct {
	*house
	chance *rand.Rand // of the test's goroutine alone
	spy    *spy
	ledger *ledger
	kills  []time.Time

	agents    []token // of alice
	approver  string  // bob's operator token
	operator  string  // root's
	maker     *tokenMaker
	lastNote  string // file of the newest checkpoint; "" before the first
	firstNote string
}

func newCrash(t *testing.T, storage string) *crash {
	t.Helper()
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-crash.seed %d", seed)
	spy := newSpy(t)
	c := &crash{
		house:  newHouse(t, storage, spy.app("5s")+"approvals: {max_pending_per_subject: 100000}\naudit: {arguments: full, checkpoint_interval: 1s}\n"),
		chance: rand.New(rand.NewPCG(seed, 0)), spy: spy, ledger: newLedger(),
	}
	return c
}

// signInEvery is how many cycles people stay signed in for; a sign-in lasts
// longer than they do.
const signInEvery = 100

func (c *crash) run(cycles int) {
	for range 3 {
		c.agents = append(c.agents, c.token("alice", "write"))
	}
	for i := range cycles {
		if c.t.Failed() {
			c.t.Fatalf("broken in cycle %d", i)
		}
		if i%10 == 9 {
			c.killStarting()
		}
		c.start()
		if i%signInEvery == 0 {
			c.signInAll()
		}
		c.checkAfterStart()
		c.killUnderLoad(i%workEvery == 0)
		if i%10 == 9 {
			c.verify(c.lastNote)
		}
		c.keepCheckpoint()
	}
	c.start()
	c.checkAfterStart()
	c.checkAllTokens()
	c.stop()
	c.checkEnd()
}

func (c *crash) signInAll() {
	c.approver = c.signIn("bob").operatorToken("approve", "read")
	c.operator = c.signIn("root").operatorToken("admin", "approve", "read")
	c.maker = c.signIn("alice").tokenMaker()
}

// killStarting kills a gateway that may not have come up yet.
func (c *crash) killStarting() {
	child := testparts.Start(c.t, exec.Command(testparts.Build(c.t, "cmd/ostiary"), "serve", "-c", c.file))
	c.kill(child, time.Duration(c.chance.IntN(250))*time.Millisecond)
}

func (c *crash) kill(child *testparts.Child, after time.Duration) {
	<-time.After(after) // the chance is the point: nothing waits for it
	child.Kill()
	c.kills = append(c.kills, time.Now())
}

// workEvery is how often a cycle goes on until much was done in it, however
// slow the machine is; all others end by chance alone.
const workEvery = 10

// killUnderLoad lets everybody work until the gateway is killed.
func (c *crash) killUnderLoad(much bool) {
	calls := c.caller()
	defer calls.close()
	var all sync.WaitGroup
	for _, agent := range c.agents {
		all.Go(func() { c.reads(calls, agent) })
		all.Go(func() { c.asks(calls, agent) })
	}
	all.Go(func() { c.changesTokens(calls) })
	all.Go(func() { c.changesGrants(calls) })
	if much {
		c.ledger.awaitWork(c.ledger.work())
	}
	c.kill(c.child, time.Duration(30+c.chance.IntN(270))*time.Millisecond)
	all.Wait()
}

// keepCheckpoint keeps a checkpoint elsewhere: the next verification compares
// with it.
func (c *crash) keepCheckpoint() {
	if c.ledger.note == "" {
		return
	}
	c.lastNote = c.path("last.txt")
	if c.firstNote == "" {
		c.firstNote = c.path("first.txt")
		c.keepNote(c.firstNote)
	}
	c.keepNote(c.lastNote)
}

func (c *crash) keepNote(file string) {
	if err := os.WriteFile(file, []byte(c.ledger.note), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// verify verifies the log as the kill has left it.
func (c *crash) verify(note string) {
	args := []string{"audit", "verify", "-c", c.file}
	if note != "" {
		args = append(args, "--checkpoint", note)
	}
	c.command(args...)
}

// checkEnd holds the record against what the spy and the clients saw.
func (c *crash) checkEnd() {
	c.verify(c.firstNote)
	c.verify(c.lastNote)
	c.command("audit", "export", "-c", c.file, "-o", c.path("audit.jsonl"))
	c.command("audit", "verify", "--export", c.path("audit.jsonl"), "--checkpoint", c.lastNote)
	r := readRecord(c.t, c.path("audit.jsonl"))
	c.checkSpy(r)
	r.checkOutcomes(c.t, c.kills)
	c.ledger.checkWork(c.t, len(c.kills))
	c.t.Logf("%d kills; %d calls reached the spy; %s; %s", len(c.kills), len(c.spy.seen()), c.ledger, r)
}

// checkSpy: nothing ran twice, and all that ran had its yes and its intent.
func (c *crash) checkSpy(r *record) {
	for id, times := range c.spy.count() {
		if times != 1 {
			c.t.Errorf("P2: call %s reached the spy %d times", id, times)
		}
	}
	for _, call := range c.spy.seen() {
		if c.ledger.forbidden[call.id] {
			c.t.Errorf("P5: call %s reached the spy after its yes or its token was taken back", call.id)
		}
		intent, ok := r.intents[call.id]
		if !ok || string(intent.Tool) != call.tool {
			c.t.Errorf("P3: call %s of %s reached the spy; its intent is %+v", call.id, call.tool, intent)
			continue
		}
		if call.tool == freely {
			continue
		}
		yes, ok := r.yeses[intent.GrantID]
		if !ok || yes.Time.After(intent.Time) {
			c.t.Errorf("P1: call %s reached the spy under grant %q, which nobody had given", call.id, intent.GrantID)
		}
		if e := c.ledger.errands[call.id]; call.tool == onceOnly && (e == nil || !e.sentYes || e.request != intent.ApprovalID) {
			c.t.Errorf("P1: call %s reached the spy under request %s; the yes was said to %+v", call.id, intent.ApprovalID, e)
		}
	}
}

func argumentID(raw json.RawMessage) string {
	var args struct{ ID string }
	if json.Unmarshal(raw, &args) != nil {
		return ""
	}
	return args.ID
}

// passing says whether a refusal may be a sign of storage coming back, and no
// broken promise.
func passing(a answer) bool {
	return a.reason() == "unavailable" || a.status == http.StatusServiceUnavailable
}
