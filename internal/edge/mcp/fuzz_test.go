package mcp_test

import (
	"encoding/json"
	"net/http"
	"testing"
)

// FuzzForeignValues sends what clients carry for us (states, cursors, session
// ids) with other bytes in it: it opens nothing, runs nothing and breaks
// nothing.
func FuzzForeignValues(f *testing.F) {
	h := newHouse(f)
	state := h.asked(f, "alice", `{}`)
	session := h.begin(f, "alice", "2025-11-25", `{}`).header["Mcp-Session-Id"]
	f.Add("")
	f.Add(edited(state))
	f.Add(session)
	f.Add("Y3JtX19nZXRfY29udGFjdA")
	f.Fuzz(func(t *testing.T, value string) {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if value == state || value == session || len(text) > 2048 { // larger messages are refused for that
			return
		}
		w := h.send(t, callWithURLs("alice", "crm__delete_contact", `{}`, `,"requestState":`+string(text)))
		if w.Code != http.StatusBadRequest {
			t.Errorf("got %d %s for the state %q; want 400", w.Code, w.Body, value)
		}
		w = h.send(t, stateless("alice", "tools/list", "", `"cursor":`+string(text)))
		if w.Code != http.StatusBadRequest {
			t.Errorf("got %d %s for the cursor %q", w.Code, w.Body, value)
		}
		w = h.send(t, note{token: "alice", header: map[string]string{"Mcp-Session-Id": value}, body: listTools})
		if w.Code != http.StatusNotFound {
			t.Errorf("got %d %s for the session %q; want 404", w.Code, w.Body, value)
		}
		if calls := h.upstreams.got(); len(calls) != 0 {
			t.Fatalf("got calls %+v; want none", calls)
		}
	})
}
