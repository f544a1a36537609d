package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"testing"
)

func TestAKeyedHashIsTheSameEachTimeAndForEverybody(t *testing.T) {
	key := []byte("key")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("\x02\x00\x00\x00\x00\x00\x00\x00ab\x00\x00\x00\x00\x00\x00\x00\x00"))
	want := hex.EncodeToString(mac.Sum(nil)[:16])
	k := newKeyed(key)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				if got := k.text(16, "ab", ""); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				_ = k.text(16, "something else")
			}
		})
	}
	group.Wait()
}

func TestWhereAPartEndsCounts(t *testing.T) {
	k := newKeyed([]byte("key"))
	if k.text(16, "ab", "c") == k.text(16, "a", "bc") {
		t.Error("got one hash for different parts")
	}
	if k.text(16, "a") == newKeyed([]byte("other")).text(16, "a") {
		t.Error("got one hash under different keys")
	}
}

func BenchmarkKeyedHash(b *testing.B) {
	k := newKeyed(make([]byte, KeySize))
	b.ReportAllocs()
	for b.Loop() {
		k.text(16, "log", "call_id", "cal_ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	}
}
