package mcp_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestAnAllowedCallGoesUpstreamOnceAndItsAnswerComesBackByteForByte(t *testing.T) {
	h := newHouse(t)
	w := h.send(t, stateless("alice", "tools/call", "crm__get_contact", `"name":"crm__get_contact", "arguments": {"id" : "c-1", "big":12345678901234567890},"x":1`))
	want := `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"done"}],"huge":12345678901234567890,"resultType":"complete"}}`
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("got %d %s; want %s", w.Code, w.Body, want)
	}
	got := h.upstreams.got()
	if len(got) != 1 {
		t.Fatalf("got %d upstream calls; want one", len(got))
	}
	if got[0].App != "crm" || !strings.HasPrefix(got[0].Params, `{"name":"get_contact", "arguments": {"id" : "c-1", "big":12345678901234567890},"x":1,`) {
		t.Errorf("got %+v; want the upstream's own name and all other bytes as they came", got[0])
	}
}
