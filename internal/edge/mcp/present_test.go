package mcp_test

import (
	"net/http"
	"testing"

	"github.com/ostiary/ostiary/store/storetest"
)

// TestWhatIsToldWithoutACommitIsNotToldOfAFault: who is there can't be found
// out, so nothing is told, in each era and on each road; and then it is.
func TestWhatIsToldWithoutACommitIsNotToldOfAFault(t *testing.T) {
	h := newHouse(t)
	f := storetest.NewFaulty(h.raw, false)
	i := h.over(t, f)
	session, batched := h.begin(t, "alice", "2025-11-25", `{}`), h.begin(t, "alice", "2025-03-26", `{}`)
	for name, n := range map[string]note{
		"list":     stateless("alice", "tools/list", "", ""),
		"discover": stateless("alice", "server/discover", "", ""),
		"session":  session.with(`{"jsonrpc":"2.0","id":4,"method":"tools/list"}`),
		"batch":    batched.with(`[{"jsonrpc":"2.0","id":4,"method":"tools/list"}]`),
	} {
		if w := i.send(t, n); w.Code != http.StatusOK { // which also reads what is remembered from then on
			t.Fatalf("%s: got %d %s", name, w.Code, w.Body)
		}
		failed := 0
		for op := int64(1); ; op++ {
			f.FailAt(op)
			w := i.send(t, n)
			if !f.Hit() {
				if w.Code != http.StatusOK {
					t.Errorf("%s: got %d %s without a fault", name, w.Code, w.Body)
				}
				break
			}
			if w.Code == http.StatusOK {
				t.Errorf("%s: got %d %s with a fault in operation %d", name, w.Code, w.Body, op)
			}
			failed++
		}
		f.Heal()
		if failed < 4 { // an epoch each of subject, client, tenant and deployment
			t.Errorf("%s: storage was asked %d times, want the epochs of now", name, failed)
		}
	}
}
