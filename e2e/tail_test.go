package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

var seen = regexp.MustCompile(`"seq":(\d+),"log":"([^"]+)".*"kind":"refusal"`)

// refusals are the entries of refused calls that a tail has printed, and how
// often.
func refusals(printed string) map[string]int {
	times := map[string]int{}
	for _, m := range seen.FindAllStringSubmatch(printed, -1) {
		times[m[2]+"/"+m[1]]++
	}
	return times
}

// Whoever follows the record sees every entry once, by storage and by the
// gateway, also when many come at the same instant.
func TestATailShowsEveryEntryOnce(t *testing.T) {
	const calls, callers = 600, 30
	h := newHouse(t, "", newChanging(t).app()).start()
	reader := h.token("alice", "read")
	h.refuse(reader)
	old := h.refusals()
	root := []string{"OSTIARY_URL=" + h.url, "OSTIARY_TOKEN=" + h.signIn("root").operatorToken("read")}
	tails := map[string]*testparts.Child{
		"storage, none of the old": h.background(nil, append(tailing, "--follow", "-c", h.file, "-n", "0")...),
		"storage":                  h.background(nil, append(tailing, "--follow", "-c", h.file)...),
		"gateway, none of the old": h.background(root, append(tailing, "--follow", "-n", "0")...),
		"gateway":                  h.background(root, append(tailing, "--follow")...),
	}
	h.beginAll(reader, tails)
	before := h.refusals()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range calls / callers {
				h.refuse(reader)
			}
		})
	}
	all.Wait()
	burst := h.refusals()
	maps.DeleteFunc(burst, func(entry string, _ int) bool { return before[entry] > 0 })
	if len(burst) != calls {
		t.Fatalf("the record has %d new entries; want %d", len(burst), calls)
	}
	for what, tail := range tails {
		wantEachOnce(t, what, tail, burst, old)
	}
}

// tailing shows the refusals that the test makes.
var tailing = []string{"audit", "tail", "--json", "--decision", "insufficient_scope", "--subject", "alice"}

// refusals are those that the record holds.
func (h *house) refusals() map[string]int {
	h.t.Helper()
	return refusals(h.command(append(tailing, "-c", h.file, "-n", "100000")...))
}

// wantEachOnce waits for a tail to have shown what came, and wants it to have
// shown nothing twice, and what was there before it only if it was to.
func wantEachOnce(t *testing.T, what string, tail *testparts.Child, came, old map[string]int) {
	t.Helper()
	eventually(t, what+": what came", func() (string, bool) {
		missing := maps.Clone(came)
		for entry := range refusals(tail.Output()) {
			delete(missing, entry)
		}
		return fmt.Sprint(len(missing), " are missing"), len(missing) == 0
	})
	tail.Signal(syscall.SIGINT)
	if err := tail.Wait(t); err != nil {
		t.Errorf("%s: ended with %v", what, err)
	}
	got := refusals(tail.Output())
	for entry, times := range got {
		if times != 1 {
			t.Errorf("%s: entry %s came %d times", what, entry, times)
		}
	}
	for entry := range old {
		if (got[entry] == 0) != strings.Contains(what, "none of the old") {
			t.Errorf("%s: entry %s, which was there before, came %d times", what, entry, got[entry])
		}
	}
}

// Every decision is found by its effect and by its reason: also that a call
// was held, when it first asked and when it asked again.
func TestATailSelectsDecisions(t *testing.T) {
	h := newHouse(t, "", newChanging(t).app()).start()
	alice := h.token("alice", "write")
	h.wantAsked(h.call(alice, "small__act", act("one")))
	h.wantAsked(h.call(alice, "small__act", act("one")))
	h.refuse(h.token("alice", "read"))
	h.sayYes("once")
	h.wantOK(h.call(alice, "small__act", act("one")))
	root := []string{"OSTIARY_URL=" + h.url, "OSTIARY_TOKEN=" + h.signIn("root").operatorToken("read")}
	for decision, want := range map[string]int{
		"hold": 2, "approval_required": 2, "deny": 1, "insufficient_scope": 1, "pass": 1, "held": 0,
	} {
		for what, args := range map[string][]string{"storage": {"-c", h.file}, "gateway": nil} {
			r := h.try("", root, append([]string{"audit", "tail", "--decision", decision, "--tool", "small:act"}, args...)...)
			if got := strings.Count(r.out, "\n"); r.code != 0 || got != want {
				t.Errorf("%s, --decision %s: %d, %d entries; want %d\n%s%s", what, decision, r.code, got, want, r.out, r.err)
			}
		}
	}
}

// beginAll makes entries until every tail shows one: then all of them have
// begun.
func (h *house) beginAll(t token, tails map[string]*testparts.Child) {
	h.t.Helper()
	eventually(h.t, "every tail to show something", func() (string, bool) {
		h.refuse(t)
		for what, tail := range tails {
			if len(refusals(tail.Output())) == 0 {
				return what, false
			}
		}
		return "", true
	})
}

// refuse makes a call that is refused and recorded.
func (h *house) refuse(t token) {
	if a, err := h.tryCall(t, "small__act", `{}`); err != nil || a.status != 403 {
		h.t.Errorf("got %d %s (%v)", a.status, a.body, err)
	}
}

func (h *house) background(env []string, args ...string) *testparts.Child {
	cmd := exec.Command(testparts.Build(h.t, "cmd/ostiary"), args...)
	cmd.Env = append(os.Environ(), env...)
	return testparts.Start(h.t, cmd)
}
