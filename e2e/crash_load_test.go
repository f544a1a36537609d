package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
)

// reads calls what needs no yes, until the gateway is gone.
func (c *crash) reads(calls *caller, agent token) {
	for {
		out, a := calls.call(agent.Token, freely, c.ledger.id("read"))
		switch {
		case out == lost:
			return
		case out != done && !passing(a):
			c.t.Errorf("a read was answered %s: %d %s", out, a.status, a.body)
			return
		}
	}
}

// asks runs errands, those first that a kill has interrupted.
func (c *crash) asks(calls *caller, agent token) {
	for {
		e := c.ledger.take()
		if e.agent == "" {
			e.agent = agent.Token // the yes is for its session
		}
		for !e.over {
			if !c.step(calls, e) {
				c.ledger.putBack(e)
				return
			}
		}
	}
}

// step brings an errand one step further. false means that the gateway is
// gone, or that the test has failed.
func (c *crash) step(calls *caller, e *errand) bool {
	switch {
	case e.request == "":
		return c.open(calls, e)
	case !e.keptYes:
		return c.sayYes(calls, e)
	default:
		return c.use(calls, e)
	}
}

func (c *crash) open(calls *caller, e *errand) bool {
	out, a := calls.call(e.agent, onceOnly, e.id)
	switch {
	case out == asks:
		e.request = a.Result.Meta.ApprovalID
	case out == lost:
		return false
	case !passing(a):
		c.t.Errorf("P1: call %s, which nobody said yes to, was answered %s: %d %s", e.id, out, a.status, a.body)
		return false
	}
	return true
}

func (c *crash) sayYes(calls *caller, e *errand) bool {
	e.sentYes = true
	switch status, text := calls.approve(c.approver, e.request); status {
	case http.StatusOK:
		e.keptYes = true
	case http.StatusConflict: // said before the kill, and kept
		e.keptYes = true
	case http.StatusServiceUnavailable:
	case 0:
		return false
	default:
		c.t.Errorf("P5: the yes to %s, asked for call %s, was answered %d %s", e.request, e.id, status, text)
		return false
	}
	return true
}

// use calls twice at once with one yes.
func (c *crash) use(calls *caller, e *errand) bool {
	first := e.uses == 0
	e.uses += 2
	outs, answers := twice(func() (outcome, answer) { return calls.call(e.agent, onceOnly, e.id) })
	count := map[outcome]int{}
	for i, out := range outs {
		count[out]++
		if out == refused && !passing(answers[i]) {
			c.t.Errorf("call %s was answered %d %s", e.id, answers[i].status, answers[i].body)
		}
		if out == asks {
			c.askedAnew(calls, e, answers[i].Result.Meta.ApprovalID)
		}
	}
	e.over = count[done]+count[asks] == 2
	switch {
	case count[done] > 1:
		c.t.Errorf("P2: one yes let call %s through twice", e.id)
	case first && count[asks] == 2:
		c.t.Errorf("P5: the yes to %s, acknowledged, lets nothing through", e.id)
	}
	return count[lost] == 0 && !c.t.Failed()
}

// askedAnew: the yes was used, so another one is asked for. It gets a no.
func (c *crash) askedAnew(calls *caller, e *errand, request string) {
	if request == e.request {
		c.t.Errorf("P5: %s asks again for the yes to %s, which was kept", e.id, request)
	}
	calls.deny(c.approver, request)
}

func twice(call func() (outcome, answer)) (outs [2]outcome, answers [2]answer) {
	var both sync.WaitGroup
	for i := range outs {
		both.Go(func() { outs[i], answers[i] = call() })
	}
	both.Wait()
	return outs, answers
}

// changesTokens makes tokens, uses them, and takes every other one back.
func (c *crash) changesTokens(calls *caller) {
	for i := 0; ; i++ {
		t, status, text := c.maker.make(calls.url, c.ledger.id("token"))
		switch {
		case status == 0 || status == http.StatusCreated && t.Token == "": // cut off
			return
		case status == http.StatusServiceUnavailable:
			continue
		case status != http.StatusCreated:
			c.t.Errorf("making a token was answered %d %s", status, text)
			return
		}
		c.ledger.madeToken(t)
		if !c.wantUse(calls, t) {
			return
		}
		if i%2 == 0 && !c.revokeToken(calls, t) {
			return
		}
	}
}

