package main

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary/approval"
)

// approvalWatch shows requests as they come and takes answers, line by line,
// so that it works in every terminal, over ssh, and from a script.
type approvalWatch struct {
	remote
	Every time.Duration `default:"1s" help:"How often to look."`
}

func (c approvalWatch) Run(p *program) error {
	g, err := c.gateway(p)
	if err != nil {
		return err
	}
	w := &watcher{p: p, g: g, seen: map[string]bool{}}
	if err := w.look(p.ctx); err != nil {
		return err
	}
	p.say("Watching. Answer with: y [scope] [duration] | n [reason] | block [reason] | s(how) | q(uit), for the newest, or with its id in front.")
	lines := p.lines()
	tick := time.NewTicker(max(c.Every, 100*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return nil
		case <-tick.C:
			if err := w.look(p.ctx); err != nil && p.ctx.Err() == nil {
				return err
			}
		case line, ok := <-lines:
			if !ok || strings.TrimSpace(line) == "q" {
				return nil
			}
			w.obey(p.ctx, strings.Fields(line))
		}
	}
}

// lines reads input until it ends or the program stops.
func (p *program) lines() <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(p.stdin)
		for s.Scan() {
			select {
			case lines <- s.Text():
			case <-p.ctx.Done():
				return
			}
		}
	}()
	return lines
}

type watcher struct {
	p       *program
	g       *client
	seen    map[string]bool
	waiting []approval.Request // newest first
}

func (w *watcher) look(ctx context.Context) error {
	requests, err := list[approval.Request](ctx, w.g, "/approvals", url.Values{"status": {string(approval.Pending)}})
	if err != nil {
		return err
	}
	w.waiting = requests
	for i := len(requests) - 1; i >= 0; i-- {
		if r := requests[i]; !w.seen[r.ID] {
			w.seen[r.ID] = true
			if err := w.p.show(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// obey does what one line says; what it can't do it says.
func (w *watcher) obey(ctx context.Context, words []string) {
	if len(words) == 0 {
		return
	}
	r, words, ok := w.pick(words)
	if !ok || len(words) == 0 {
		fmt.Fprintln(w.p.stderr, "nothing of that name waits")
		return
	}
	if words[0] == "s" {
		if err := w.p.show(r); err != nil {
			fmt.Fprintln(w.p.stderr, "ostiary:", err)
		}
		return
	}
	a, err := parseAnswer(words)
	if err == nil {
		r, err = w.g.decide(ctx, r.ID, a)
	}
	if err != nil {
		fmt.Fprintln(w.p.stderr, "ostiary:", err)
		return
	}
	w.p.say("%s: %s", r.ID, r.Status)
}

// pick takes the request that the first word names, or the newest.
func (w *watcher) pick(words []string) (approval.Request, []string, bool) {
	for _, r := range w.waiting {
		if r.ID == words[0] {
			return r, words[1:], true
		}
	}
	if strings.HasPrefix(words[0], "req_") || len(w.waiting) == 0 {
		return approval.Request{}, nil, false
	}
	return w.waiting[0], words, true
}

func parseAnswer(words []string) (answer, error) {
	rest := strings.Join(words[1:], " ")
	switch words[0] {
	case "n":
		return answer{Decision: approval.Deny, Reason: rest}, nil
	case "block":
		return answer{Decision: approval.Block, Reason: rest}, nil
	case "y":
	default:
		return answer{}, fmt.Errorf("%q is no answer: y, n, block, s or q", words[0])
	}
	a := answer{Decision: approval.Approve}
	for _, word := range words[1:] {
		if ttl, err := time.ParseDuration(word); err == nil {
			a.TTL, a.Scope = int64(ttl/time.Second), string(approval.TimeLimited)
			continue
		}
		if !approval.Scope(word).Known() {
			return answer{}, fmt.Errorf("%q is no approval scope (once, session, user, time_limited) and no duration (like 10m)", word)
		}
		a.Scope = word
	}
	return a, nil
}
