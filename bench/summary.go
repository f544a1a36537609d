package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// row is what the rounds of one target in one scenario come to: the medians
// of the rounds, each.
type row struct {
	scenario scenario
	target   string
	rate     float64 // calls a second
	ratio    float64 // to the reverse proxy in the same round; NaN without one
	p50, p99 time.Duration
	first    time.Duration // until the first byte of the body, the median
	sent     int64         // calls, over all rounds
	upstream int64         // upstream requests, over all rounds
	cpu      float64       // microseconds a call, over all rounds; NaN when unknown
}

// summarize makes the rows, scenario by scenario, targets in the order in
// which they are shown.
func summarize(samples []sample) []row {
	type key struct {
		scenario scenario
		target   string
	}
	grouped := make(map[key][]sample)
	for _, s := range samples {
		k := key{s.scenario, s.target}
		grouped[k] = append(grouped[k], s)
	}
	rows := make([]row, 0, len(grouped))
	for k, own := range grouped {
		rows = append(rows, newRow(own, grouped[key{k.scenario, proxy}]))
	}
	kinds := []asked{aCall, aStream, aList, aRefresh}
	order := []string{direct, proxy, relaxed, strict}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(
			cmp.Compare(slices.Index(kinds, a.scenario.asked), slices.Index(kinds, b.scenario.asked)),
			cmp.Compare(a.scenario.size, b.scenario.size),
			cmp.Compare(a.scenario.connections, b.scenario.connections),
			cmp.Compare(slices.Index(order, a.target), slices.Index(order, b.target)),
		)
	})
	return rows
}

func newRow(own, yardstick []sample) row {
	r := row{scenario: own[0].scenario, target: own[0].target, ratio: math.NaN()}
	r.rate = median(values(own, sample.rate))
	r.p50 = time.Duration(median(values(own, func(s sample) float64 { return float64(s.P50) })))
	r.p99 = time.Duration(median(values(own, func(s sample) float64 { return float64(s.P99) })))
	r.first = time.Duration(median(values(own, func(s sample) float64 { return float64(s.First) })))
	var cpu time.Duration
	for _, s := range own {
		r.sent += s.Sent
		r.upstream += s.upstream
		cpu += s.cpu
	}
	r.cpu = float64(cpu.Nanoseconds()) / 1000 / float64(r.sent)
	if slices.ContainsFunc(own, func(s sample) bool { return s.cpu < 0 }) {
		r.cpu = math.NaN()
	}
	if len(yardstick) > 0 {
		r.ratio = median(ratios(own, yardstick))
	}
	return r
}

// ratios compares rates within each round.
func ratios(own, yardstick []sample) []float64 {
	byRound := make(map[int]float64, len(yardstick))
	for _, s := range yardstick {
		byRound[s.round] = s.rate()
	}
	return values(own, func(s sample) float64 { return s.rate() / byRound[s.round] })
}

// rate is in calls a second.
func (s sample) rate() float64 { return float64(s.Measured) / s.Elapsed.Seconds() }

func values(samples []sample, of func(sample) float64) []float64 {
	list := make([]float64, 0, len(samples))
	for _, s := range samples {
		list = append(list, of(s))
	}
	return list
}

// median of an even number of values is the mean of the two in the middle.
// There must be at least one.
func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}
