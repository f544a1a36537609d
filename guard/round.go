package guard

import (
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A Round is a further round of a call that was let through before: the
// upstream asked for something, and the client has come back with it. It is
// decided anew, with the rights of its time, and uses up nothing that the
// first round did: only what the client came back with, once over all
// instances.
type Round struct {
	Call   ostiary.CallID // that goes on
	Number int            // 2 is the first that goes on
	Grant  string         // what let the call through before; "" none was needed
	// State is the id of what the client came back with, and Ends after when
	// nobody comes back with it; "" where whoever holds the call goes on.
	State string
	Ends  time.Time
}

const kindRound store.Kind = "round"

func (g *Guard) roundKey(r Round) store.Key { return g.DB.RowKey(kindRound, r.State) }

// roundKept is how long it is remembered beyond its end what was used: clocks
// of instances differ.
const roundKept = time.Hour

// useUp adds to tx that nobody came back with this before.
func (g *Guard) useUp(tx *store.Tx, r Request) {
	k := g.roundKey(*r.Round)
	tx.Assert(k, 0)
	tx.Put(store.Put{Key: k, Value: []byte(r.attempt), Expires: r.Round.Ends.Add(roundKept)})
}

func wentOn() ostiary.Decision {
	return ostiary.Decision{
		Reason: ostiary.ReasonSuperseded, Gate: "approval",
		Message: "This call has gone on already, from the same place.",
	}
}
