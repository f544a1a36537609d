package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/identity"
)

func TestATokenIsVerifiedByTheStorage(t *testing.T) {
	file := storageOf(t)
	var made struct{ ID, Token string }
	r := try(t, "", "tokens", "create", "-c", file, "--subject", "alice", "--tier", "read", "--name", "x", "--cidrs", "10.0.0.0/8", "--json")
	if err := json.Unmarshal([]byte(r.out), &made); err != nil {
		t.Fatalf("%v: %s", err, r.err)
	}
	verify := func(stdin, token string) ran { return try(t, stdin, "tokens", "verify", "-c", file, token) }
	if r := verify("", made.Token); r.code != 0 || !strings.Contains(r.out, "good: "+made.ID+" of alice, tier read") || !strings.Contains(r.out, "only from 10.0.0.0/8") {
		t.Errorf("got %d, %s%s; want good", r.code, r.out, r.err)
	}
	if r := verify(made.Token+"\n", "-"); r.code != 0 {
		t.Errorf("from standard input: got %d, %s", r.code, r.err)
	}
	if r := try(t, "", "tokens", "verify", "--json", "-c", file, made.Token); r.code != 0 || !strings.Contains(r.out, `"good": true`) && !strings.Contains(r.out, `"good":true`) {
		t.Errorf("as JSON: got %d, %s%s", r.code, r.out, r.err)
	}
	last := made.Token[:len(made.Token)-1]
	for says, token := range map[string]string{"checksum": last + "!", "no token": "x", "an operator token": identity.Mint(identity.KindOperator).Reveal(), "unknown": identity.Mint(identity.KindPersonal).Reveal()} {
		if r := verify("", token); r.code != exitNot || !strings.Contains(r.err, says) {
			t.Errorf("%q: got %d, %s; want 1 and %q", token, r.code, r.err, says)
		}
	}
	if r := verify("", identity.Mint(identity.KindPersonal).Reveal()); strings.TrimSpace(r.err) != "ostiary: not good: unknown" {
		t.Errorf("unknown: got %q", r.err)
	}
	if r := verify("", "-"); r.code != exitUsage {
		t.Errorf("nothing on standard input: got %d, %s", r.code, r.err)
	}
	if r := try(t, "", "tokens", "revoke", "-c", file, "--reason", "lost", made.ID); r.code != 0 {
		t.Fatal(r.err)
	}
	if r := verify("", made.Token); r.code != exitNot || !strings.Contains(r.err, "revoked: lost") {
		t.Errorf("revoked: got %d, %s; want 1 and why", r.code, r.err)
	}
	if r := try(t, "", "tokens", "verify", made.Token); r.code != exitUsage || !strings.Contains(r.err, "-c FILE") {
		t.Errorf("nowhere: got %d, %s; want 2", r.code, r.err)
	}
	if r := try(t, "", "tokens", "verify", "--url", "http://127.0.0.1:1", made.Token); r.code != exitUnreachable {
		t.Errorf("nobody there: got %d, %s; want 3", r.code, r.err)
	}
}
