package postgres

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/store"
)

// A place is a position in the feed. Sequence numbers can't tell one, since
// transactions become visible in another order than they draw numbers; a
// snapshot of PostgreSQL says exactly what was visible. Known to the reader is
// what base shows, and of what seen shows the changes up to number upto.
type place struct {
	base, seen string // as pg_snapshot prints them
	upto       int64
}

var placeForm = regexp.MustCompile(`^(\d+:\d+:[\d,]*)(?:/(\d+:\d+:[\d,]*)/(\d+))?$`)

func parsePlace(p store.Position) (place, error) {
	m := placeForm.FindStringSubmatch(string(p))
	if m == nil {
		return place{}, fmt.Errorf("position %.40q is not of this store: %w", p, store.ErrPositionLost)
	}
	if m[2] == "" {
		return place{base: m[1], seen: m[1]}, nil
	}
	upto, err := strconv.ParseInt(m[3], 10, 64)
	if err != nil {
		return place{}, fmt.Errorf("position %.40q is not of this store: %w", p, store.ErrPositionLost)
	}
	return place{m[1], m[2], upto}, nil
}

func (p place) position() store.Position {
	if p.base == p.seen {
		return store.Position(p.base)
	}
	return store.Position(strings.Join([]string{p.base, p.seen, strconv.FormatInt(p.upto, 10)}, "/"))
}
