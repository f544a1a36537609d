package identity

import (
	"context"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/store"
)

// Page returns one page of people: those of the configuration file, in its
// order, then those of storage, newest first. limit is from 1 to 1000. A page
// may hold fewer than that; next is "" on the last.
func (u *Users) Page(ctx context.Context, limit int, cursor string) (page []User, next string, err error) {
	if at, ok := placeInFile(cursor); ok {
		people := u.fromFile()
		end := min(at+limit, len(people))
		if page = people[min(at, end):end]; len(page) == limit {
			return page, filePlace + strconv.Itoa(end), nil
		}
		limit, cursor = limit-len(page), ""
	}
	items, next, err := u.table.List(ctx, store.Index{Name: "all", Value: "all"}, limit, cursor)
	if err != nil {
		return nil, "", err
	}
	for _, it := range items {
		if !u.hides(it.Value.ID) {
			page = append(page, it.Value)
		}
	}
	return page, next, nil
}

// fromFile are the people of the configuration file.
func (u *Users) fromFile() (all []User) {
	for _, id := range u.order {
		if !u.configured[id].Machine {
			all = append(all, u.configured[id])
		}
	}
	return all
}

// filePlace begins the cursors of places among the people of the file.
const filePlace = "file "

// placeInFile is the place that a cursor says; ok false: among those of storage.
func placeInFile(cursor string) (at int, ok bool) {
	text, ok := strings.CutPrefix(cursor, filePlace)
	if !ok {
		return 0, cursor == ""
	}
	at, err := strconv.Atoi(text)
	return max(at, 0), err == nil
}
