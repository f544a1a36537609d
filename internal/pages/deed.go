package pages

import (
	"cmp"
	"time"
)

// A Deed is something of the record that was done in the reader's name, as they
// are told of it.
type Deed struct {
	At    time.Time // of the last one
	Times int       // in a row; zero is one
	// What is a call's outcome (ok, error, unknown, not_sent, entrusted, refused,
	// held), or the kind and event of the record: "token created".
	What string
	// Agent is who did it, or what it was done to; "" where that is not known.
	Agent  string
	Tool   string // canonical id
	App    string
	Name   string // of a token
	Reason string // code of a refusal, or why something ended
	Plain  string // the record's own sentence, where there is none here
}

// Sentence says what happened.
func (d Deed) Sentence() Sentence {
	for _, words := range []map[string]deedWords{callWords, ownWords} {
		if say, ok := words[d.What]; ok {
			return say(d)
		}
	}
	return Sentence{}.quoteUpTo(2*nameRunes, d.Plain)
}

type deedWords func(Deed) Sentence

// agent begins a sentence with who did it.
func (d Deed) agent() Sentence {
	if d.Agent == "" {
		return Sentence{}.say("An agent")
	}
	return Sentence{}.quote(d.Agent)
}

func called(verb, after string) deedWords {
	return func(d Deed) Sentence { return d.agent().say(verb).quote(d.Tool).say(after) }
}

var callWords = map[string]deedWords{
	"ok":        called(" used ", "."),
	"error":     called(" used ", ", which answered with an error."),
	"unknown":   called(" called ", "; whether it was done is not known."),
	"not_sent":  called(" called ", "; nothing reached the app."),
	"entrusted": called(" began ", ", and the app goes on with it."),
	"held": func(d Deed) Sentence {
		return d.agent().say(" asked for ").quote(d.Tool).say(", which " + cmp.Or(heldFor[d.Reason], "has to wait") + ".")
	},
	"refused": func(d Deed) Sentence {
		s := d.agent().say(" was refused ").quote(d.Tool)
		if why, ok := refusedFor[d.Reason]; ok {
			return s.say(": " + why + ".")
		}
		return s.say(".")
	},
}

var heldFor = map[string]string{
	"approval_required":      "needs a yes",
	"authorization_required": "needs its app opened",
	"tool_not_consented":     "you have not agreed to",
	"insufficient_scope":     "needs a higher tier",
}

var refusedFor = map[string]string{
	"insufficient_scope":     "its tier is too low",
	"authorization_required": "its app is not open for it",
	"tool_not_consented":     "you have not agreed to this tool",
	"approval_denied":        "somebody said no",
	"approval_expired":       "nobody answered in time",
	"superseded":             "an equal call was made instead",
	"tool_changed":           "the tool has changed",
	"rate_limited":           "too many calls",
	"site_required":          "it named no site",
	"site_not_allowed":       "you may not act in that site",
	"admin_required":         "it is for administrators",
	"role_required":          "you have no role for it",
	"unavailable":            "something was out of reach",
}

// own are the sentences of what is no call: before, and after the agent, token
// or tool that it is about.
func own(about func(Deed) string, before, after string) deedWords {
	return func(d Deed) Sentence {
		name := about(d)
		if name == "" {
			name = "…"
		}
		return Sentence{}.say(before).quote(name).say(after)
	}
}

func plainly(words string) deedWords { return func(Deed) Sentence { return Sentence{}.say(words) } }

func (d Deed) who() string   { return d.Agent }
func (d Deed) token() string { return d.Name }
func (d Deed) tool() string  { return d.Tool }

var ownWords = map[string]deedWords{
	"session opened":  own(Deed.who, "You connected ", "."),
	"session widened": own(Deed.who, "You gave ", " more."),
	"session revoked": func(d Deed) Sentence { return d.agent().say(" was cut off: ").quote(d.Reason).say(".") },
	"session app_ended": func(d Deed) Sentence {
		return Sentence{}.say("You closed ").quote(d.App).say(" for ").quote(d.Agent).say(".")
	},
	"session consent_denied":       plainly("You said no to an agent that wanted to be connected."),
	"token created":                own(Deed.token, "You made the personal token ", "."),
	"token narrowed":               own(Deed.token, "You narrowed the personal token ", "."),
	"token rotated":                own(Deed.token, "You rotated the personal token ", "."),
	"token revoked":                own(Deed.token, "The personal token ", " was revoked."),
	"token operator_token_created": plainly("You made an operator token."),
	"token operator_token_revoked": plainly("You revoked an operator token."),
	"auth signed_in":               plainly("You signed in."),
	"auth signed_out":              plainly("You signed out."),
	"auth sign_in_refused":         plainly("Somebody tried to sign in with your name, and was refused."),
	"auth token_refused":           plainly("A token of yours was refused."),
	"approval approve":             own(Deed.tool, "You said yes to ", "."),
	"approval deny":                own(Deed.tool, "You said no to ", "."),
	"approval block":               own(Deed.tool, "You blocked ", "."),
	"grant revoked":                own(Deed.tool, "A yes to ", " was taken back."),
	"grant lifted":                 own(Deed.tool, "A no to ", " was lifted."),
}
