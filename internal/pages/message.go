package pages

import (
	"bytes"
	"encoding/json"
	"strings"
)

// messageRunes bounds an argument's value inside the operator's sentence; the
// whole stands among the arguments.
const messageRunes = 80

// Message fills in the operator's sentence about a call: {{name}} stands for
// the value of that argument, and nothing else is replaced. Values are the
// agent's words, bounded, and marked as said; one that the call doesn't have
// is said to be missing. arguments is the call's JSON object, in which a
// value stands as it was written.
func Message(template string, arguments []byte) Sentence {
	var given map[string]json.RawMessage
	if json.Unmarshal(arguments, &given) != nil {
		given = nil // then every value is missing, and the page shows the bytes
	}
	var s Sentence
	for template != "" {
		before, rest, open := strings.Cut(template, "{{")
		name, after, closed := strings.Cut(rest, "}}")
		if !open || !closed {
			return s.plain(template)
		}
		s = s.plain(before).argument(given, strings.TrimSpace(name))
		template = after
	}
	return s
}

func (s Sentence) plain(text string) Sentence {
	if text == "" {
		return s
	}
	return s.say(text)
}

func (s Sentence) argument(given map[string]json.RawMessage, name string) Sentence {
	raw, ok := given[name]
	if !ok {
		return s.say("[no " + name + " given]")
	}
	return s.quoteUpTo(messageRunes, asText(raw))
}

// asText is a string's content, or any other value as written.
func asText(raw json.RawMessage) string {
	var text string
	if bytes.HasPrefix(raw, []byte(`"`)) && json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}
