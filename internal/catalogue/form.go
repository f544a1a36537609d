package catalogue

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// A rule says what is wrong with a value, nil where it is absent: " must be a
// string", behind the name of the member that is wrong. "": nothing.
type rule func(value any) string

type (
	object = map[string]any
	rules  map[string]rule
)

// What the revisions say of entries in lists. One entry of another form makes
// clients that check what they get throw the whole list away, with what other
// apps offer. Members that are not named here may be anything.
var (
	icon        = members(rules{"src": needed(text), "mimeType": text, "sizes": each(text), "theme": word("light", "dark")})
	annotations = members(rules{"audience": each(word("user", "assistant")), "priority": share, "lastModified": instant})
	schema      = rules{"$schema": text, "properties": properties, "required": each(text)}

	named    = rules{"name": needed(text), "title": text, "description": text, "icons": each(icon), "_meta": members(nil)}
	toolForm = members(named.and(rules{
		"inputSchema":  needed(members(schema.and(rules{"type": needed(word("object"))}))),
		"outputSchema": members(schema),
		"annotations": members(rules{
			"title": text, "readOnlyHint": truth, "destructiveHint": truth, "idempotentHint": truth, "openWorldHint": truth,
		}),
		"execution": members(rules{"taskSupport": word("required", "optional", "forbidden")}),
	}))
	promptForm = members(named.and(rules{
		"arguments": each(members(rules{"name": needed(text), "title": text, "description": text, "required": truth})),
	}))
	resourceForm = members(named.and(rules{"uri": needed(text), "mimeType": text, "size": number, "annotations": annotations}))
	templateForm = members(named.and(rules{"uriTemplate": needed(text), "mimeType": text, "annotations": annotations}))
	// objectOutput is what the revisions before 2026-07-28 want of outputSchema.
	objectOutput = members(rules{"outputSchema": members(rules{"type": needed(word("object"))})})
)

func (r rules) and(more rules) rules {
	all := maps.Clone(r)
	maps.Copy(all, more)
	return all
}

// misshapen says what is wrong with an entry, which was checked before.
func misshapen(raw []byte, form rule) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var entry any
	if err := d.Decode(&entry); err != nil {
		return err.Error()
	}
	if wrong := form(entry); wrong != "" {
		return "definition: " + wrong
	}
	return ""
}

func members(r rules) rule {
	names := slices.Sorted(maps.Keys(r))
	return func(value any) string {
		o, ok := value.(object)
		if !ok {
			return " must be an object"
		}
		for _, name := range names {
			member, there := o[name]
			if !there {
				member = absent{}
			}
			if wrong := r[name](member); wrong != "" && (there || wrong == missing) {
				return joined(name, wrong)
			}
		}
		return ""
	}
}

// absent is the value of a member that is not there.
type absent struct{}

const missing = " is missing"

func joined(name, wrong string) string {
	if wrong[0] == ' ' || wrong[0] == '[' {
		return name + wrong
	}
	return name + "." + wrong
}

func needed(r rule) rule {
	return func(value any) string {
		if value == (absent{}) {
			return missing
		}
		return r(value)
	}
}

func each(r rule) rule {
	return func(value any) string {
		list, ok := value.([]any)
		if !ok {
			return " must be a list"
		}
		for i, element := range list {
			if wrong := r(element); wrong != "" {
				return joined("["+strconv.Itoa(i)+"]", wrong)
			}
		}
		return ""
	}
}

func text(value any) string {
	if _, ok := value.(string); !ok {
		return " must be a string"
	}
	return ""
}

func truth(value any) string {
	if _, ok := value.(bool); !ok {
		return " must be true or false"
	}
	return ""
}

func word(words ...string) rule {
	return func(value any) string {
		if w, ok := value.(string); !ok || !slices.Contains(words, w) {
			return " must be one of " + strconv.Quote(words[0]) + list(words[1:])
		}
		return ""
	}
}

func list(words []string) string {
	out := ""
	for _, w := range words {
		out += ", " + strconv.Quote(w)
	}
	return out
}

func number(value any) string {
	n, ok := value.(json.Number)
	if _, err := n.Float64(); !ok || err != nil {
		return " must be a number"
	}
	return ""
}

func share(value any) string {
	n, _ := value.(json.Number)
	if f, err := n.Float64(); err != nil || f < 0 || f > 1 {
		return " must be a number from 0 to 1"
	}
	return ""
}

var instants = regexp.MustCompile(`^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func instant(value any) string {
	s, _ := value.(string)
	if !instants.MatchString(s) {
		return " must be a time with a zone, as 2026-11-21T09:00:00Z"
	}
	if _, err := time.Parse(time.DateOnly, s[:len(time.DateOnly)]); err != nil {
		return " must be a day that there is"
	}
	return ""
}

// properties are schemas by name: an object or a boolean each.
func properties(value any) string {
	o, ok := value.(object)
	if !ok {
		return " must be an object"
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		switch o[name].(type) {
		case object, bool:
		default:
			return "[" + strconv.Quote(name) + "] must be a schema"
		}
	}
	return ""
}
