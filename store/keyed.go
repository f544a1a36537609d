package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"
)

// A keyed hashes under one key (HMAC-SHA-256). It keeps hashes that have
// taken in the key already, which is half of the work. It is safe for
// concurrent use.
type keyed struct{ idle sync.Pool }

// A macState is one hash and the room that it works in.
type macState struct {
	hash.Hash
	text []byte
}

func newKeyed(key []byte) *keyed {
	return &keyed{sync.Pool{New: func() any {
		return &macState{Hash: hmac.New(sha256.New, key), text: make([]byte, 0, 256)}
	}}}
}

// sum is the hash of parts, each with its length before it.
func (k *keyed) sum(parts ...string) [sha256.Size]byte {
	mac := k.idle.Get().(*macState)
	defer k.idle.Put(mac)
	mac.Reset()
	mac.text = mac.text[:0]
	for _, p := range parts {
		mac.text = binary.LittleEndian.AppendUint64(mac.text, uint64(len(p)))
		mac.text = append(mac.text, p...)
	}
	mac.Write(mac.text)
	return [sha256.Size]byte(mac.Sum(mac.text[:0]))
}

// text is the first n bytes of the hash of parts, in hexadecimal.
func (k *keyed) text(n int, parts ...string) string {
	sum := k.sum(parts...)
	var digits [2 * sha256.Size]byte
	return string(hex.AppendEncode(digits[:0], sum[:n]))
}
