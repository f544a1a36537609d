package client

import (
	"strconv"
	"strings"
	"time"
)

// freshFor says for how long an answer may be taken without asking again, by
// its headers (RFC 9111 section 4.2), within bounds of our own.
func freshFor(header func(string) string, now time.Time) time.Duration {
	d, ok := lifetime(header, now)
	if !ok {
		d = usualFresh
	}
	return min(max(d, shortestFresh), longestFresh)
}

func lifetime(header func(string) string, now time.Time) (time.Duration, bool) {
	control := strings.ToLower(header("Cache-Control"))
	for directive := range strings.SplitSeq(control, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache":
			return 0, true
		case "max-age":
			age, _ := seconds(header("Age"))
			d, ok := seconds(strings.Trim(value, `"`))
			if !ok {
				return 0, true // stale, as RFC 9111 section 4.2.1 says of what can't be read
			}
			return d - age, true
		}
	}
	if text := header("Expires"); text != "" {
		at, err := time.Parse(time.RFC1123, text)
		if err != nil {
			return 0, true
		}
		return at.Sub(now), true
	}
	return 0, false
}

// seconds reads a number of seconds, and takes more than a year for a year.
func seconds(text string) (time.Duration, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(min(n, 365*24*3600)) * time.Second, true
}
