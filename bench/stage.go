package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/ostiary/ostiary"
)

// target is one way to the upstream.
type target struct {
	name    string
	url     string // of its MCP endpoint
	tool    string // the tool's name there
	token   ostiary.Secret
	process *process

	password ostiary.Secret // of the person whose agents refresh
	agents   []agent        // that were connected
}

// stage is everything that runs while the bench measures.
type stage struct {
	self     string // this program, for the driver's role
	dir      string
	client   *http.Client // for the upstream's count
	upstream *process
	targets  []target
}

// scenario is what the targets are compared in.
type scenario struct {
	asked       asked
	size        int // of a call's result
	connections int
}

// asked is what a connection asks for, again and again.
type asked string

const (
	aCall   asked = "call"
	aStream asked = "stream" // a call that is answered with a stream: notices, then a small result
	aList   asked = "list"   // of tools
	// A refresh is durable, whatever the log does, and no other target has any.
	aRefresh asked = "refresh"
)

// scenarios are what the options ask for, in the order of the table.
func (o options) scenarios() []scenario {
	var all []scenario
	for _, size := range o.sizes {
		for _, n := range o.connections {
			all = append(all, scenario{aCall, size, n})
		}
	}
	for _, what := range o.also {
		if what == aRefresh {
			all = append(all, scenario{what, 0, refreshers})
			continue
		}
		for _, n := range o.connections {
			all = append(all, scenario{what, smallest, n})
		}
	}
	return all
}

// sample is one measurement of one target.
type sample struct {
	scenario scenario
	target   string
	round    int
	outcome
	upstream int64         // requests that reached the upstream
	cpu      time.Duration // of the target's process; below zero: unknown
}

// build starts the upstream and every target that the options name. On an
// error nothing is left running.
func build(ctx context.Context, dir string, opts options) (_ *stage, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	s := &stage{self: self, dir: dir, client: &http.Client{Timeout: patience}}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if s.upstream, err = start(ctx, dir, "upstream", self, "upstream"); err != nil {
		return nil, err
	}
	for _, name := range opts.targets {
		t, err := s.open(ctx, name, &opts)
		if err != nil {
			return nil, err
		}
		t.name = name
		s.targets = append(s.targets, t)
	}
	return s, nil
}

// open starts one target. The gateway's binary is built at most once: its
// path is remembered in the options.
func (s *stage) open(ctx context.Context, name string, opts *options) (target, error) {
	switch name {
	case direct:
		return target{url: s.upstream.url + "/mcp", tool: tool, process: s.upstream}, nil
	case proxy:
		p, err := start(ctx, s.dir, "proxy", s.self, "proxy", s.upstream.url)
		if err != nil {
			return target{}, err
		}
		return target{url: p.url + "/mcp", tool: tool, process: p}, nil
	}
	if opts.ostiary == "" {
		binary, err := buildGateway(ctx, s.dir)
		if err != nil {
			return target{}, err
		}
		opts.ostiary = binary
	}
	durability := map[string]string{relaxed: "relaxed", strict: "strict"}[name]
	return startGateway(ctx, s.dir, opts.ostiary, durability, s.upstream.url, opts.rules)
}

// stop stops what build started, the upstream last.
func (s *stage) stop() {
	for _, t := range s.targets {
		if t.process != s.upstream {
			t.process.stop()
		}
	}
	s.client.CloseIdleConnections()
	if s.upstream != nil {
		s.upstream.stop()
	}
}

// measure measures every target in every round of every scenario. Who goes
// first changes from round to round.
func (s *stage) measure(ctx context.Context, opts options) ([]sample, error) {
	var samples []sample
	for _, sc := range opts.scenarios() {
		for round := range opts.rounds {
			for i := range s.targets {
				t := &s.targets[(round+i)%len(s.targets)]
				if !sc.concerns(t.name) {
					continue
				}
				taken, err := s.take(ctx, t, sc, opts.duration)
				if err != nil {
					return nil, fmt.Errorf("%s, %s, %d connections: %w", t.name, sc.text(), sc.connections, err)
				}
				taken.round = round
				samples = append(samples, taken)
			}
		}
	}
	return samples, nil
}

// take measures one target once, in a driver process of its own.
func (s *stage) take(ctx context.Context, t *target, sc scenario, length time.Duration) (sample, error) {
	taken := sample{scenario: sc, target: t.name, cpu: -1}
	requests, err := s.requests(ctx)
	if err != nil {
		return sample{}, err
	}
	asked, err := t.job(ctx, sc, length)
	if err != nil {
		return sample{}, err
	}
	before, known := t.process.cpu()
	taken.outcome, err = s.drive(ctx, asked)
	if err != nil {
		return sample{}, err
	}
	t.agents = taken.Agents
	if after, ok := t.process.cpu(); ok && known {
		taken.cpu = after - before
	}
	now, err := s.requests(ctx)
	taken.upstream = now - requests
	return taken, err
}

// concerns says whether a target is measured in the scenario.
func (s scenario) concerns(target string) bool { return s.asked != aRefresh || target == strict }

func (t *target) job(ctx context.Context, sc scenario, length time.Duration) (job, error) {
	j := job{
		URL: t.url, Token: t.token.Reveal(), Tool: t.tool, Asked: sc.asked,
		Size: sc.size, Connections: sc.connections, Duration: length,
	}
	if sc.asked != aRefresh {
		return j, nil
	}
	if err := t.connectAgents(ctx, sc.connections); err != nil {
		return job{}, fmt.Errorf("connect agents: %w", err)
	}
	j.URL, j.Agents = t.process.url+"/oauth/token", t.agents
	return j, nil
}

// connectAgents connects so many, unless it was done.
func (t *target) connectAgents(ctx context.Context, n int) error {
	if len(t.agents) == n {
		return nil
	}
	p, err := signIn(ctx, t.process.url, subject, t.password.Reveal())
	if err != nil {
		return err
	}
	client, err := p.register(ctx)
	if err != nil {
		return err
	}
	t.agents = nil
	for range n {
		a, err := p.connect(ctx, client)
		if err != nil {
			return err
		}
		t.agents = append(t.agents, a)
	}
	return nil
}

func (s *stage) drive(ctx context.Context, j job) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, j.Duration+2*patience)
	defer cancel()
	in, err := json.Marshal(j)
	if err != nil {
		return outcome{}, fmt.Errorf("write the job: %w", err)
	}
	var out, problem bytes.Buffer
	cmd := exec.CommandContext(ctx, s.self, "driver")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &problem
	if err := cmd.Run(); err != nil {
		return outcome{}, fmt.Errorf("drive: %w\n%.*s", err, logTail, problem.String())
	}
	var done outcome
	if err := json.Unmarshal(out.Bytes(), &done); err != nil {
		return outcome{}, fmt.Errorf("read the driver's outcome: %w", err)
	}
	return done, nil
}

// requests returns how many requests have reached the upstream so far.
func (s *stage) requests(ctx context.Context) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.upstream.url+"/requests", nil)
	if err != nil {
		return 0, fmt.Errorf("ask the upstream for its count: %w", err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask the upstream for its count: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 32))
	if err != nil {
		return 0, fmt.Errorf("read the upstream's count: %w", err)
	}
	return strconv.ParseInt(string(text), 10, 64)
}
