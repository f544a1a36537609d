package pages

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A moment is a time as people tell it, from now.
type moment struct {
	ISO   string // for machines
	Exact string // 3 May 2026, 14:05 UTC
	Words string // 5 minutes ago, in 2 hours
}

func newMoment(now, t time.Time) moment {
	t = t.UTC()
	return moment{
		ISO:   t.Format(time.RFC3339),
		Exact: t.Format("2 January 2006, 15:04 UTC"),
		Words: relative(now, t),
	}
}

func relative(now, t time.Time) string {
	switch d := t.Sub(now); {
	case d >= time.Minute:
		return "in " + rough(d+d/1000) // what was chosen a moment ago is told as it was chosen
	case d > 0:
		return "in less than a minute"
	case d > -time.Minute:
		return "just now"
	default:
		return rough(-d) + " ago"
	}
}

var units = []struct {
	name string
	span time.Duration
}{
	{"day", 24 * time.Hour},
	{"hour", time.Hour},
	{"minute", time.Minute},
	{"second", time.Second},
}

// rough tells a span by its largest unit, rounded down.
func rough(d time.Duration) string {
	for _, u := range units {
		if d >= u.span {
			return plural(int(d/u.span), u.name)
		}
	}
	return "less than a second"
}

// duration tells a span exactly, to the second: 1 hour 30 minutes.
func duration(d time.Duration) string {
	var parts []string
	for _, u := range units {
		if n := int(d / u.span); n > 0 {
			parts = append(parts, plural(n, u.name))
			d -= time.Duration(n) * u.span
		}
	}
	if len(parts) == 0 {
		return "no time"
	}
	return strings.Join(parts, " ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", number(n), noun)
}

// number writes thousands apart: 102,400.
func number(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
