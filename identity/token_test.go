package identity_test

import (
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

var kinds = []identity.TokenKind{
	identity.KindCode, identity.KindAccess, identity.KindRefresh, identity.KindPersonal, identity.KindOperator, identity.KindClientSecret,
}

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// sum is the checksum written down a second time, from the contract.
func sum(body string) string {
	n, out := crc32.ChecksumIEEE([]byte(body)), ""
	for range 6 {
		out = string(digits[n%62]) + out
		n /= 62
	}
	return out
}

func TestATokenLooksAsTheContractSays(t *testing.T) {
	for _, k := range kinds {
		text := identity.Mint(k).Reveal()
		body := text[:len(text)-6]
		if want := fmt.Sprintf("ost_%s_", k); !strings.HasPrefix(text, want) || len(text) != len(want)+43+6 {
			t.Errorf("got %q; want %s, 43 digits and 6", text, want)
		}
		if strings.Trim(body[len("ost_")+len(k)+1:], digits) != "" || text[len(body):] != sum(body) {
			t.Errorf("got %q; want base62 digits and the checksum %s", text, sum(body))
		}
		if !identity.CheckToken(text, k) || identity.KindOf(text) != k {
			t.Errorf("got %q refused as kind %s", text, k)
		}
	}
}

func TestTheChecksumIsZeroPadded(t *testing.T) {
	for i := range 100_000 {
		body := fmt.Sprintf("ost_pat_%043d", i)
		if s := sum(body); s[0] == '0' {
			if !identity.CheckToken(body+s, identity.KindPersonal) {
				t.Errorf("got %s refused", body+s)
			}
			if short := strings.TrimLeft(s, "0"); identity.CheckToken(body+short, identity.KindPersonal) {
				t.Errorf("got %s accepted; want six digits", body+short)
			}
			return
		}
	}
	t.Fatal("no checksum begins with 0")
}

func TestWhatIsNearlyATokenIsRefused(t *testing.T) {
	good := identity.Mint(identity.KindPersonal).Reveal()
	body := good[:len(good)-6]
	flipped := func(i int) string {
		b := []byte(good)
		if b[i]++; strings.IndexByte(digits, b[i]) < 0 {
			b[i] = '0'
		}
		return string(b)
	}
	for name, text := range map[string]string{
		"empty":                      "",
		"another digit":              flipped(20),
		"another checksum":           flipped(len(good) - 1),
		"another prefix":             "Ost" + good[3:],
		"a kind of no meaning":       "ost_xxx_" + body[8:] + sum("ost_xxx_"+body[8:]),
		"the kind swapped":           "ost_op_" + body[8:] + good[len(good)-6:],
		"one digit less":             body[:len(body)-1] + sum(body[:len(body)-1]),
		"one digit more":             body + "0" + sum(body+"0"),
		"white space around":         " " + good[1:],
		"a trailing new line":        good + "\n",
		"a NUL":                      good[:20] + "\x00" + good[21:],
		"no digit, with its sum":     body[:20] + "-" + body[21:] + sum(body[:20]+"-"+body[21:]),
		"the sum without the prefix": body + sum(body[8:]),
	} {
		if identity.CheckToken(text, identity.KindPersonal) || identity.KindOf(text) == identity.KindPersonal {
			t.Errorf("%s: got %q accepted", name, text)
		}
	}
	if identity.CheckToken(good, identity.KindOperator) {
		t.Error("got a personal token accepted as an operator token")
	}
}

func TestAHintTellsKindAndLastFourOnly(t *testing.T) {
	secret := identity.Mint(identity.KindOperator)
	text := secret.Reveal()
	if got, want := identity.Hint(secret), "ost_op_…"+text[len(text)-4:]; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestTwoTokensAreNeverTheSame(t *testing.T) {
	seen := map[ostiary.Secret]bool{}
	for range 1000 {
		s := identity.Mint(identity.KindAccess)
		if seen[s] {
			t.Fatal("got the same token twice")
		}
		seen[s] = true
	}
}

func TestCheckingATokenAllocatesNothing(t *testing.T) {
	text := identity.Mint(identity.KindPersonal).Reveal()
	if n := testing.AllocsPerRun(100, func() { identity.CheckToken(text, identity.KindPersonal) }); n != 0 {
		t.Errorf("got %v allocations; want none", n)
	}
}

func FuzzKindOf(f *testing.F) {
	for _, k := range kinds {
		f.Add(identity.Mint(k).Reveal())
	}
	f.Add("ost__")
	f.Add("ost_pat_")
	f.Fuzz(func(t *testing.T, text string) {
		k := identity.KindOf(text)
		if k == "" {
			return
		}
		body := text[:len(text)-6]
		if !strings.HasPrefix(body, "ost_"+string(k)+"_") || text != body+sum(body) {
			t.Errorf("got %q taken for a token of kind %s", text, k)
		}
	})
}
