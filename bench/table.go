package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const preface = `# Performance

A tool call through the gateway, next to the same call through a bare
` + "`httputil.ReverseProxy`" + ` that checks nothing, and next to no proxy at all.
Made by ` + "`go run ./bench`" + `; ratios are comparable between machines, the other
figures are not.

`

// render makes the Markdown page.
func render(about facts, rows []row) string {
	var page strings.Builder
	page.WriteString(preface)
	fmt.Fprintf(&page, "%s · %s · %d cores · %s · a durable write of 4 KiB takes %s\n\n",
		about.date.Format(time.DateOnly), about.system, about.cores, about.version, micros(about.sync))
	fmt.Fprintf(&page, "Medians of %d rounds of %s; %d tool rules; protocol version 2026-07-28; "+
		"all processes on this one machine.\n\n", about.rounds, about.duration, about.rules)
	page.WriteString("| result | connections | through | ratio | calls/s | p50 | p99 | first byte | upstream requests a call | CPU a call |\n")
	page.WriteString("|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		fmt.Fprintf(&page, "| %s | %d | %s | %s | %.0f | %s | %s | %s | %s | %s |\n",
			r.scenario.text(), r.scenario.connections, r.target, ratioText(r.ratio), r.rate,
			micros(r.p50), micros(r.p99), micros(r.first), upstreamText(r), cpuText(r.cpu))
	}
	page.WriteString("\nFirst byte is the time until the first byte of the answer's body. CPU a call is that of the process called, the upstream's own where the call is direct. A refresh takes up a session's refresh token and gives the next, durably; so many callers, each with a session of their own.\n")
	return page.String()
}

// text names what was asked for.
func (s scenario) text() string {
	switch s.asked {
	case aStream:
		return fmt.Sprintf("stream of %d notices", notices)
	case aList:
		return fmt.Sprintf("list of %d tools", listed+1)
	case aRefresh:
		return "refresh of a session"
	default:
		return bytesText(s.size)
	}
}

func bytesText(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.Itoa(n>>20) + " MB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.Itoa(n>>10) + " KB"
	}
	return strconv.Itoa(n) + " B"
}

func ratioText(ratio float64) string {
	if math.IsNaN(ratio) {
		return "–"
	}
	return fmt.Sprintf("%.2f", ratio)
}

func micros(d time.Duration) string {
	return fmt.Sprintf("%.0f µs", float64(d)/float64(time.Microsecond))
}

// upstreamText is exact where it matters: 1 is written only when there was
// one upstream request a call, over all calls.
func upstreamText(r row) string {
	if r.upstream == r.sent {
		return "1"
	}
	return fmt.Sprintf("%.6f", float64(r.upstream)/float64(r.sent))
}

func cpuText(cpu float64) string {
	if math.IsNaN(cpu) {
		return "–"
	}
	return fmt.Sprintf("%.0f µs", cpu)
}
