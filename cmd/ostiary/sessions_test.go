package main

import (
	"strings"
	"testing"
)

func TestEverythingOfAPersonEndsByOneCommand(t *testing.T) {
	file := storageOf(t)
	if r := try(t, "", "tokens", "create", "-c", file, "--subject", "alice", "--tier", "read", "--name", "laptop"); r.code != 0 {
		t.Fatal(r.err)
	}
	if r := try(t, "", "sessions", "list", "-c", file); r.code != 0 || strings.Contains(r.out, "alice") {
		t.Errorf("got %d, %q; want no agent", r.code, r.out)
	}
	if r := try(t, "", "sessions", "revoke", "-c", file, "ses_none"); r.code != exitNot || !strings.Contains(r.err, "ses_none") {
		t.Errorf("got %d, %q", r.code, r.err)
	}
	for _, wrong := range [][]string{nil, {"--subject", "alice", "--all"}, {"--client", "x", "--tenant", "y"}} {
		if r := try(t, "", append([]string{"revoke", "-c", file}, wrong...)...); r.code != exitUsage {
			t.Errorf("%v: got %d, %q; want wrong usage", wrong, r.code, r.err)
		}
	}
	if r := try(t, "", "revoke", "-c", file, "--subject", "alice"); r.code != 0 || !strings.HasPrefix(r.out, "1 ") {
		t.Errorf("got %d, %q, %q; want one ended", r.code, r.out, r.err)
	}
	if r := try(t, "", "revoke", "-c", file, "--subject", "nobody"); r.code != exitNot || !strings.Contains(r.err, `nobody of the id "nobody" is known`) {
		t.Errorf("got %d, %q, %q; want a slip of the pen told", r.code, r.out, r.err)
	}
	if r := tryIn(t, answering(t, 404, `{"error":{"code":"not_found","message":"No."}}`), "", "revoke", "--subject", "nobody"); r.code != exitNot || !strings.Contains(r.err, "is known") {
		t.Errorf("at a gateway: got %d, %q", r.code, r.err)
	}
	if r := try(t, "", "tokens", "list", "-c", file); !strings.Contains(r.out, "revoked") {
		t.Errorf("got %q; want the token revoked", r.out)
	}
}
