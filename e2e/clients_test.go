package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/internal/testparts"
)

const (
	modern = "2026-07-28"
	legacy = "2025-11-25"
)

// agent connects the official TypeScript client to a house. onElicit is the
// person at the client; nil: the client can't show links.
func (h *house) agent(t token, version string, onElicit func(testparts.Elicitation) string) *testparts.Client {
	h.t.Helper()
	c, err := testparts.Connect(h.t, testparts.ClientOptions{
		URL: h.url + "/mcp", Version: version, OnElicit: onElicit,
		Headers: map[string]string{"Authorization": "Bearer " + t.Token},
	})
	if err != nil {
		h.t.Fatalf("connect a client of %s: %v", version, err)
	}
	if got := c.Version(); got != version {
		h.t.Fatalf("agreed on %s; want %s", got, version)
	}
	return c
}

// called is a call by the TypeScript client and what came of it.
func called(t *testing.T, c *testparts.Client, tool, args string) (string, error) {
	t.Helper()
	result, err := c.Do(t, "callTool", map[string]any{"name": tool, "arguments": json.RawMessage(args)})
	return string(result), err
}

// To close the dialogue is no yes, and saying accept is none either.
func TestAnAnswerToAnElicitationApprovesNothing(t *testing.T) {
	up := newChanging(t)
	h := newHouse(t, "", up.app()+"\napprovals: {hold: 0s}\n").start()
	for _, action := range []string{"accept", "decline", "cancel"} {
		asked := 0
		c := h.agent(h.token("alice", "write"), modern, func(testparts.Elicitation) string {
			asked++
			if asked > 1 {
				return "cancel" // a client that says accept is asked again
			}
			return action
		})
		if result, err := called(t, c, "small__act", act("one")); err == nil && !strings.Contains(result, `"isError":true`) {
			t.Errorf("%s: got %s; want the call to be refused", action, result)
		}
		if asked == 0 {
			t.Errorf("%s: nobody was asked", action)
		}
	}
	up.wantCalls(t, 0)
}

// approveWhenAsked says yes to the next request, from another goroutine.
func (h *house) approveWhenAsked(operator string) (problem string) {
	c := h.caller()
	defer c.close()
	var page struct{ Items []struct{ ID string } }
	for len(page.Items) == 0 {
		if err := h.t.Context().Err(); err != nil {
			return "nothing ever waited"
		}
		if status, text := c.api(operator, http.MethodGet, "/approvals?status=pending", nil, &page); status != http.StatusOK {
			return text
		}
	}
	status, text := c.api(operator, http.MethodPost, "/approvals/"+page.Items[0].ID+"/decision", map[string]string{"decision": "approve", "scope": "once"}, nil)
	if status != http.StatusOK {
		return text
	}
	return ""
}

func TestTheTypeScriptClientListsWhatIsForItsPerson(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	for _, version := range []string{modern, legacy} {
		c := h.agent(h.token("alice", "write"), version, nil)
		result, err := c.Do(t, "listTools", nil)
		if err != nil || !strings.Contains(string(result), `"crm__get_contacts"`) || !strings.Contains(string(result), `"notes__add_note"`) {
			t.Errorf("%s: got %s, %v; want both apps' tools", version, result, err)
		}
	}
}

// goAgent connects the official Go SDK's client.
func (h *house) goAgent(tok token, version string) *mcp.ClientSession {
	h.t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "go-agent", Version: "1"}, &mcp.ClientOptions{Capabilities: &mcp.ClientCapabilities{}})
	transport := &mcp.StreamableClientTransport{Endpoint: h.url + "/mcp", HTTPClient: &http.Client{Transport: bearing(tok.Token)}}
	s, err := client.Connect(h.t.Context(), transport, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		h.t.Fatalf("connect the Go SDK's client of %s: %v", version, err)
	}
	h.t.Cleanup(func() { _ = s.Close() })
	if got := s.InitializeResult().ProtocolVersion; got != version {
		h.t.Fatalf("agreed on %s; want %s", got, version)
	}
	return s
}

// bearing sends a token along.
type bearing string

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func TestTheGoSDKClientActsWhereItMayOnly(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	alice := h.token("alice", "write") // in site-A
	for _, version := range []string{modern, legacy} {
		t.Run(version, func(t *testing.T) {
			s := h.goAgent(alice, version)
			for site, want := range map[string]string{"site-A": "Ada Lovelace", "site-B": "site_not_allowed", "": "site_required"} {
				args := map[string]any{"siteId": site}
				if site == "" {
					args = map[string]any{}
				}
				got := goCall(t, s, "crm__get_contacts", args)
				if !strings.Contains(got, want) {
					t.Errorf("in site %q: got %s; want %s in it", site, got, want)
				}
			}
			if got := goCall(t, s, "notes__list_notes", nil); strings.Contains(got, `"isError":true`) {
				t.Errorf("list_notes: got %s", got)
			}
		})
	}
}

func goCall(t *testing.T, s *mcp.ClientSession, tool string, args any) string {
	t.Helper()
	result, err := s.CallTool(context.WithoutCancel(t.Context()), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatalf("call %s: %v", tool, err)
	}
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
