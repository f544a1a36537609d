package sqlite

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"time"

	"github.com/ostiary/ostiary/store"
)

var errPacked = errors.New("index values are damaged")

// pack writes index values as one blob, nil for none: for each its name and
// value, each with its length before it.
func pack(xs []store.Index) []byte {
	if len(xs) == 0 {
		return nil
	}
	size := 0
	for _, x := range xs {
		size += len(x.Name) + len(x.Value) + 4
	}
	b := make([]byte, 0, size)
	for _, x := range xs {
		b = appendString(appendString(b, x.Name), x.Value)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func unpack(packed []byte) ([]store.Index, error) {
	if len(packed) == 0 {
		return nil, nil
	}
	rest := string(packed) // one copy, which all names and values share
	xs := make([]store.Index, 0, 8)
	for len(rest) > 0 {
		var x store.Index
		var named, valued bool
		x.Name, rest, named = cutString(rest)
		x.Value, rest, valued = cutString(rest)
		if !named || !valued {
			return nil, errPacked
		}
		xs = append(xs, x)
	}
	return xs, nil
}

func cutString(s string) (string, string, bool) {
	n, size := uvarint(s)
	if size <= 0 || n > uint64(len(s)-size) {
		return "", "", false
	}
	s = s[size:]
	return s[:n], s[n:], true
}

func uvarint(s string) (uint64, int) {
	return binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
}

// FNV-1a, as in hash/fnv, which takes no strings.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func fnv1a(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

// millis is an expiry as stored: null for never.
func millis(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func fromMillis(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMilli(n.Int64).UTC()
}

// blob makes an empty value different from null.
func blob(s string) []byte { return append([]byte{}, s...) }
