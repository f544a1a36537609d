package api

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/ostiary/ostiary/internal/edge/visit"
)

// A list is a page of items. Next is the cursor of the page after it; "" on
// the last. A page may hold fewer items than there was room for.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// The number of items on a page.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// A window is the part of a list that is asked for.
type window struct {
	limit  int
	cursor string // of the domain
	bind   string // what a cursor of this list is bound to
}

// window reads limit and cursor. A cursor is good for the same caller, list
// and filter only.
func (a *API) window(r *http.Request, c Caller) (window, error) {
	q := r.URL.Query()
	w := window{limit: defaultLimit, bind: binding(r, c, q)}
	if q.Has("limit") {
		n, err := strconv.Atoi(q.Get("limit"))
		if err != nil || n < 1 || n > maxLimit {
			return w, invalid("limit must be a number from 1 to %d.", maxLimit)
		}
		w.limit = n
	}
	if text := q.Get("cursor"); text != "" {
		cursor, ok := a.cursors.Open(text, w.bind)
		if !ok {
			return w, visit.Refuse(http.StatusBadRequest, "invalid_cursor", "This cursor is not one of this list.")
		}
		w.cursor = cursor
	}
	return w, nil
}

func binding(r *http.Request, c Caller, q url.Values) string {
	filter := url.Values{"": {r.URL.Path, string(c.User.ID)}}
	for name, values := range q {
		if name != "limit" && name != "cursor" {
			filter[name] = values
		}
	}
	return filter.Encode()
}

// writeList answers with a page. next is the domain's cursor.
func writeList[T any](w http.ResponseWriter, a *API, of window, items []T, next string) {
	if items == nil {
		items = []T{}
	}
	if next != "" {
		next = a.cursors.Seal(next, of.bind)
	}
	writeJSON(w, http.StatusOK, list[T]{items, next})
}

// filters refuses parameters that a list doesn't have: a mistyped filter
// would show everything.
func filters(r *http.Request, names ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid("The query can't be read.")
	}
	known := map[string]bool{"limit": true, "cursor": true}
	for _, name := range names {
		known[name] = true
	}
	for name, values := range q {
		if !known[name] {
			return nil, invalid("Unknown parameter %q.", name)
		}
		if len(values) != 1 {
			return nil, invalid("The parameter %q stands more than once.", name)
		}
	}
	return q, nil
}
