package gate

import (
	"slices"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/policy"
)

// Config is what the gates look things up in.
type Config struct {
	Rules     *policy.Rules
	Approvals *approval.Service
	Counters  Counters
}

// Order is the list of gates, in the order in which they are asked: the
// least revealing first, a human last. Those up to Pin hide a tool from who
// may not know of it; those after it refuse openly.
func Order(c Config, extra ...Extra) []ostiary.Gate {
	gates := []ostiary.Gate{
		Authn{},                        // is somebody there, with a token for this resource?
		Role{c.Rules},                  // may they know of this tool?
		Pin{},                          // is the tool's definition the one that was accepted?
		Scope{c.Rules},                 // do the token's tier and scopes reach it?
		Site{c.Rules},                  // may they act in this site?
		App{},                          // has the person opened this app for this agent?
		Consent{c.Rules},               // is the tool among those they agreed to?
		Rate{c.Rules, c.Counters},      // is there any of the allowance left?
		Approval{c.Rules, c.Approvals}, // has somebody said yes to this very call?
	}
	for _, e := range extra {
		gates = e.insert(gates)
	}
	return gates
}

// An Extra is an embedder's own gate, at a named place.
type Extra struct {
	before string
	gate   ostiary.Gate
}

// Before puts a gate in front of a named one. A name that no gate has puts
// it last, in front of nothing but the call.
func Before(name string, g ostiary.Gate) Extra { return Extra{name, g} }

func (e Extra) insert(gates []ostiary.Gate) []ostiary.Gate {
	i := slices.IndexFunc(gates, func(g ostiary.Gate) bool { return g.Name() == e.before })
	if i < 0 {
		return append(gates, e.gate)
	}
	return slices.Insert(gates, i, e.gate)
}
