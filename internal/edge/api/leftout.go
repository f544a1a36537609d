package api

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/internal/catalogue"
)

// A LeftOut is something that an app offers and that stands in no list: of bad
// form, or under a name that is not its alone.
type LeftOut struct {
	App  string `json:"app"`
	Name string `json:"name"` // the app's own: of a tool or prompt, or a URI
	Why  string `json:"why"`
}

// place is where it stands in the list of all.
func (l LeftOut) place() string { return strings.Join([]string{l.App, l.Name, l.Why}, "\x00") }

// ViewLeftOut tells what was left out of a snapshot, sorted by app and name.
func ViewLeftOut(s *catalogue.Snapshot) []LeftOut {
	var all []LeftOut
	for _, p := range s.Problems {
		all = append(all, LeftOut(p))
	}
	slices.SortFunc(all, func(x, y LeftOut) int { return cmp.Compare(x.place(), y.place()) })
	return slices.Compact(all)
}

// ListLeftOut is GET /tools/left-out: to operators all of it. Others may not
// know of every tool, nor of those that are none.
func (a *API) ListLeftOut(w http.ResponseWriter, r *http.Request, c Caller) error {
	if _, err := filters(r); err != nil {
		return err
	}
	of, err := a.window(r, c)
	if err != nil {
		return err
	}
	var items []LeftOut
	next := ""
	for _, l := range ViewLeftOut(a.Catalogue.Now()) {
		if !c.seesAll() || l.place() <= of.cursor {
			continue
		}
		if len(items) == of.limit {
			next = items[of.limit-1].place()
			break
		}
		items = append(items, l)
	}
	writeList(w, a, of, items, next)
	return nil
}
