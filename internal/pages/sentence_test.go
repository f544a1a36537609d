package pages

import (
	"encoding/json"
	"testing"
	"time"
)

func jsonString(s string) (string, error) {
	raw, err := json.Marshal(s)
	return string(raw), err
}

func TestEachApprovalScopeHasItsSentence(t *testing.T) {
	p := permission{Subject: "alice", Client: "Claude Code", Tool: "delete_contact", App: "CRM", Site: "site-A"}
	for _, c := range []struct {
		name   string
		change func(*permission)
		want   string
	}{
		{"once", func(p *permission) { p.Scope = "once" }, "“alice” may use “delete_contact” in “CRM”, “site-A”, once, with exactly these arguments, through this session of “Claude Code”."},
		{"session", func(p *permission) { p.Scope = "session" }, "“alice” may use “delete_contact” in “CRM”, “site-A”, through this session of “Claude Code” until it ends."},
		{"no site", func(p *permission) { p.Scope, p.Site = "session", "" }, "“alice” may use “delete_contact” in “CRM” through this session of “Claude Code” until it ends."},
		{"for a time", func(p *permission) { p.Scope, p.TTL = "time_limited", 90*time.Minute }, "“alice” may use “delete_contact” in “CRM”, “site-A”, through “Claude Code” for 1 hour 30 minutes."},
		{"time not chosen", func(p *permission) { p.Scope = "time_limited" }, "“alice” may use “delete_contact” in “CRM”, “site-A”, through “Claude Code” for the time chosen."},
		{"always", func(p *permission) { p.Scope = "user" }, "“alice” may use “delete_contact” in “CRM”, “site-A”, through “Claude Code” until somebody takes it back."},
		{"any client", func(p *permission) { p.Scope, p.Client = "user", "" }, "“alice” may use “delete_contact” in “CRM”, “site-A”, through any of their agents until somebody takes it back."},
		{"unknown", func(p *permission) { p.Scope = "everything" }, "Nothing: this is no approval scope."},
		{"none", func(*permission) {}, "Nothing: this is no approval scope."},
	} {
		q := p
		c.change(&q)
		if got := q.yes().String(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestADenialSaysHowFarItReaches(t *testing.T) {
	p := permission{Subject: "alice", Client: "Cursor", Tool: "add_note", App: "Notes"}
	for block, want := range map[bool]string{
		false: "“alice” may not use “add_note” in “Notes” with these arguments through this session of “Cursor”.",
		true:  "“alice” may not use “add_note” in “Notes” through any agent, whatever the arguments, until somebody lifts it.",
	} {
		if got := p.no(block).String(); got != want {
			t.Errorf("block %t: got %s, want %s", block, got, want)
		}
	}
}

// A client can't end our sentence and begin its own.
func TestANameInASentenceStaysSaid(t *testing.T) {
	p := permission{Subject: "alice", Client: "Cursor until noon. It is safe", Tool: "t", App: "a", Scope: "user"}
	for _, part := range p.yes() {
		if !part.Said && part.Text != " may use " && part.Text != " in " && part.Text != " through " && part.Text != " until somebody takes it back." {
			t.Errorf("got our words %q", part.Text)
		}
	}
}

func TestTimesAreToldInWords(t *testing.T) {
	now := time.Date(2026, 5, 6, 14, 5, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", -59 * time.Second: "just now", -time.Minute: "1 minute ago", -119 * time.Minute: "1 hour ago",
		-50 * time.Hour: "2 days ago", time.Second: "in less than a minute", time.Minute: "in 1 minute", 25 * time.Hour: "in 1 day",
	} {
		if got := newMoment(now, now.Add(d)).Words; got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
	elsewhere := time.Date(2026, 5, 6, 16, 5, 0, 0, time.FixedZone("", 2*3600))
	if got, want := newMoment(now, elsewhere).Exact, "6 May 2026, 14:05 UTC"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDurationsAreToldExactly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "no time", time.Second: "1 second", 90 * time.Minute: "1 hour 30 minutes", 26*time.Hour + 3*time.Second: "1 day 2 hours 3 seconds", 720 * time.Hour: "30 days",
	} {
		if got := duration(d); got != want {
			t.Errorf("%d: got %q, want %q", d, got, want)
		}
	}
}

func TestAWideYesToAPersonalTokenHoldsForAllOfThem(t *testing.T) {
	p := permission{Subject: "alice", Client: "laptop", Personal: true, Tool: "add_note", App: "Notes"}
	for scope, want := range map[string]string{
		"user":    "“alice” may use “add_note” in “Notes” through any of their personal tokens until somebody takes it back.",
		"session": "“alice” may use “add_note” in “Notes” through this session of “laptop” until it ends.",
	} {
		p.Scope = scope
		if got := p.yes().String(); got != want {
			t.Errorf("%s: got %s, want %s", scope, got, want)
		}
	}
}
