package audit

import (
	"cmp"
	"fmt"
	"slices"
)

// A Report is what verifying came to.
type Report struct {
	// PublicKey is the key that the checkpoints were checked with.
	PublicKey string `json:"public_key"`
	// KeyEmbedded: nobody gave the key, it came with the export. Then the
	// export is whole in itself, but may be of another house.
	KeyEmbedded bool `json:"key_embedded,omitempty"`
	// Selected: the export holds some entries only. Each was checked to be
	// in its log; that none is missing can't be told.
	Selected    bool       `json:"selected,omitempty"`
	Entries     uint64     `json:"entries"`
	Checkpoints int        `json:"checkpoints"` // that were checked against
	Logs        []LogState `json:"logs"`        // as they were recomputed
	Problems    []Problem  `json:"problems"`    // by log and entry; empty when all is well
}

// A Problem is the first thing wrong with one log, or with the whole.
type Problem struct {
	Log   string  `json:"log,omitempty"`   // "" concerns all logs
	Entry *uint64 `json:"entry,omitempty"` // the first entry that is bad, where it is known
	What  string  `json:"what"`
}

// String is a sentence.
func (p Problem) String() string {
	switch {
	case p.Log == "":
		return p.What
	case p.Entry == nil:
		return p.Log + ": " + p.What
	default:
		return fmt.Sprintf("%s, entry %d: %s", p.Log, *p.Entry, p.What)
	}
}

// OK says that nothing is wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// Sentences say in words what was found.
func (r Report) Sentences() []string {
	if !r.OK() {
		out := []string{"The audit log is not what was written."}
		for _, p := range r.Problems {
			out = append(out, p.String())
		}
		return out
	}
	out := []string{fmt.Sprintf("%d entries of %d logs are as they were written; %d checkpoints hold.", r.Entries, len(r.Logs), r.Checkpoints)}
	if r.Selected {
		out[0] = fmt.Sprintf("%d selected entries are as they were written, each proven to be in its log.", r.Entries)
	}
	if r.KeyEmbedded {
		out = append(out, "The key came with the export: compare it with one you trust: "+r.PublicKey)
	}
	return out
}

func (r *Report) problem(log string, entry *uint64, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{log, entry, fmt.Sprintf(format, args...)})
}

func (r *Report) sort() {
	slices.SortStableFunc(r.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Log, b.Log), cmp.Compare(number(a.Entry), number(b.Entry)))
	})
}

func number(entry *uint64) uint64 {
	if entry == nil {
		return 0
	}
	return *entry
}