func (c *crash) wantUse(calls *caller, t token) bool {
	out, a := calls.call(t.Token, freely, c.ledger.id("read"))
	if out == refused && !passing(a) {
		c.t.Errorf("P5: token %s, acknowledged, was refused: %d %s", t.ID, a.status, a.body)
	}
	return out == done
}

func (c *crash) revokeToken(calls *caller, t token) bool {
	c.ledger.revoking(t)
	status, text := calls.api(c.operator, http.MethodDelete, "/tokens/"+t.ID, nil, nil)
	switch status {
	case http.StatusNoContent:
		c.ledger.revokedToken(t)
		return c.wantNoUse(calls, t)
	case 0, http.StatusServiceUnavailable:
		return false
	default:
		c.t.Errorf("revoking token %s was answered %d %s", t.ID, status, text)
		return false
	}
}

func (c *crash) wantNoUse(calls *caller, t token) bool {
	out, a := calls.call(t.Token, freely, c.ledger.forbid("read"))
	if out == done {
		c.t.Errorf("P5: token %s works after its revocation was acknowledged", t.ID)
	}
	return out == refused && a.status == http.StatusUnauthorized
}

// changesGrants gives alice a yes that lasts, uses it, and takes it back.
func (c *crash) changesGrants(calls *caller) {
	agent := c.agents[0]
	for c.ledger.grant != inDoubt || c.clearGrants(calls) {
		if c.ledger.grant == "" {
			c.ledger.grant = inDoubt
			id, status, text := calls.grant(c.operator, "alice")
			if status != http.StatusCreated {
				c.unlessGone("giving a grant", status, text)
				return
			}
			c.ledger.grant = id
		}
		if !c.wantGranted(calls, agent) || !c.takeGrant(calls, agent) {
			return
		}
	}
}

// inDoubt: the gateway was killed before it acknowledged a change of grants.
const inDoubt = "in doubt"

func (c *crash) wantGranted(calls *caller, agent token) bool {
	out, a := calls.call(agent.Token, standing, c.ledger.id("standing"))
	if out == asks || out == refused && !passing(a) {
		c.t.Errorf("P5: under grant %s, acknowledged, a call was answered %s: %s", c.ledger.grant, out, a.body)
	}
	return out == done
}

func (c *crash) takeGrant(calls *caller, agent token) bool {
	id := c.ledger.grant
	c.ledger.grant = inDoubt
	if status, text := calls.api(c.operator, http.MethodDelete, "/grants/"+id, nil, nil); status != http.StatusNoContent {
		c.unlessGone("revoking a grant", status, text)
		return false
	}
	c.ledger.grant = ""
	c.ledger.revokedGrant()
	return c.wantNotGranted(calls, agent)
}

func (c *crash) wantNotGranted(calls *caller, agent token) bool {
	out, a := calls.call(agent.Token, standing, c.ledger.forbid("standing"))
	if out == done || out == refused && !passing(a) {
		c.t.Errorf("P5: without a grant a call was answered %s: %s", out, a.body)
	}
	if out == asks {
		calls.deny(c.approver, a.Result.Meta.ApprovalID)
	}
	return out == asks
}

// clearGrants takes every yes that lasts back, whatever the kill left.
func (c *crash) clearGrants(calls *caller) bool {
	var page struct{ Items []struct{ ID string } }
	status, text := calls.api(c.operator, http.MethodGet, fmt.Sprintf("/grants?state=approved&subject=alice&tool=%s", standing), nil, &page)
	if status != http.StatusOK {
		c.unlessGone("listing grants", status, text)
		return false
	}
	for _, g := range page.Items {
		if status, text := calls.api(c.operator, http.MethodDelete, "/grants/"+g.ID, nil, nil); status != http.StatusNoContent {
			c.unlessGone("revoking a grant", status, text)
			return false
		}
	}
	c.ledger.grant = ""
	return true
}

func (c *crash) unlessGone(what string, status int, text string) {
	if status != 0 && status != http.StatusServiceUnavailable {
		c.t.Errorf("%s was answered %d %s", what, status, text)
	}
}
