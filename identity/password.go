package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/ostiary/ostiary"
)

// ErrPasswordHash means that a text is no argon2id hash in PHC form.
var ErrPasswordHash = errors.New("not an argon2id hash ($argon2id$v=19$m=…,t=…,p=…$salt$hash)")

// ErrPassword means that a password is too short to be one.
var ErrPassword = fmt.Errorf("a password has at least %d characters", minPassword)

// minPassword is the least length that NIST SP 800-63B section 3.1.1.2 lets a
// person choose.
const minPassword = 8

// CheckPassword says whether a person may choose a password. It must return an
// error wrapping ErrPassword unless they may. Characters are counted, not bytes.
func CheckPassword(password ostiary.Secret) error {
	if utf8.RuneCountInString(password.Reveal()) < minPassword {
		return ErrPassword
	}
	return nil
}

// The cost of a hash: the first recommended option of RFC 9106 section 4
// scaled to a small server, 64 MiB and three passes.
const (
	argonMemory  = 64 * 1024 // KiB
	argonTime    = 3
	argonThreads = 2
	argonSalt    = 16
	argonKey     = 32
)

// The most that a hash from outside may cost.
const (
	maxArgonMemory = 1 << 20 // KiB: 1 GiB
	maxArgonTime   = 16
)

// HashPassword returns an argon2id hash in PHC form.
func HashPassword(password ostiary.Secret) string {
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password.Reveal()), salt, argonTime, argonMemory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, b64(salt), b64(key))
}

type passwordHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

// CheckPasswordHash says what is wrong with a hash in PHC form.
func CheckPasswordHash(text string) error {
	_, err := parseHash(text)
	return err
}

func parseHash(text string) (passwordHash, error) {
	var h passwordHash
	parts := strings.Split(text, "$")
	// The base64 decoder skips line ends.
	if len(parts) != 6 || strings.ContainsAny(text, "\r\n") || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, ErrPasswordHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return h, ErrPasswordHash
	}
	if parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", h.memory, h.time, h.threads) {
		return h, ErrPasswordHash
	}
	if h.memory < 8 || h.memory > maxArgonMemory || h.time < 1 || h.time > maxArgonTime || h.threads < 1 {
		return h, fmt.Errorf("%w: cost out of bounds", ErrPasswordHash)
	}
	var err, err2 error
	h.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.key, err2 = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err != nil || err2 != nil || len(h.salt) < 8 || len(h.key) < 16 {
		return h, ErrPasswordHash
	}
	return h, nil
}

func (h passwordHash) matches(password ostiary.Secret) bool {
	got := argon2.IDKey([]byte(password.Reveal()), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(got, h.key) == 1
}

// decoy is checked for unknown names, so that they take as long as known ones.
var decoy = passwordHash{
	memory: argonMemory, time: argonTime, threads: argonThreads,
	salt: make([]byte, argonSalt), key: make([]byte, argonKey),
}

// maxHashing bounds how many passwords are checked at once: each takes
// argonMemory.
const maxHashing = 4

// A checker checks passwords, a few at a time.
type checker chan struct{}

func newChecker() checker { return make(checker, maxHashing) }

func (c checker) check(ctx context.Context, hash string, password ostiary.Secret) (bool, error) {
	h, err := parseHash(hash)
	if err != nil {
		h = decoy
	}
	select {
	case c <- struct{}{}:
		defer func() { <-c }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return h.matches(password) && err == nil, nil
}
