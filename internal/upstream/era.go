package upstream

import (
	"slices"

	"github.com/ostiary/ostiary/internal/wire"
)

// sessionVersions are those that an upstream may choose at initialize. The
// oldest differs in nothing that is used here.
var sessionVersions = []string{wire.Version20251125, wire.Version20250618, wire.Version20250326, "2024-11-05"}

func speaksStateless(versions []string) bool { return slices.Contains(versions, wire.Version20260728) }

func speaksSessions(versions []string) bool {
	return slices.ContainsFunc(versions, func(v string) bool { return slices.Contains(sessionVersions, v) })
}

// An era is what is known of the protocol versions that an upstream speaks.
type era struct {
	version  string // the newest
	sessions bool   // it is stateless, and an older one with sessions is spoken too
	tasks    bool   // it is stateless, and calls can be answered with tasks
}

// begins says whether a connection begins with initialize.
func (e *era) begins(k key) bool {
	return !wire.Stateless(e.version) || e.sessions && k.sessions
}

// keyOf is whose connection a request is made over. In an era with sessions it
// also tells what was declared there, once for all requests; without sessions
// each request declares for itself. A child that is shared is one child: it
// does not say to which call a question belongs, so it is told of nothing.
func (a *app) keyOf(who Caller, req Request) key {
	k := key{Caller: who, sessions: req.Sessions, asks: req.inRequests()}
	if a.spec.Shared {
		k.Caller = Caller{}
	}
	known := a.era.Load()
	switch {
	case a.spec.Shared && a.transport.Costly():
		return key{}
	case known == nil:
	case !wire.Stateless(known.version):
		k.sessions = false // it has nothing else
	case !known.begins(k):
		k.sessions, k.asks = false, 0
	}
	return k
}
