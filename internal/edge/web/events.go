package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/store"
)

// Times of a stream of events.
const (
	eventPause     = 250 * time.Millisecond // between two looks at what has changed
	eventHeartbeat = 15 * time.Second       // so that proxies keep the stream open
	eventWrite     = 10 * time.Second       // for a reader who doesn't read
)

// Events is GET /approvals/events: a server-sent event whenever what the
// visitor may see has changed, and nothing when it is somebody else's. An
// event is the version of the inbox. The stream ends with the visitor's
// session.
func (s *Web) Events(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	if !v.SignedIn() {
		return visit.Refuse(http.StatusUnauthorized, "unauthenticated", "Sign in first.")
	}
	changed, cancel := s.listen()
	defer cancel()
	seen, err := s.version(r.Context(), v)
	if err != nil {
		return err
	}
	e := eventWriter{w, http.NewResponseController(w)}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	if e.write(": listening\n\n") != nil {
		return nil
	}
	s.follow(r.Context(), e, v, seen, changed)
	return nil
}

// listen tells of changes that may concern somebody's inbox or session. A
// change that comes before the last one was taken is not told twice.
func (s *Web) listen() (changed <-chan struct{}, cancel func()) {
	signal := make(chan struct{}, 1)
	cancel = s.DB.OnChange(func(c store.Change) {
		switch c.Key.Kind {
		case "request", "grant", "browser", "user", "":
		default:
			return
		}
		select {
		case signal <- struct{}{}:
		default:
		}
	})
	return signal, cancel
}

func (s *Web) follow(ctx context.Context, e eventWriter, v visit.Visitor, seen string, changed <-chan struct{}) {
	heartbeat := time.NewTicker(eventHeartbeat)
	defer heartbeat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.Stopping:
			return
		case <-heartbeat.C:
			if !s.beat(ctx, e, v) {
				return
			}
		case <-changed:
			var ok bool
			if seen, ok = s.tell(ctx, e, v, seen); !ok {
				return
			}
		}
	}
}

func (s *Web) beat(ctx context.Context, e eventWriter, v visit.Visitor) bool {
	_, err := s.Sessions.Still(ctx, v.Session)
	return err == nil && e.write(": still here\n\n") == nil
}

// tell writes an event if the visitor, as they are now, sees something new.
// A fault ends the stream; the browser comes back by itself.
func (s *Web) tell(ctx context.Context, e eventWriter, v visit.Visitor, seen string) (now string, ok bool) {
	user, err := s.Sessions.Still(ctx, v.Session)
	if err != nil {
		return seen, false
	}
	v.Operator = s.Users.Operator(user, v.Session)
	if now, err = s.version(ctx, v); err != nil {
		return seen, false
	}
	if now != seen && e.write("data: "+now+"\n\n") != nil {
		return now, false
	}
	pause := time.NewTimer(eventPause)
	defer pause.Stop()
	select {
	case <-ctx.Done():
	case <-pause.C:
	}
	return now, true
}

func (s *Web) version(ctx context.Context, v visit.Visitor) (string, error) {
	box, err := s.inbox(ctx, deciderOf(v))
	if err != nil {
		return "", fmt.Errorf("read the inbox: %w", err)
	}
	return box.Version(), nil
}

type eventWriter struct {
	w       io.Writer
	control *http.ResponseController
}

func (e eventWriter) write(text string) error {
	// The network's time, not that of what is stored.
	deadline := ostiary.SystemClock{}.Now().Add(eventWrite)
	if err := e.control.SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := io.WriteString(e.w, text); err != nil {
		return err
	}
	return e.control.Flush()
}
