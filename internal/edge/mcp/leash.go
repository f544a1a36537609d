package mcp

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// errRevoked is why a call ended whose caller may not be told of it any more.
var errRevoked = errors.New("the caller is no longer let in")

// trusting is how long a call is told of while nothing is revoked, before its
// token is looked at all the same: one that runs out ends no call at once.
const trusting = 10 * time.Minute

// A leash ends a call once its caller is no longer let in, while its answer is
// on the way to them: what is told is asked again. The zero value holds nobody.
type leash struct {
	end context.CancelCauseFunc // of the call
	cut atomic.Bool             // nothing more may be written

	mu         sync.Mutex
	stop, done chan struct{} // nil: the answer is not on the way
}

// keepAsking begins to ask who is there, twice a second. It may be called again.
func (x *exchange) keepAsking() {
	l := &x.leash
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil && l.stop == nil {
		l.stop, l.done = make(chan struct{}), make(chan struct{})
		go x.attend()
	}
}

// stopAsking comes before the end of the response.
func (x *exchange) stopAsking() {
	l := &x.leash
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop != nil {
		close(l.stop)
		<-l.done
	}
	l.end(nil)
}

func (x *exchange) attend() {
	defer close(x.leash.done)
	ctx := context.WithoutCancel(x.r.Context()) // the call may outlive it
	tick := time.NewTicker(rechecking)
	defer tick.Stop()
	p := x.who
	for beat := 1; p != nil; beat++ {
		select {
		case <-x.leash.stop:
			return
		case <-tick.C:
			p = x.stillThere(ctx, p, beat%int(trusting/rechecking) == 0)
		}
	}
	x.cutOff()
	x.leash.end(errRevoked)
}

// stillThere is who the caller p is now, for as long as they are let in; nil:
// they are not, or it can't be found out. Where nothing was revoked since, and
// not anew, p is not asked about.
func (x *exchange) stillThere(ctx context.Context, p *ostiary.Principal, anew bool) *ostiary.Principal {
	at, err := x.config.Guard.Epochs.Of(ctx, store.EpochsOf(p))
	if err == nil && at == p.Epochs && !anew {
		return p
	}
	p, err = x.identify(ctx)
	if err != nil || p == nil || !p.For(x.resource) {
		return nil
	}
	return p
}

var longAgo = time.Unix(1, 0)

// cutOff has nothing more written, also of what is being written now.
func (x *exchange) cutOff() {
	x.leash.cut.Store(true)
	// Some writers know no deadlines: then what is being written is the last.
	_ = http.NewResponseController(x.w).SetWriteDeadline(longAgo)
}

// mayWrite gives the client until then to take what is written next; false: it
// may hear no more. Who is cut off before this is seen here, and who is cut off
// after it has the writing ended.
func (x *exchange) mayWrite(control *http.ResponseController, until time.Time) bool {
	// Some writers know no deadlines: then the listener has to bound writing.
	_ = control.SetWriteDeadline(until)
	if x.leash.cut.Load() {
		_ = control.SetWriteDeadline(longAgo)
		return false
	}
	return true
}
