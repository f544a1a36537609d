package main

import (
	"errors"
	"fmt"
)

// goal is the least ratio to the reverse proxy, for calls with results up to
// goalSize.
type goal struct {
	target      string
	connections int
	ratio       float64
}

var goals = []goal{
	{relaxed, 16, 1.0},
	{relaxed, 64, 1.0},
	{strict, 16, 0.5},
	{strict, 64, 0.5},
}

// goalSize is up to which size of a result, in bytes, the goals hold.
const goalSize = 4 << 10

const (
	refreshers   = 32   // callers that refresh at the same time
	refreshesMin = 2000 // a second, by all of them
)

// judge returns an error that names every goal that was missed. A goal that
// was not measured is missed. Whatever the target, each call must have made
// exactly one upstream request.
func judge(rows []row, goals []goal) error {
	var missed []error
	for _, g := range goals {
		missed = append(missed, g.judge(rows))
	}
	for _, r := range rows {
		if r.scenario.asked == aRefresh {
			missed = append(missed, judgeRefreshes(r))
			continue
		}
		if r.scenario.asked != aList && r.upstream != r.sent { // the gateway has read the lists
			missed = append(missed, fmt.Errorf("%s, %s, %d connections: %d upstream requests for %d calls, want as many",
				r.target, r.scenario.text(), r.scenario.connections, r.upstream, r.sent))
		}
	}
	return errors.Join(missed...)
}

// judgeRefreshes holds the rate against its goal: nothing else does what a
// refresh does, so there is no ratio.
func judgeRefreshes(r row) error {
	if r.rate >= refreshesMin {
		return nil
	}
	return fmt.Errorf("%s, %s, %d callers: %.0f a second, want at least %d", r.target, r.scenario.text(), r.scenario.connections, r.rate, refreshesMin)
}

func (g goal) judge(rows []row) error {
	measured := false
	var missed []error
	for _, r := range rows {
		if r.target != g.target || r.scenario.connections != g.connections || r.scenario.asked != aCall || r.scenario.size > goalSize {
			continue
		}
		measured = true
		// Written so that a ratio that is not a number misses, too.
		if !(r.ratio >= g.ratio) {
			missed = append(missed, fmt.Errorf("%s, %s, %d connections: ratio %s, want at least %.2f",
				g.target, bytesText(r.scenario.size), g.connections, ratioText(r.ratio), g.ratio))
		}
	}
	if !measured {
		return fmt.Errorf("%s, %d connections: not measured", g.target, g.connections)
	}
	return errors.Join(missed...)
}
