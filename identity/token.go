package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"math/big"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A TokenKind is the part of a token that says what it is for.
type TokenKind string

// The kinds of tokens.
const (
	KindCode         TokenKind = "ac"
	KindAccess       TokenKind = "at"
	KindRefresh      TokenKind = "rt"
	KindPersonal     TokenKind = "pat"
	KindOperator     TokenKind = "op"
	KindClientSecret TokenKind = "cs"
)

// ErrInvalidToken is all that a caller learns of a token that is not good:
// malformed, of the wrong kind, unknown, expired, revoked, used from a wrong
// address, or its owner's account disabled.
var ErrInvalidToken = errors.New("invalid token")

const (
	base62     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	secretLen  = 43 // 256 bits
	sumLen     = 6  // 32 bits
	tokenStart = "ost_"
)

// Mint makes a fresh token: ost_<kind>_<43 base62><6 base62 CRC32>. The
// checksum lets anybody tell a token from noise without asking storage, and
// secret scanners find leaked ones.
func Mint(kind TokenKind) ostiary.Secret {
	secret := make([]byte, 32)
	rand.Read(secret)
	body := tokenStart + string(kind) + "_" + encode(new(big.Int).SetBytes(secret), secretLen)
	return ostiary.Secret(body + checksum(body))
}

// CheckToken says whether text is a well-formed token of a kind.
func CheckToken(text string, kind TokenKind) bool {
	start := len(tokenStart) + len(kind) + 1
	if len(text) != start+secretLen+sumLen {
		return false
	}
	if text[:len(tokenStart)] != tokenStart || text[len(tokenStart):start-1] != string(kind) || text[start-1] != '_' {
		return false
	}
	for i := start; i < len(text); i++ {
		if !isBase62(text[i]) {
			return false
		}
	}
	body := text[:start+secretLen]
	var sum [sumLen]byte
	putChecksum(&sum, body)
	return string(sum[:]) == text[start+secretLen:]
}

// KindOf returns the kind of a well-formed token, or "" for anything else.
func KindOf(text string) TokenKind {
	for _, k := range []TokenKind{KindPersonal, KindAccess, KindOperator, KindRefresh, KindCode, KindClientSecret} {
		if CheckToken(text, k) {
			return k
		}
	}
	return ""
}

// Hint is what may be shown of a token: its kind and last four characters.
func Hint(token ostiary.Secret) string {
	text := token.Reveal()
	return tokenStart + string(KindOf(text)) + "_…" + text[len(text)-4:]
}

func checksum(body string) string {
	var sum [sumLen]byte
	putChecksum(&sum, body)
	return string(sum[:])
}

func putChecksum(sum *[sumLen]byte, body string) {
	n := checksumIEEE(body)
	for i := sumLen - 1; i >= 0; i-- {
		sum[i] = base62[n%62]
		n /= 62
	}
}

// checksumIEEE is crc32.ChecksumIEEE of a string, without the copy on the
// heap that a slice of it costs on the path of every call.
func checksumIEEE(text string) uint32 {
	sum := ^uint32(0)
	for i := range len(text) {
		sum = crc32.IEEETable[byte(sum)^text[i]] ^ sum>>8
	}
	return ^sum
}

func encode(n *big.Int, width int) string {
	digits := make([]byte, width)
	base, rest := big.NewInt(62), new(big.Int)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, base, rest)
		digits[i] = base62[rest.Int64()]
	}
	return string(digits)
}

func isBase62(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// HashToken is how a token of any kind is known to db: nobody who reads the
// database can make a token from it, nor test a guess without the key.
func HashToken(db *store.DB, token ostiary.Secret) string {
	return hashToken(db.DeriveKey("tokens"), token.Reveal())
}

// hashToken is how a token is known to storage: nobody who reads the
// database can make a token from it, nor test a guess without the key.
func hashToken(key []byte, token string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}
