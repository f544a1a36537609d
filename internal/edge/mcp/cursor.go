package mcp

import (
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/wire"
)

// A cursor is where the next page of a list begins, for whom it was made.
// Clients carry it sealed.
type cursor struct {
	Holder   holder             `json:"for"`
	Endpoint catalogue.Endpoint `json:"at,omitempty"`
	List     string             `json:"list"`
	After    string             `json:"after"` // a name, not empty
}

// nextCursor seals the cursor of the page behind a name.
func (q *question) nextCursor(list, after string) (string, error) {
	return q.cursors.seal(cursor{holderOf(q.who), q.endpoint, list, after})
}

// after is the name behind which the page of a list begins; "" without a
// cursor. A cursor of another list or caller is none.
func (q *question) after(list string) (name string, ok bool) {
	if q.m.Cursor == nil || string(q.m.Cursor) == "null" {
		return "", true
	}
	text, ok := wire.Text(q.m.Cursor)
	var c cursor
	if !ok || q.cursors.open(text, &c) != nil {
		return "", false
	}
	return c.After, c == cursor{holderOf(q.who), q.endpoint, list, c.After}
}
