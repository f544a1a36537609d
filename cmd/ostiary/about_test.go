package main

import (
	"strings"
	"testing"
)

// An error says what it is about, on storage and by way of a gateway.
func TestErrorsNameWhatTheyAreAbout(t *testing.T) {
	file := storageOf(t)
	if r := try(t, "", "tokens", "create", "-c", file, "--subject", "alice", "--tier", "read", "--name", "x"); r.code != 0 {
		t.Fatal(r.err)
	}
	for _, args := range [][]string{
		{"tokens", "revoke", "tok_X"},
		{"grants", "revoke", "grt_X"},
		{"users", "disable", "nobody"},
		{"users", "delete", "--yes", "nobody"},
		{"users", "disable", "alice"},
		{"users", "delete", "--yes", "alice"},
		{"approvals", "show", "req_X"},
		{"approvals", "approve", "req_X"},
		{"approvals", "deny", "req_X"},
	} {
		id := args[len(args)-1]
		ways := map[string]ran{"gateway": tryIn(t, answering(t, 404, said("not_found")), "", args...)}
		if args[0] != "approvals" {
			ways["storage"] = try(t, "", append(args, "-c", file)...)
		}
		for way, r := range ways {
			if r.code != exitNot || strings.Count(r.err, id) != 1 {
				t.Errorf("ostiary %v, %s: got %d, %s; want 1, naming %s once", args, way, r.code, r.err, id)
			}
		}
	}
}
