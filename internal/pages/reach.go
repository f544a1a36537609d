package pages

import (
	"slices"
	"time"
)

// An Option is one approval scope on offer.
type Option struct {
	Scope   string
	Label   string
	Checked bool
	Timed   bool
	// Saves is what choosing it saves; SavesAny the same for any agent of
	// the subject, nil where that makes no difference.
	Saves    Sentence
	SavesAny Sentence
}

// Options are the approval scopes on offer, the default one checked.
func (a Approval) Options() []Option {
	options := make([]Option, 0, len(a.Scopes))
	for _, scope := range a.Scopes {
		if label, known := scopeLabels[scope]; known {
			options = append(options, a.option(scope, label))
		}
	}
	return options
}

var scopeLabels = map[string]string{
	scopeOnce:        "this call only",
	scopeSession:     "this session",
	scopeTimeLimited: "a while",
	scopeUser:        "always",
}

func (a Approval) option(scope, label string) Option {
	o := Option{
		Scope: scope, Label: label,
		Checked: scope == a.chosen(),
		Timed:   scope == scopeTimeLimited,
		Saves:   a.Request.permission(scope, 0, a.ClientUnvouched).yes(),
	}
	if a.wide(scope) && !a.ClientUnvouched {
		o.SavesAny = a.Request.permission(scope, 0, true).yes()
	}
	return o
}

// chosen is the scope that is checked: the earlier choice, the default, or
// the narrowest on offer.
func (a Approval) chosen() string {
	for _, scope := range []string{a.Choice.Scope, a.DefaultScope} {
		if slices.Contains(a.Scopes, scope) {
			return scope
		}
	}
	if len(a.Scopes) == 0 {
		return ""
	}
	return a.Scopes[0]
}

func (Approval) wide(scope string) bool { return scope == scopeTimeLimited || scope == scopeUser }

// Wide says whether a scope beyond the session is on offer, so that it
// matters through which client.
func (a Approval) Wide() bool { return slices.ContainsFunc(a.Scopes, a.wide) }

// suggestFrom is how many equal yeses in a week make the page suggest one
// that spares the next.
const suggestFrom = 5

// Suggestion is the wide yes that would have spared the last ones; nil where
// there were few, or none is on offer.
func (a Approval) Suggestion() *Option {
	if a.Equals < suggestFrom {
		return nil
	}
	for _, scope := range []string{scopeUser, scopeTimeLimited} {
		if slices.Contains(a.Scopes, scope) {
			o := a.option(scope, scopeLabels[scope])
			return &o
		}
	}
	return nil
}

// Chosen is the yes that is about to be confirmed.
func (a Approval) Chosen() Sentence {
	return a.Request.permission(a.Choice.Scope, a.Choice.TTL, a.Choice.AnyClient).yes()
}

// Block is what deny and block saves.
func (a Approval) Block() Sentence { return a.Request.permission("", 0, false).no(true) }

// A TTL is one choice of time.
type TTL struct {
	Duration time.Duration
	Checked  bool
}

var usualTTLs = []time.Duration{
	15 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour,
	7 * 24 * time.Hour, 30 * 24 * time.Hour, 90 * 24 * time.Hour, 365 * 24 * time.Hour,
}

// TTLs are the times on offer for a time-limited yes, the longest allowed one
// last. The shortest is checked when none was chosen.
func (a Approval) TTLs() []TTL { return offer(a.MaxTTL, a.Choice.TTL) }

// offer lists the usual times up to a limit, and the limit itself.
func offer(limit, chosen time.Duration) []TTL {
	var all []TTL
	for _, d := range usualTTLs {
		if d < limit {
			all = append(all, TTL{d, d == chosen})
		}
	}
	if limit > 0 {
		all = append(all, TTL{limit, limit == chosen})
	}
	return all
}
