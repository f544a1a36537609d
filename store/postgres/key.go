package postgres

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ostiary/ostiary/store"
)

// Limits of what an index of PostgreSQL can hold: a row of a B-tree must stay
// under a third of a page.
const (
	maxShortID = 500
	maxTerm    = 1000
)

// rowID is the form in which an id of any length stands in a primary key:
// the id itself, or the digest of a long one. The first byte keeps the two
// apart.
func rowID(id string) []byte {
	if len(id) <= maxShortID {
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
	if len(id) <= maxShortID {
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

// parseTerms reads what terms wrote.
func parseTerms(text string) ([]store.Index, error) {
	if text == "" {
		return nil, nil
	}
	return parseTermList(strings.Split(text, " "))
}

func parseTermList(all []string) ([]store.Index, error) {
	var xs []store.Index
	for _, t := range all {
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
		if err := errors.Join(plainText("kind", string(p.Key.Kind)), shortTerms(p.Index)); err != nil {
			return err
		}
	}
	for _, a := range tx.Appends {
		if err := errors.Join(plainText("log name", a.Log), shortTerms(a.Index)); err != nil {
			return err
		}
	}
	return nil
}

func plainText(what, s string) error {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) || len(s) > maxShortID {
		return fmt.Errorf("%s %.40q: want at most %d bytes of UTF-8 without NUL", what, s, maxShortID)
	}
	return nil
}

func shortTerms(xs []store.Index) error {
	for _, x := range xs {
		if n := len(term(x)); n > maxTerm {
			return fmt.Errorf("index value of %q: %d bytes, want at most %d", x.Name, n, maxTerm)
		}
	}
	return nil
}
