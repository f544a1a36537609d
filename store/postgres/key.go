package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ostiary/ostiary/store"
)

// maxShort is how many bytes of an id or term stand in an index: PostgreSQL
// can't index what does not fit into a third of a page.
const maxShort = 500

// rowID is the form in which an id of any length stands in a primary key:
// the id itself, or the digest of a long one. The first byte keeps the two
// apart.
func rowID(id string) []byte {
	if len(id) <= maxShort {
		return append([]byte{'='}, id...)
	}
	sum := sha256.Sum256([]byte(id))
	return append([]byte{'#'}, sum[:]...)
}

// fullID turns back what rowID made; long is the id kept aside of a long one.
func fullID(row, long []byte) string {
	if row[0] == '=' {
		return string(row[1:])
	}
	return string(long)
}

// longID is what must be kept aside for fullID, nil for most.
func longID(id string) []byte {
	if len(id) <= maxShort {
		return nil
	}
	return []byte(id)
}

// term writes an index value as plain text without spaces: name=value.
func term(x store.Index) string {
	return url.QueryEscape(x.Name) + "=" + url.QueryEscape(x.Value)
}

// terms writes index values as one text, in their order.
func terms(xs []store.Index) string {
	return strings.Join(termList(xs), " ")
}

func termList(xs []store.Index) []string {
	all := make([]string, len(xs))
	for i, x := range xs {
		all[i] = term(x)
	}
	return all
}

// lookUp is the form in which a term stands in an index: the term itself, or
// the digest of a long one. No term begins like a digest.
func lookUp(term string) string {
	if len(term) <= maxShort {
		return term
	}
	sum := sha256.Sum256([]byte(term))
	return "#" + hex.EncodeToString(sum[:])
}

// lookUps are the index values as they stand in an index, and all the terms
// as one text when that is not the same, nil for most.
func lookUps(xs []store.Index) (short []string, long *string) {
	short = termList(xs)
	for i, t := range short {
		if short[i] = lookUp(t); short[i] != t && long == nil {
			all := terms(xs)
			long = &all
		}
	}
	return short, long
}

// parseTerms reads what terms wrote.
func parseTerms(text string) ([]store.Index, error) {
	if text == "" {
		return nil, nil
	}
	var xs []store.Index
	for t := range strings.SplitSeq(text, " ") {
		name, value, _ := strings.Cut(t, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if err := errors.Join(errName, errValue); err != nil {
			return nil, fmt.Errorf("read an index value: %w", err)
		}
		xs = append(xs, store.Index{Name: name, Value: value})
	}
	return xs, nil
}

// nanos is how times are kept, exact to the nanosecond; the zero time is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// keepable refuses what PostgreSQL could not keep, before it could spoil the
// transactions that are committed together with this one.
func keepable(tx *store.Tx) error {
	if n := len(tx.Puts) + len(tx.Deletes); n > maxWrites {
		return fmt.Errorf("a transaction of %d writes: want at most %d", n, maxWrites)
	}
	for _, a := range tx.Asserts {
		if err := plainText("kind", string(a.Key.Kind)); err != nil {
			return err
		}
	}
	for _, k := range tx.Deletes {
		if err := plainText("kind", string(k.Kind)); err != nil {
			return err
		}
	}
	for _, p := range tx.Puts {
		if err := plainText("kind", string(p.Key.Kind)); err != nil {
			return err
		}
	}
	for _, a := range tx.Appends {
		if err := plainText("log name", a.Log); err != nil {
			return err
		}
	}
	return nil
}

func plainText(what, s string) error {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) || len(s) > maxShort {
		return fmt.Errorf("%s %.40q: want at most %d bytes of UTF-8 without NUL", what, s, maxShort)
	}
	return nil
}
