package sqlite

import (
	"slices"
	"testing"

	"github.com/ostiary/ostiary/store"
)

func FuzzPackedIndexValues(f *testing.F) {
	f.Add(pack([]store.Index{{Name: "a", Value: "b"}, {}, {Name: "\x00"}}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add([]byte{5, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		xs, err := unpack(b)
		if err != nil {
			return
		}
		again, err := unpack(pack(xs))
		if err != nil || !slices.Equal(xs, again) {
			t.Errorf("packed again: got %v, error %v, want %v", again, err, xs)
		}
	})
}
