package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

// The official server over the transport of 2024-11-05, for clients of each era.
func TestAServerOfTheOldTransportIsServedToClientsOfEachEra(t *testing.T) {
	h := newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: old, url: %q, transport: sse}\n", testparts.EverythingSSE(t))).start()
	token := h.token("alice", "write")
	through := openSession(t, h.url+"/mcp", token.Token)
	if got := through.result("old__get-sum", `{"a":9007199254740993,"b":1}`); !strings.Contains(got, "The sum of") {
		t.Errorf("got %s; want the sum", got)
	}
	messages := through.messages(callBody("old__trigger-long-running-operation", `{"duration":0.2,"steps":2}`, `,"_meta":{"progressToken":"mine"}`))
	if len(messages) != 3 || !strings.Contains(string(messages[0]), `"progressToken":"mine"`) {
		t.Errorf("got %s; want two notes of progress and the result", messages)
	}
	if result, err := called(t, h.agent(token, modern, nil), "old__echo", `{"message":"knock"}`); err != nil || !strings.Contains(result, "Echo: knock") {
		t.Errorf("got %s, %v; want the echo", result, err)
	}
}
