package pages

import (
	"strings"
	"time"
	"unicode/utf8"
)

// A Part is a run of a sentence: our words, or somebody else's, which are
// shown so that nobody takes them for ours.
type Part struct {
	Text string
	Said bool // by an agent, client, person or upstream
}

// A Sentence is made of our words and others'.
type Sentence []Part

// String is the sentence as plain text; the words of others stand in quotes.
func (s Sentence) String() string {
	var b strings.Builder
	for _, p := range s {
		if p.Said {
			b.WriteString("“" + p.Text + "”")
			continue
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

func (s Sentence) say(text string) Sentence { return append(s, Part{Text: text}) }

func (s Sentence) quote(value string) Sentence { return s.quoteUpTo(nameRunes, value) }

// quoteUpTo bounds what others say. How much is left out is said by us, so
// that it can't be said by them.
func (s Sentence) quoteUpTo(limit int, value string) Sentence {
	head := first(value, limit)
	s = append(s, Part{Text: head, Said: true})
	if left := utf8.RuneCountInString(value[len(head):]); left > 0 {
		return s.say("… [" + plural(left, "more character") + "]")
	}
	return s
}

// The approval scopes, as forms and records name them.
const (
	scopeOnce        = "once"
	scopeSession     = "session"
	scopeTimeLimited = "time_limited"
	scopeUser        = "user"
)

// A permission is a yes or no in force, or one that is about to be: all that
// sentences about it are built from.
type permission struct {
	Subject string
	Client  string // "" means any of the subject's agents
	// Personal: the client is a personal token. Beyond its session a yes
	// holds for all of the subject's: they are one client.
	Personal bool
	Tool     string
	App      string
	Site     string
	Scope    string
	TTL      time.Duration // of a time-limited one; 0 leaves it open
}

// yes says what an approval allows.
func (p permission) yes() Sentence {
	s := p.start(" may use ")
	switch p.Scope {
	case scopeOnce:
		return p.client(s.say(" once, with exactly these arguments, through this session of ")).say(".")
	case scopeSession:
		return p.client(s.say(" through this session of ")).say(" until it ends.")
	case scopeTimeLimited:
		return p.through(s).say(" " + p.span() + ".")
	case scopeUser:
		return p.through(s).say(" until somebody takes it back.")
	default:
		return Sentence{{Text: "Nothing: this is no approval scope."}}
	}
}

// no says what a remembered denial refuses.
func (p permission) no(block bool) Sentence {
	s := p.start(" may not use ")
	if block {
		return s.say(" through any agent, whatever the arguments, until somebody lifts it.")
	}
	return p.client(s.say(" with these arguments through this session of ")).say(".")
}

func (p permission) start(verb string) Sentence {
	s := Sentence{}.quote(p.Subject).say(verb).quote(p.Tool).say(" in ").quote(p.App)
	if p.Site != "" {
		s = s.say(", ").quote(p.Site).say(",")
	}
	return s
}

func (p permission) through(s Sentence) Sentence {
	if p.Personal {
		return s.say(" through any of their personal tokens")
	}
	if p.Client == "" {
		return s.say(" through any of their agents")
	}
	return s.say(" through ").quote(p.Client)
}

func (p permission) client(s Sentence) Sentence {
	if p.Client == "" {
		return s.say("their agent")
	}
	return s.quote(p.Client)
}

func (p permission) span() string {
	if p.TTL <= 0 {
		return "for the time chosen"
	}
	return "for " + duration(p.TTL)
}

// flat is a sentence as text, with the marks as characters, for titles and
// labels, where nothing can be styled or unfolded.
func flat(s Sentence) string { return flatText(s.String()) }

func flatText(text string) string {
	var b strings.Builder
	for _, seg := range segments(text) {
		b.WriteString(seg.Text)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
