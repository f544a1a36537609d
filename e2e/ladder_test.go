package e2e_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestRealClientsDoAllThatTheyCan: every client lists, calls, hears of
// progress, cancels, and gets an approval by each rung of the ladder that it
// can take. What a client can't do stands in agentKinds, with the reason.
func TestRealClientsDoAllThatTheyCan(t *testing.T) {
	for _, kind := range agentKinds {
		t.Run(kind.name+" "+kind.era, func(t *testing.T) {
			up := newWorking(t)
			h := newHouse(t, "", up.app()).start()
			tok := h.token("alice", "write")
			a := kind.connect(h, t, tok, kind.era, nil)
			wantListAndCall(t, a)
			kind.can(t, hearsProgress, func() { wantProgress(t, a) })
			kind.can(t, cancels, func() { up.wantGivenUp(t, a) })
			kind.can(t, isHeld, func() { h.wantHeld(t, a, up) })
			kind.can(t, linkInError, func() { h.wantLinkInError(t, kind, tok, up) })
			kind.can(t, isAsked, func() { h.wantElicited(t, kind, tok, up) })
		})
	}
}

// can tells a part of the story, unless the client has no part in it.
func (k agentKind) can(t *testing.T, what string, story func()) {
	t.Helper()
	if why := k.cannot[what]; why != "" {
		t.Logf("%s of %s can't %s: %s", k.name, k.era, what, why)
		return
	}
	story()
}

func wantListAndCall(t *testing.T, a agent) {
	t.Helper()
	if got, err := a.list(); err != nil || !strings.Contains(got, `"small__work"`) || !strings.Contains(got, `"small__act"`) {
		t.Fatalf("the list: got %s, %v; want the tools of the app", got, err)
	}
	if got, err := a.call("small__work", act("one")); err != nil || !strings.Contains(got, "did one") {
		t.Fatalf("a call: got %s, %v; want it done", got, err)
	}
}

func wantProgress(t *testing.T, a agent) {
	t.Helper()
	if notes, err := a.hear("small__work", act("one")); notes != 3 || err != nil {
		t.Errorf("heard of progress %d times, %v; want 3", notes, err)
	}
}

func (w *working) wantGivenUp(t *testing.T, a agent) {
	t.Helper()
	a.giveUp("small__endless", act("one"))
	eventually(t, "the upstream to hear that the call was given up", func() (string, bool) {
		saw := fmt.Sprintf("%d begun, %d cancelled", w.begun.Load(), w.cancelled.Load())
		return saw, w.begun.Load() == 1 && w.cancelled.Load() == 1
	})
}

// wantHeld wants a call to wait for the yes and then go on.
func (h *house) wantHeld(t *testing.T, a agent, up *working) {
	t.Helper()
	before := up.calls.Load()
	bob := h.signIn("bob").operatorToken("approve", "read")
	answered := make(chan string, 1)
	go func() { answered <- h.approveWhenAsked(bob) }()
	got, err := a.call("small__act", act("held"))
	if problem := <-answered; problem != "" {
		t.Fatal(problem)
	}
	if err != nil || !strings.Contains(got, "did held") || up.calls.Load() != before+1 {
		t.Errorf("a held call: got %s, %v, %d calls; want it done once", got, err, up.calls.Load()-before)
	}
}

// wantLinkInError wants a client that shows links to get one as error
// −32042, and the same call to go through after the yes.
func (h *house) wantLinkInError(t *testing.T, kind agentKind, tok token, up *working) {
	t.Helper()
	before := up.calls.Load()
	a := kind.connect(h, t, tok, kind.era, func(string) {})
	got, err := a.call("small__act", act("error"))
	if err == nil || !strings.Contains(err.Error(), "-32042") || !strings.Contains(err.Error(), h.url+"/approvals/req_") {
		t.Fatalf("got %s, %v; want error -32042 with the link", got, err)
	}
	h.sayYes("once")
	if got, err := a.call("small__act", act("error")); err != nil || !strings.Contains(got, "did error") || up.calls.Load() != before+1 {
		t.Errorf("after the yes: got %s, %v, %d calls; want it done once", got, err, up.calls.Load()-before)
	}
}

// wantElicited wants a client that shows links to be asked with one, and the
// call to go on by itself.
func (h *house) wantElicited(t *testing.T, kind agentKind, tok token, up *working) {
	t.Helper()
	before := up.calls.Load()
	a := kind.connect(h, t, tok, kind.era, func(url string) {
		if !strings.HasPrefix(url, h.url+"/approvals/req_") {
			t.Errorf("asked with the link %s", url)
		}
		h.sayYes("once")
	})
	if got, err := a.call("small__act", act("asked")); err != nil || !strings.Contains(got, "did asked") || up.calls.Load() != before+1 {
		t.Errorf("got %s, %v, %d calls; want it done once", got, err, up.calls.Load()-before)
	}
}

// TestRealClientsAreToldTheLinkAndCallAgain: once the hold is over the answer
// is a text with the link, and the same call attaches to the same request.
// Who can take tasks is given one instead, and waits for it.
func TestRealClientsAreToldTheLinkAndCallAgain(t *testing.T) {
	up := newWorking(t)
	h := newHouse(t, "", up.app()+"\napprovals: {hold: 10ms}\n").start()
	for _, kind := range agentKinds {
		t.Run(kind.name+" "+kind.era, func(t *testing.T) {
			a := kind.connect(h, t, h.token("alice", "write"), kind.era, nil)
			kind.can(t, attaches, func() { h.wantAttached(t, a, up) })
			kind.can(t, takesTask, func() { h.wantHeld(t, a, up) })
		})
	}
}

func (h *house) wantAttached(t *testing.T, a agent, up *working) {
	t.Helper()
	before := up.calls.Load()
	requests := map[string]bool{}
	for range 2 {
		got, err := a.call("small__act", act("again"))
		requests[onlyPending(h)] = true
		if err != nil || !strings.Contains(got, `"isError":true`) || !strings.Contains(got, h.url+"/approvals/"+onlyPending(h)) {
			t.Fatalf("got %s, %v; want a text with the link", got, err)
		}
	}
	if len(requests) != 1 {
		t.Errorf("the second call asked anew: %v", requests)
	}
	h.sayYes("once")
	if got, err := a.call("small__act", act("again")); err != nil || !strings.Contains(got, "did again") || up.calls.Load() != before+1 {
		t.Errorf("after the yes: got %s, %v, %d calls; want it done once", got, err, up.calls.Load()-before)
	}
}
