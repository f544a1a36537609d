package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"

	"github.com/ostiary/ostiary"
)

// Arguments says what the log keeps of a call's arguments.
type Arguments string

// The ways to keep arguments.
const (
	// ArgumentsDigest keeps a keyed digest: whoever has the key and the
	// arguments can prove that these were the ones, and nobody can guess
	// them from the log. The zero Arguments means this.
	ArgumentsDigest Arguments = "digest"
	ArgumentsFull   Arguments = "full" // keeps them, secrets redacted
	ArgumentsNone   Arguments = "none"
)

// A recorder makes of a call's arguments what the log keeps.
type recorder struct {
	mode   Arguments
	hashes sync.Pool // of hash.Hash: an HMAC that was keyed once is cheap to use again
}

func newRecorder(mode Arguments, key []byte) *recorder {
	return &recorder{mode: mode, hashes: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// keep returns canonical JSON, or nil when nothing is kept.
func (r *recorder) keep(raw []byte) []byte {
	if raw == nil || r.mode == ArgumentsNone {
		return nil
	}
	canonical, err := ostiary.AppendCanonical(make([]byte, 0, len(raw)), raw)
	if err != nil {
		// Arguments that no two readers would understand alike are told from
		// others byte by byte.
		return r.digest(`"hmac-sha256-bytes:`, raw)
	}
	if r.mode == ArgumentsFull {
		return redactJSON(canonical)
	}
	return r.digest(`"hmac-sha256:`, canonical)
}

func (r *recorder) digest(prefix string, b []byte) []byte {
	h := r.hashes.Get().(hash.Hash)
	defer r.hashes.Put(h)
	h.Reset()
	h.Write(b)
	var sum [sha256.Size]byte
	dst := make([]byte, 0, len(prefix)+hex.EncodedLen(len(sum))+1)
	dst = append(dst, prefix...)
	dst = hex.AppendEncode(dst, h.Sum(sum[:0]))
	return append(dst, '"')
}
