package sqlite

import (
	"hash/fnv"
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

// The hash is stored: another one would find nothing of what was indexed
// before.
func TestATermIsFNV1aOfNameAndValue(t *testing.T) {
	for _, x := range []store.Index{{Name: "kind", Value: "intent"}, {Name: "a"}, {}, {Name: "é", Value: "\x00"}} {
		h := fnv.New64a()
		h.Write([]byte(x.Name + "\x00" + x.Value))
		if got, want := termOf(x), term(h.Sum64()>>32); got != want {
			t.Errorf("%v: got %d, want %d", x, got, want)
		}
	}
}
