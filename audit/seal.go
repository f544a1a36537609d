package audit

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/ostiary/ostiary/store"
)

// sealVersion is the first byte of a sealed line.
const sealVersion = 1

// seals holds the key of each log. With a key a log, none of them comes near
// the 2^32 random nonces that AES-GCM allows (NIST SP 800-38D section 8.3).
type seals struct {
	db    *store.DB
	aeads sync.Map // log name → cipher.AEAD
}

func (s *seals) of(log string) cipher.AEAD {
	if aead, ok := s.aeads.Load(log); ok {
		return aead.(cipher.AEAD)
	}
	block, err := aes.NewCipher(s.db.DeriveKey("audit log " + log))
	if err != nil {
		panic(err) // only for impossible lengths
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for other block sizes
	}
	s.aeads.Store(log, aead)
	return aead
}

// bind writes down what a line is sealed together with: the time and index
// values that stand beside it in storage. place completes it.
func bind(at time.Time, index []store.Index) []byte {
	size := 8
	for _, x := range index {
		size += len(x.Name) + len(x.Value) + 2
	}
	dst := make([]byte, 0, size+8+16)
	dst = binary.BigEndian.AppendUint64(dst, uint64(at.UnixMicro()))
	for _, x := range index {
		dst = append(append(dst, x.Name...), 0)
		dst = append(append(dst, x.Value...), 0)
	}
	return dst
}

// place adds where a line stands: no line opens in another's place.
func place(dst []byte, log string, seq uint64) []byte {
	dst = append(dst, log...)
	return binary.BigEndian.AppendUint64(dst, seq)
}

func seal(aead cipher.AEAD, plain, associated []byte) []byte {
	dst := make([]byte, 1, 1+len(plain)+aead.Overhead())
	dst[0] = sealVersion
	return aead.Seal(dst, nil, plain, associated)
}

// open returns the line of an entry. An error wraps store.ErrTampered.
func (s *seals) open(e store.Entry) ([]byte, error) {
	if len(e.Line) == 0 || e.Line[0] != sealVersion {
		return nil, fmt.Errorf("entry %d of %s has an unknown form: %w", e.Seq, e.Log, store.ErrTampered)
	}
	associated := place(bind(e.Time, e.Index), e.Log, e.Seq)
	plain, err := s.of(e.Log).Open(nil, nil, e.Line[1:], associated)
	if err != nil {
		return nil, fmt.Errorf("open entry %d of %s: %w", e.Seq, e.Log, store.ErrTampered)
	}
	return plain, nil
}
