package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

var small = scenario{aCall, 64, 16}

func TestTheRatioIsTakenWithinEachRound(t *testing.T) {
	// The machine is ten times slower in the second round. A ratio of
	// medians would say 20/100; each single round says a half.
	samples := []sample{
		measured(proxy, 0, 100), measured(strict, 0, 50),
		measured(proxy, 1, 10), measured(strict, 1, 5),
		measured(proxy, 2, 100), measured(strict, 2, 50),
	}
	rows := summarize(samples)
	if got, want := rows[1].ratio, 0.5; got != want {
		t.Errorf("ratio of %s: got %v, want %v", rows[1].target, got, want)
	}
	if got, want := rows[0].ratio, 1.0; got != want {
		t.Errorf("ratio of %s: got %v, want %v", rows[0].target, got, want)
	}
}

func TestOneBadRoundDoesNotDecide(t *testing.T) {
	rows := summarize([]sample{
		measured(proxy, 0, 100), measured(relaxed, 0, 120),
		measured(proxy, 1, 100), measured(relaxed, 1, 1),
		measured(proxy, 2, 100), measured(relaxed, 2, 130),
	})
	if got, want := rows[1].ratio, 1.2; got != want {
		t.Errorf("ratio: got %v, want %v", got, want)
	}
}

func TestWithoutAReverseProxyThereIsNoRatio(t *testing.T) {
	rows := summarize([]sample{measured(direct, 0, 100)})
	if got := rows[0].ratio; !math.IsNaN(got) {
		t.Errorf("ratio: got %v, want none", got)
	}
	if got, want := ratioText(rows[0].ratio), "–"; got != want {
		t.Errorf("ratio in the table: got %q, want %q", got, want)
	}
}

func TestUnknownCPUTimeIsNotReportedAsNone(t *testing.T) {
	blind := measured(strict, 0, 100)
	blind.cpu = -1
	if got, want := cpuText(summarize([]sample{blind})[0].cpu), "–"; got != want {
		t.Errorf("unknown CPU: got %s, want %s", got, want)
	}
	known := measured(strict, 0, 100)
	known.cpu = 2 * time.Millisecond
	if got, want := cpuText(summarize([]sample{known})[0].cpu), "20 µs"; got != want {
		t.Errorf("CPU a call: got %s, want %s", got, want)
	}
}

func TestASingleRequestTooManyShows(t *testing.T) {
	for upstream, want := range map[int64]string{100_000: "1", 100_001: "1.000010", 99_999: "0.999990"} {
		if got := upstreamText(row{sent: 100_000, upstream: upstream}); got != want {
			t.Errorf("%d requests for 100000 calls: got %s, want %s", upstream, got, want)
		}
	}
}

func TestGoalsAreJudged(t *testing.T) {
	met := []row{good(relaxed, 1.0), good(strict, 0.5)}
	wanted := []goal{{relaxed, 16, 1.0}, {strict, 16, 0.5}}
	if err := judge(met, wanted); err != nil {
		t.Errorf("goals just met: got %v, want no error", err)
	}
	for _, test := range []struct {
		name, want string
		change     func(rows []row) []row
	}{
		{"too slow", "ratio 0.99, want at least 1.00", func(r []row) []row { r[0].ratio = 0.99; return r }},
		{"no ratio", "ratio –", func(r []row) []row { r[1].ratio = math.NaN(); return r }},
		{"not measured", "gateway strict, 16 connections: not measured", func(r []row) []row { return r[:1] }},
		{"other connections", "not measured", func(r []row) []row { r[1].scenario.connections = 1; return r }},
		{"a request too many", "101 upstream requests for 100 calls", func(r []row) []row { r[0].upstream++; return r }},
		{"a request too few", "99 upstream requests for 100 calls", func(r []row) []row { r[0].upstream--; return r }},
	} {
		rows := test.change([]row{good(relaxed, 1.0), good(strict, 0.5)})
		err := judge(rows, wanted)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.name, err, test.want)
		}
	}
}

func TestRowsStandInTheOrderOfTheTable(t *testing.T) {
	rows := summarize([]sample{
		measured(strict, 0, 1), measured(relaxed, 0, 1), measured(proxy, 0, 1), measured(direct, 0, 1),
	})
	for i, want := range []string{direct, proxy, relaxed, strict} {
		if got := rows[i].target; got != want {
			t.Errorf("row %d: got %s, want %s", i, got, want)
		}
	}
}

func measured(target string, round int, rate int64) sample {
	return sample{
		scenario: small, target: target, round: round, upstream: rate,
		outcome: outcome{Sent: rate, Measured: rate, Elapsed: time.Second, P50: 1, P99: 2},
	}
}

func good(target string, ratio float64) row {
	return row{scenario: small, target: target, ratio: ratio, sent: 100, upstream: 100}
}
