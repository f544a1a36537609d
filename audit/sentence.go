package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
)

// Sentence says in words what an entry tells: "alice through claude-code
// called crm:delete_contact: refused, approval_required".
func Sentence(e Entry) string {
	switch e.Kind {
	case KindIntent:
		return who(e.Actor) + " called " + string(e.Tool) + ": let through" + bracketed("by "+e.GrantID, e.GrantID)
	case KindOutcome:
		return who(e.Actor) + " called " + string(e.Tool) + ": " + outcome(e)
	case KindRefusal:
		return who(e.Actor) + " called " + string(e.Tool) + ": " + refusal(e.Decision)
	default:
		return who(e.Actor) + ": " + happening(e)
	}
}

func who(a Actor) string {
	name := string(a.Subject)
	if name == "" {
		name = "nobody"
		if a.Client == "" && a.Session == "" && a.IPClass == "" {
			name = "Ostiary"
		}
	}
	if a.Client != "" {
		name += " through " + string(a.Client)
	}
	if a.Tenant != "" {
		name += " of " + string(a.Tenant)
	}
	return name
}

var endings = map[Status]string{
	StatusOK:      "done",
	StatusError:   "the tool answered with an error",
	StatusUnknown: "it is not known whether it was done",
	StatusNotSent: "nothing was sent",
}

func outcome(e Entry) string {
	if e.Event == EventEntrusted {
		return "its app goes on with it as " + e.Target
	}
	said := ending(e.Upstream) + bracketed(e.Target, e.Target)
	if e.Event == EventCutOff {
		said += ", since its caller was cut off"
	}
	return said
}

func ending(u *Upstream) string {
	if u == nil {
		return "ended"
	}
	said, ok := endings[u.Status]
	if !ok {
		said = string(u.Status)
	}
	if u.Status == StatusUnknown {
		return said
	}
	return fmt.Sprintf("%s, %d ms, %d bytes", said, u.DurationMs, u.Bytes)
}

func refusal(d *Decision) string {
	if d == nil {
		return "refused"
	}
	said := "refused"
	if d.Effect == ostiary.Hold.String() {
		said = "held"
	}
	if d.Reason != "" {
		said += ", " + string(d.Reason)
	}
	return said
}

// happening is an entry that is no call: "grant grt_1 revoked (crm:x)".
func happening(e Entry) string {
	words := []string{string(e.Kind)}
	for _, w := range []string{e.Target, e.Event, bracketed(string(e.Tool), string(e.Tool))} {
		if w = strings.TrimSpace(w); w != "" {
			words = append(words, w)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(e.Detail)) {
		words = append(words, k+"="+e.Detail[k])
	}
	return strings.Join(words, " ")
}

// bracketed is a remark, or nothing where what it is about is missing.
func bracketed(remark, about string) string {
	if about == "" {
		return ""
	}
	return " (" + remark + ")"
}
