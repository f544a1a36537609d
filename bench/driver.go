package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
)

const (
	maxConnections = 256

	// warmUp is how many calls a connection makes before it is measured, and
	// how many bytes of results it gets at most; two calls at least.
	warmUp      = 50
	warmUpBytes = 4 << 20
	// maxCalls bounds what one connection makes in one measurement.
	maxCalls = 1_000_000
	// patience is how long a measurement may take beyond its duration.
	patience = 30 * time.Second
)

// job is one measurement, as the driver reads it from standard input.
type job struct {
	URL         string
	Token       string // in the clear: a pipe between two of our processes
	Tool        string
	Asked       asked
	Size        int
	Agents      []agent // of refreshes, one a connection
	Connections int
	Duration    time.Duration
}

// outcome is what the driver writes to standard output.
type outcome struct {
	Sent     int64 // calls sent, those of the warm-up included
	Measured int64
	Elapsed  time.Duration // of the measured ones
	P50, P99 time.Duration
	First    time.Duration // until the first byte of a body, the median
	Agents   []agent       // of the job, with the refresh tokens that they have now
}

func runDriver(ctx context.Context, _ []string) error {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	done, err := drive(ctx, j, ostiary.SystemClock{})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(done)
}

// drive keeps as many connections busy as the job says, each with one call
// at a time. A single wrong answer fails the whole measurement.
func drive(ctx context.Context, j job, clock ostiary.Clock) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, j.Duration+patience)
	defer cancel()
	connections, err := dial(ctx, j, clock)
	defer closeAll(connections)
	if err != nil {
		return outcome{}, err
	}
	if err := each(connections, (*connection).warmUp); err != nil {
		return outcome{}, fmt.Errorf("warm up: %w", err)
	}
	start := clock.Now()
	end := start.Add(j.Duration)
	if err := each(connections, func(c *connection) error { return c.measure(end) }); err != nil {
		return outcome{}, fmt.Errorf("measure: %w", err)
	}
	done := sum(connections, clock.Now().Sub(start))
	done.Agents = agents(j, connections)
	return done, nil
}

func dial(ctx context.Context, j job, clock ostiary.Clock) ([]*connection, error) {
	target, err := url.Parse(j.URL)
	if err != nil {
		return nil, fmt.Errorf("read the target's URL: %w", err)
	}
	var connections []*connection
	for i := range j.Connections {
		asking, err := j.request(ctx, i)
		if err != nil {
			return connections, err
		}
		c, err := connect(ctx, j, target.Host, asking, clock)
		if err != nil {
			return connections, err
		}
		connections = append(connections, c)
	}
	return connections, nil
}

// request is what the connection of a number asks for.
func (j job) request(ctx context.Context, n int) (request, error) {
	if j.Asked == aRefresh {
		return newRefresh(ctx, j.URL, j.Agents[n])
	}
	return newCall(ctx, j)
}

func closeAll(connections []*connection) {
	for _, c := range connections {
		c.close()
	}
}

// each runs do for all connections at the same time.
func each(connections []*connection, do func(*connection) error) error {
	problems := make([]error, len(connections))
	var group sync.WaitGroup
	for i, c := range connections {
		group.Go(func() { problems[i] = do(c) })
	}
	group.Wait()
	return errors.Join(problems...)
}

func sum(connections []*connection, elapsed time.Duration) outcome {
	var latencies, firsts []time.Duration
	total := outcome{Elapsed: elapsed}
	for _, c := range connections {
		total.Sent += c.sent
		latencies = append(latencies, c.latencies...)
		firsts = append(firsts, c.firsts...)
	}
	slices.Sort(latencies)
	slices.Sort(firsts)
	total.First = percentile(firsts, 50)
	total.Measured = int64(len(latencies))
	total.P50 = percentile(latencies, 50)
	total.P99 = percentile(latencies, 99)
	return total
}

// agents are those of a job after it was done.
func agents(j job, connections []*connection) []agent {
	now := make([]agent, 0, len(j.Agents))
	for i, a := range j.Agents {
		now = append(now, agent{a.Client, connections[i].asking.(*refresh).token.Reveal()})
	}
	return now
}

// percentile is the smallest value that p percent of the sorted ones do not
// exceed, zero of none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*p+99)/100-1]
}
