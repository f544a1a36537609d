package stdio

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/internal/upstream"
)

type transport struct {
	spec  upstream.Spec
	tools upstream.Tools
	watch *Watchdog
}

// Open returns the upstream.Opener of this transport. w watches over all
// children; nil: nobody does.
func Open(w *Watchdog) upstream.Opener {
	return func(spec upstream.Spec, tools upstream.Tools) (upstream.Transport, error) {
		if len(spec.Command) == 0 || spec.Command[0] == "" {
			return nil, errors.New("no command")
		}
		return &transport{spec: spec, tools: tools, watch: w}, nil
	}
}

// Dial starts a child. It does not wait for the child to say anything.
func (t *transport) Dial(_ context.Context, receive upstream.Receiver) (upstream.Link, error) {
	p, err := start(t.spec.Command, t.spec.Env, t.watch)
	if err != nil {
		return nil, err
	}
	t.tools.Logger.Debug("started a child", "pid", p.cmd.Process.Pid)
	return newLink(t, p, receive), nil
}

// Costly is true: a link is a process.
func (t *transport) Costly() bool { return true }

func (t *transport) Close() error { return nil }
