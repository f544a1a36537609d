package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/internal/testparts"
)

// everything puts the official server-everything behind a gateway, and
// returns its own URL too.
func everything(t *testing.T) (h *house, direct string) {
	t.Helper()
	direct = testparts.Everything(t)
	return newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: every, name: Everything, url: %q, trusted: true, shared: true}\n", direct)).start(), direct
}

// A session is a transport session of 2025-11-25, spoken by hand, so that
// answers can be compared byte for byte.
type session struct {
	t        *testing.T
	endpoint string
	header   http.Header
}

func openSession(t *testing.T, endpoint, bearer string) *session {
	t.Helper()
	s := &session{t, endpoint, http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}}}
	if bearer != "" {
		s.header.Set("Authorization", "Bearer "+bearer)
	}
	resp := s.post(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"e2e","version":"1"}}}`)
	s.header.Set("Mcp-Session-Id", resp.Header.Get("Mcp-Session-Id"))
	s.header.Set("MCP-Protocol-Version", "2025-11-25")
	_, _ = read(resp)
	_, _ = read(s.post(`{"jsonrpc":"2.0","method":"notifications/initialized"}`))
	return s
}

func (s *session) post(body string) *http.Response {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.endpoint, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header = s.header.Clone()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		_, text := read(resp)
		s.t.Fatalf("%s answered %d %s", body, resp.StatusCode, text)
	}
	return resp
}

// messages are the JSON-RPC messages of an answer, whether as JSON or as a
// stream of events.
func (s *session) messages(body string) [][]byte {
	s.t.Helper()
	_, text := read(s.post(body))
	if strings.HasPrefix(text, "{") {
		return [][]byte{[]byte(text)}
	}
	var out [][]byte
	for line := range strings.Lines(text) {
		if data, ok := strings.CutPrefix(line, "data:"); ok && strings.TrimSpace(data) != "" {
			out = append(out, bytes.TrimSpace([]byte(data)))
		}
	}
	return out
}

// result is the result of a call, as it was written.
func (s *session) result(tool, args string) string {
	s.t.Helper()
	messages := s.messages(callBody(tool, args, ""))
	return resultOf(s.t, messages[len(messages)-1])
}

func callBody(tool, args, meta string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s%s}}`, tool, args, meta)
}

func resultOf(t *testing.T, message []byte) string {
	t.Helper()
	var m struct{ Result json.RawMessage }
	if err := json.Unmarshal(message, &m); err != nil || m.Result == nil {
		t.Fatalf("got %s (%v); want a result", message, err)
	}
	return string(m.Result)
}

// What an upstream answers comes through as it was written.
func TestResultsOfTheOfficialServerComeThroughByteForByte(t *testing.T) {
	h, upstream := everything(t)
	direct, through := openSession(t, upstream, ""), openSession(t, h.url+"/mcp", h.token("alice", "write").Token)
	for tool, args := range map[string]string{
		"echo":                   `{"message":"grüße \u2028 12345678901234567890 \"quoted\""}`,
		"get-sum":                `{"a":9007199254740993,"b":1.50}`,
		"get-structured-content": `{"location":"New York"}`,
		"get-tiny-image":         `{}`,
		"get-annotated-message":  `{"messageType":"error","includeImage":true}`,
		"get-resource-links":     `{"count":3}`,
		"get-resource-reference": `{"resourceType":"Text","resourceId":1}`,
	} {
		t.Run(tool, func(t *testing.T) {
			want, got := direct.result(tool, args), through.result("every__"+tool, args)
			if diff := cmp.Diff(withoutTimes(want), withoutTimes(got)); diff != "" {
				t.Errorf("the result changed on its way (-direct +through):\n%s", diff)
			}
		})
	}
}

// withoutTimes cuts the moment that a resource's text names.
func withoutTimes(text string) string {
	const mark = "This is a plaintext resource created at "
	before, after, ok := strings.Cut(text, mark)
	if !ok {
		return text
	}
	return before + mark + after[strings.IndexByte(after, '"'):]
}

// Definitions come through too, but for the name.
func TestDefinitionsOfTheOfficialServerComeThrough(t *testing.T) {
	h, upstream := everything(t)
	direct, through := openSession(t, upstream, ""), openSession(t, h.url+"/mcp", h.token("alice", "write").Token)
	want, got := definitions(t, direct, ""), definitions(t, through, "every__")
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("%d definitions changed on their way (-direct +through):\n%s", len(want), diff)
	}
}

// definitions are the tools of a list, sorted, each as it was written but
// without prefix.
func definitions(t *testing.T, s *session, prefix string) []string {
	t.Helper()
	messages := s.messages(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	var list struct{ Tools []json.RawMessage }
	if err := json.Unmarshal([]byte(resultOf(t, messages[len(messages)-1])), &list); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, tool := range list.Tools {
		out = append(out, strings.Replace(string(tool), `"name":"`+prefix, `"name":"`, 1))
	}
	slices.Sort(out)
	return out
}

func TestProgressOfALongCallComesThrough(t *testing.T) {
	h, _ := everything(t)
	through := openSession(t, h.url+"/mcp", h.token("alice", "write").Token)
	const steps = 3
	messages := through.messages(callBody("every__trigger-long-running-operation", fmt.Sprintf(`{"duration":0.3,"steps":%d}`, steps), `,"_meta":{"progressToken":"mine"}`))
	var progress int
	for _, m := range messages[:len(messages)-1] {
		if strings.Contains(string(m), "notifications/progress") && strings.Contains(string(m), `"progressToken":"mine"`) {
			progress++
		}
	}
	if progress != steps {
		t.Errorf("got %d notes of progress in %s; want %d", progress, bytes.Join(messages, []byte("\n")), steps)
	}
	if got := resultOf(t, messages[len(messages)-1]); !strings.Contains(got, "Long running operation completed") {
		t.Errorf("got %s", got)
	}
}

// The same server for a client of the era without sessions.
func TestTheOfficialServerIsReachedInTheOtherEra(t *testing.T) {
	h, _ := everything(t)
	c := h.agent(h.token("alice", "write"), modern, nil)
	if result, err := called(t, c, "every__echo", `{"message":"knock"}`); err != nil || !strings.Contains(result, "Echo: knock") {
		t.Errorf("got %s, %v; want the echo", result, err)
	}
	if result, err := called(t, c, "every__get-structured-content", `{"location":"Chicago"}`); err != nil || !strings.Contains(result, `"structuredContent":{`) {
		t.Errorf("got %s, %v; want structured content", result, err)
	}
}
