package upstream

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// ErrNoSubscriptions says that an upstream does not tell of changes.
var ErrNoSubscriptions = errors.New("the upstream does not tell of changes of resources")

// A RefusedError is an upstream's no, as it came.
type RefusedError struct{ Object []byte }

func (e *RefusedError) Error() string { return "the upstream refused: " + Excerpt(e.Object) }

// A Watch says what somebody wants to hear of.
type Watch struct {
	URI string
	// Sessions and Asks are those of the caller's requests, so that changes
	// are told of over the connection that their calls are made over.
	Sessions bool
	Asks     Asks
	// Updated gets the URI of what changed: URI itself, or of a part of it. It
	// must not block, and is called from any goroutine until Close returns.
	Updated func(uri string)
}

// A Watching is a watch that is kept. Both methods may be called concurrently
// with all else.
type Watching interface {
	// Ready waits until the upstream agreed to tell of changes, or did not.
	// ErrNoSubscriptions, a *RefusedError or an *Error says why; a watch goes
	// on all the same, and is tried again as the connection is.
	Ready(ctx context.Context) error
	// Close ends the watch.
	Close()
}

type noWatching struct{ err error }

func (n noWatching) Ready(context.Context) error { return n.err }
func (noWatching) Close()                        {}

// A watching is one watch of a wish.
type watching struct {
	vigil *vigil
	wish  *wish
	w     Watch
}

func (w *watching) Ready(ctx context.Context) error {
	select {
	case <-w.wish.answered:
		return w.vigil.refusal(w.wish)
	case <-ctx.Done():
		return fault(w.vigil.app.spec.App, "watch", context.Cause(ctx))
	}
}

func (w *watching) Close() { w.vigil.leave(w) }

// lingering is how long a resource is still watched that nobody wants to hear
// of any more: who reconnects finds it watched.
const lingering = 5 * time.Second

// A wish is a resource that is watched for at least one person; its fields
// belong to the vigil's mutex.
type wish struct {
	uri      string
	watchers []*watching
	left     time.Time     // when the last of them went; zero: some are there
	answered chan struct{} // closed once the upstream has said yes or no
	err      error         // the no
}

// concerns says whether a change of uri is one of the wish: of the resource,
// or of a part of it ("this might be a sub-resource of the one that the client
// actually subscribed to", 2025-11-25 schema, ResourceUpdatedNotification).
func (w *wish) concerns(uri string) bool {
	rest, part := strings.CutPrefix(uri, w.uri)
	return part && (rest == "" || strings.HasSuffix(w.uri, "/") || strings.ContainsRune("/?#", rune(rest[0])))
}

func (w *wish) remove(gone *watching) {
	w.watchers = slices.DeleteFunc(w.watchers, func(other *watching) bool { return other == gone })
}
