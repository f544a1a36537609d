package e2e_test

import (
	"fmt"
	"strings"
	"testing"
)

// misshapen are definitions each of which alone has the official TypeScript
// client of one era or of both throw away the list that it stands in.
var misshapen = []string{
	`{"name":"b01"}`,
	`{"name":"b02","inputSchema":true}`,
	`{"name":"b03","inputSchema":{}}`,
	`{"name":"b04","inputSchema":{"type":["object"]}}`,
	`{"name":"b05","inputSchema":{"type":"object","required":"x"}}`,
	`{"name":"b06","inputSchema":{"type":"object","properties":[]}}`,
	`{"name":"b07","inputSchema":{"type":"object"},"outputSchema":[]}`,
	`{"name":"b08","inputSchema":{"type":"object"},"outputSchema":{"type":"array"}}`,
	`{"name":"b09","inputSchema":{"type":"object"},"description":7}`,
	`{"name":"b10","inputSchema":{"type":"object"},"title":null}`,
	`{"name":"b11","inputSchema":{"type":"object"},"annotations":[]}`,
	`{"name":"b12","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":"yes"}}`,
	`{"name":"b13","inputSchema":{"type":"object"},"_meta":[]}`,
	`{"name":"b14","inputSchema":{"type":"object"},"icons":{}}`,
	`{"name":"b15","inputSchema":{"type":"object"},"icons":[{"mimeType":"image/png"}]}`,
	`{"name":"b16","inputSchema":{"type":"object"},"execution":{"taskSupport":"maybe"}}`,
}

// TestOneBadDefinitionHidesNoGoodOne: a client that checks what it gets would
// see no tool of any app.
func TestOneBadDefinitionHidesNoGoodOne(t *testing.T) {
	p := newParrot(t, legacy, "json")
	p.tools = append([]string{`{"name":"good","inputSchema":{"type":"object","properties":{"n":true}},"annotations":{"x":1},"unknown":[]}`}, misshapen...)
	p.lay(1, &saying{result: `{"content":[{"type":"text","text":"did one"}]}`})
	modernOne := newParrot(t, modern, "json")
	modernOne.tools = []string{`{"name":"any","inputSchema":{"type":"object"},"outputSchema":{"type":"array"}}`, misshapen[0]}
	h := newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: small, %s, shared: true}\n  - {id: new, %s, shared: true}\n", p.app, modernOne.app)).start()
	alice := h.token("alice", "write")
	for _, version := range []string{modern, legacy} {
		c := h.agent(alice, version, nil)
		list, err := c.Do(t, "listTools", nil)
		if err != nil || !strings.Contains(string(list), `"small__good"`) || !strings.Contains(string(list), `"new__any"`) || strings.Contains(string(list), `__b`) {
			t.Errorf("%s: got %s, %v; want the two good ones", version, list, err)
		}
		if result, err := called(t, c, "small__good", `{"n":1}`); err != nil || !strings.Contains(result, "did one") {
			t.Errorf("%s: got %s, %v; want the call to be made", version, result, err)
		}
	}
}
