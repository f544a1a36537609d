package config

import (
	"regexp"
	"strings"

	"github.com/ostiary/ostiary/internal/glob"
)

// checkWider refuses entry i where it takes a protection away from a narrower
// entry before it: whoever writes `crm:*` last seldom means `crm:delete_*` too.
func (c *Config) checkWider(r *report, i int) {
	later := c.Tools[i]
	for j, earlier := range c.Tools[:i] {
		if !wider(later.Match, earlier.Match) {
			continue
		}
		for _, group := range replaced(earlier, later) {
			r.refuse(under(index("tools", i), group), "replaces that of the narrower %s (%q, line %d): put the wider entry first",
				index("tools", j), earlier.Match, r.line(index("tools", j)))
		}
	}
}

// replaced names the protecting groups that both entries have.
func replaced(earlier, later ToolRule) []string {
	var groups []string
	if earlier.Approval != nil && later.Approval != nil {
		groups = append(groups, "approval")
	}
	if earlier.Site != nil && later.Site != nil {
		groups = append(groups, "site")
	}
	if earlier.Authorization != nil && later.Authorization != nil {
		groups = append(groups, "authorization")
	}
	return groups
}

// wider reports whether a matches every tool that b matches, and more.
func wider(a, b glob.Glob) bool {
	a, b = ofTools(a), ofTools(b)
	return a.Covers(b) && !b.Covers(a)
}

var manyStars = regexp.MustCompile(`\*+`)

// ofTools says in the pattern what is true of every canonical id: neither app nor
// tool is empty. Else `*:?*` would not cover `crm:*`.
func ofTools(g glob.Glob) glob.Glob {
	text := manyStars.ReplaceAllString(g.String(), "*")
	if rest, ok := strings.CutSuffix(text, ":*"); ok {
		text = rest + ":?*"
	}
	if rest, ok := strings.CutPrefix(text, "*:"); ok {
		text = "?*:" + rest
	}
	if text == "*" {
		text = "?*:?*"
	}
	return glob.Glob(text)
}
