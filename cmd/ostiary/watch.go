package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/approval"
)

// approvalWatch shows requests as they come and takes answers, line by line,
// so that it works in every terminal, over ssh, and from a script.
type approvalWatch struct {
	remote
	Every time.Duration `default:"1s" help:"How often to look."`
}

const howToAnswer = `Watching. Answer a request by its number: 2 y [approval scope] [duration] | 2 n [reason] | 2 block [reason] | 2 s(how).
The number may be left out while one request waits and none came or went since your last line. q(uit) ends.`

func (c approvalWatch) Run(p *program) error {
	g, err := c.gateway(p)
	if err != nil {
		return err
	}
	w := newWatcher(p, g)
	p.say(howToAnswer)
	if err := w.look(p.ctx); err != nil {
		return err
	}
	lines := w.lines(p.stdin)
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
			if !ok || line.err != nil || strings.TrimSpace(line.text) == "q" {
				return line.err
			}
			w.obey(p.ctx, line)
		}
	}
}

// A typed line is what somebody entered, and the number of the one request
// that they had before them when they did; zero: none, or more.
type typed struct {
	text string
	lone int
	err  error // of reading; then there is no text
}

// A watcher shows requests under numbers and takes answers to them.
//
// Somebody answers what they see, and what they see changes while they type.
// So an answer has the number of its request, which is never given to
// another. A bare one is taken only where it can mean one request, whenever
// the typing began: one that waits and was the only one since the last line.
type watcher struct {
	p       *program
	g       *client
	numbers map[string]int // of all requests shown, by their ids
	waiting []approval.Request
	since   map[int]bool // what waited at any time since the last line
	lone    atomic.Int64 // the one number in since; zero: none, or more
	serious *serious     // is to be confirmed by the next line
}

func newWatcher(p *program, g *client) *watcher {
	return &watcher{p: p, g: g, numbers: map[string]int{}, since: map[int]bool{}}
}

// A serious yes is one that has still to be confirmed.
type serious struct {
	request approval.Request
	answer  answer
}

// lines reads input until it ends or the program stops.
func (w *watcher) lines(in io.Reader) <-chan typed {
	lines := make(chan typed)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(in)
		for s.Scan() {
			select {
			case lines <- typed{text: s.Text(), lone: int(w.lone.Load())}:
			case <-w.p.ctx.Done():
				return
			}
		}
		if err := s.Err(); err != nil {
			select {
			case lines <- typed{err: fmt.Errorf("read standard input: %w", err)}:
			case <-w.p.ctx.Done():
			}
		}
	}()
	return lines
}

// look shows what came, and says what is over.
func (w *watcher) look(ctx context.Context) error {
	requests, err := list[approval.Request](ctx, w.g, "/approvals", url.Values{"status": {string(approval.Pending)}})
	if err != nil {
		return err
	}
	for _, r := range w.waiting {
		if !slices.ContainsFunc(requests, func(now approval.Request) bool { return now.ID == r.ID }) {
			w.p.say("#%d %s waits no longer: it has run out, or was answered elsewhere", w.numbers[r.ID], visible(r.ID))
		}
	}
	w.waiting = requests
	for _, r := range slices.Backward(requests) { // oldest first
		if w.numbers[r.ID] == 0 {
			w.numbers[r.ID] = len(w.numbers) + 1
			if err := w.show(r); err != nil {
				return err
			}
		}
	}
	w.note()
	return nil
}

func (w *watcher) show(r approval.Request) error {
	return w.p.show(fmt.Sprintf("#%d ", w.numbers[r.ID]), r)
}

// note takes in what waits now.
func (w *watcher) note() {
	for _, r := range w.waiting {
		w.since[w.numbers[r.ID]] = true
	}
	lone := 0
	if len(w.since) == 1 {
		for n := range w.since {
			lone = n
		}
	}
	w.lone.Store(int64(lone))
}

// obey does what one line says; what it can't do it says.
func (w *watcher) obey(ctx context.Context, line typed) {
	if err := w.do(ctx, line); err != nil {
		w.p.warn("ostiary: %v", err)
	}
	clear(w.since)
	w.note()
}

func (w *watcher) do(ctx context.Context, line typed) error {
	words := strings.Fields(line.text)
	if s := w.serious; s != nil {
		w.serious = nil
		if len(words) == 1 && words[0] == "yes" {
			return w.decide(ctx, s.request, s.answer)
		}
		w.p.say("#%d was not approved.", w.numbers[s.request.ID])
		return nil
	}
	if len(words) == 0 {
		return nil
	}
	r, words, err := w.pick(words, line.lone)
	if err != nil {
		return err
	}
	if len(words) == 0 || words[0] == "s" {
		return w.show(r)
	}
	a, err := parseAnswer(words)
	if err != nil {
		return err
	}
	if a.Decision == approval.Approve && r.Risk.Serious() {
		w.serious = &serious{r, a}
		w.p.say("#%d is of %s risk: %s for %s. Type yes to approve it; anything else leaves it.", w.numbers[r.ID], visible(string(r.Risk)), visible(string(r.Tool)), visible(string(r.Subject)))
		return nil
	}
	return w.decide(ctx, r, a)
}

func (w *watcher) decide(ctx context.Context, r approval.Request, a answer) error {
	after, err := w.g.decide(ctx, r.ID, a)
	if err != nil {
		return fmt.Errorf("#%d: %w", w.numbers[r.ID], err)
	}
	w.p.say("#%d %s: %s", w.numbers[r.ID], visible(after.ID), visible(string(after.Status)))
	if after.Status != approval.Pending { // else it waits for others, too
		w.waiting = slices.DeleteFunc(w.waiting, func(r approval.Request) bool { return r.ID == after.ID })
	}
	return nil
}

// pick takes the request that the first word names, by number or id, or the
// only one that a bare answer can mean.
func (w *watcher) pick(words []string, lone int) (approval.Request, []string, error) {
	number, err := strconv.Atoi(strings.TrimPrefix(words[0], "#"))
	named := err == nil || strings.HasPrefix(words[0], "req_")
	for _, r := range w.waiting {
		if n := w.numbers[r.ID]; r.ID == words[0] || n == number {
			return r, words[1:], nil
		}
	}
	switch {
	case named:
		return approval.Request{}, nil, fmt.Errorf("no request %s waits", words[0])
	case len(w.waiting) == 0:
		return approval.Request{}, nil, errors.New("nothing waits")
	case len(w.waiting) > 1:
		return approval.Request{}, nil, fmt.Errorf("%d requests wait: put the number of yours in front", len(w.waiting))
	}
	r := w.waiting[0]
	if n := w.numbers[r.ID]; lone != n || len(w.since) != 1 {
		return approval.Request{}, nil, fmt.Errorf("requests came or went while you typed: is it #%d that you mean? Then put the number in front", n)
	}
	return r, words, nil
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
			if a.TTL, err = seconds(ttl); err != nil {
				return answer{}, err
			}
			continue
		}
		if !approval.Scope(word).Known() {
			return answer{}, fmt.Errorf("%q is no approval scope (once, session, user, time_limited) and no duration (like 10m)", word)
		}
		a.Scope = word
	}
	if a.TTL > 0 && a.Scope == "" {
		a.Scope = string(approval.TimeLimited)
	}
	return a, nil
}

// seconds is how the API counts a duration.
func seconds(d time.Duration) (int64, error) {
	if d < time.Second {
		return 0, fmt.Errorf("%s is too short: a yes lives at least a second", d)
	}
	return int64(d / time.Second), nil
}
