package mcpguard_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
)

// asker has a fixture whose delete_contact asks its client twice before it
// does anything, and whose get_contact does so too; only the first needs a
// yes, which is good for one call.
func asker(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	for _, name := range []string{"delete_contact", "get_contact"} {
		f.server.RemoveTools(name)
		f.server.AddTool(&mcp.Tool{Name: name, InputSchema: json.RawMessage(`{"type":"object"}`)}, f.ask)
	}
	return f
}

func (f *fixture) ask(_ context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	_, answered := req.Params.InputResponses["sure"]
	next := map[string]string{"": "first", "first": "second"}[req.Params.RequestState]
	if next != "" && (!answered || next == "second") {
		sure := &mcp.ElicitParams{Mode: "form", Message: "Sure?", RequestedSchema: json.RawMessage(`{"type":"object","properties":{}}`)}
		return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"sure": sure}, RequestState: next}, nil
	}
	f.ran.Add(1)
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "did it after " + req.Params.RequestState}}}, nil
}

// asked connects a client of 2026-07-28 that can be asked; by hand: its caller
// comes back itself.
func (f *fixture) asked(t *testing.T, token ostiary.Secret, byHand bool) *mcp.ClientSession {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ClientOptions{
		MultiRoundTrip: &mcp.MultiRoundTripOptions{Disabled: byHand},
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{}}, nil
		},
	})
	s, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: f.url, DisableStandaloneSSE: true, HTTPClient: &http.Client{Transport: bearer{token}}, MaxRetries: -1,
	}, &mcp.ClientSessionOptions{ProtocolVersion: eras[1]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// back comes back with a state, and says that it is sure.
func back(t *testing.T, s *mcp.ClientSession, tool, args, state string) (*mcp.CallToolResult, error) {
	t.Helper()
	return s.CallTool(t.Context(), &mcp.CallToolParams{
		Name: tool, Arguments: json.RawMessage(args), RequestState: state,
		InputResponses: mcp.InputResponseMap{"sure": &mcp.ElicitResult{Action: "accept", Content: map[string]any{}}},
	})
}

// approved begins a call that alice says yes to, once.
func (f *fixture) approved(t *testing.T, s *mcp.ClientSession, args string) {
	t.Helper()
	wantReason(t, ostiary.ReasonApprovalRequired, s, "delete_contact", args)
	f.decide(t, f.onlyRequest(t).ID, approval.Answer{Decision: approval.Approve, Scope: "once"})
}

// asksAgain wants a result that asks, and returns the state in it.
func asksAgain(t *testing.T, res *mcp.CallToolResult, err error) string {
	t.Helper()
	if err != nil || !res.NeedsInput() || res.RequestState == "" {
		t.Fatalf("got %+v, %v; want a result that asks", res, err)
	}
	if strings.Contains(res.RequestState, "first") || strings.Contains(res.RequestState, "second") {
		t.Fatalf("the client is shown the state %q", res.RequestState)
	}
	return res.RequestState
}

func TestOneYesIsGoodForACallOfSeveralRounds(t *testing.T) {
	f := asker(t)
	_, secret := f.token(t, "alice", ostiary.TierAdmin)
	s := f.asked(t, secret, false)
	f.approved(t, s, `{"id":"1"}`)
	if res, err := call(t, s, "delete_contact", `{"id":"1"}`); err != nil || res.IsError || f.ran.Load() != 1 {
		t.Fatalf("got %+v, %v; want the call done once", res, err)
	}
	wantReason(t, ostiary.ReasonApprovalRequired, s, "delete_contact", `{"id":"1"}`)
	wantReason(t, "", s, "get_contact", `{"id":"1"}`) // what needs no yes goes on as well
	f.wantRounds(t, "crm:delete_contact", 3)
}

// wantRounds wants that the rounds of a tool's calls are of one call.
func (f *fixture) wantRounds(t *testing.T, tool ostiary.ToolID, want int) {
	t.Helper()
	entries, _, err := f.house.Log.Search(t.Context(), audit.Query{Tool: tool, Kind: audit.KindIntent})
	if err != nil {
		t.Fatal(err)
	}
	calls := map[ostiary.CallID]bool{}
	for _, e := range entries {
		calls[e.CallID] = true
	}
	if len(entries) != want || len(calls) != 1 {
		t.Errorf("got %d intents of %d calls; want %d of one", len(entries), len(calls), want)
	}
}

// Each attack has a first round with a yes; what it comes back with is wrong.
func TestWhatIsNotOfThisCallDoesNotGoOn(t *testing.T) {
	for name, c := range map[string]struct {
		tool, args string
		spoil      func(state string) string
	}{
		"other arguments": {"delete_contact", `{"id":"2"}`, nil},
		"another tool":    {"get_contact", `{"id":"1"}`, nil},
		"a changed state": {"delete_contact", `{"id":"1"}`, func(s string) string { return s[:len(s)-8] + "AAAAAAAA" }},
		"a made up state": {"delete_contact", `{"id":"1"}`, func(string) string { return "first" }},
	} {
		t.Run(name, func(t *testing.T) {
			f := asker(t)
			_, secret := f.token(t, "alice", ostiary.TierAdmin)
			s := f.asked(t, secret, true)
			f.approved(t, s, `{"id":"1"}`)
			res, err := call(t, s, "delete_contact", `{"id":"1"}`)
			first := asksAgain(t, res, err)
			state := first
			if c.spoil != nil {
				state = c.spoil(first)
			}
			_, err = back(t, s, c.tool, c.args, state)
			var wrong *jsonrpc.Error
			if !errors.As(err, &wrong) || wrong.Code != jsonrpc.CodeInvalidParams || !strings.Contains(wrong.Message, "requestState") || f.ran.Load() != 0 {
				t.Errorf("got %v, ran %d times; want -32602 about requestState", err, f.ran.Load())
			}
			res, err = back(t, s, "delete_contact", `{"id":"1"}`, first) // as it was given
			second := asksAgain(t, res, err)
			if res, err = back(t, s, "delete_contact", `{"id":"1"}`, second); err != nil || res.IsError || f.ran.Load() != 1 {
				t.Errorf("got %+v, %v; want the call done", res, err)
			}
		})
	}
}

func TestAStateIsGoodOnceAndForWhomItWasGiven(t *testing.T) {
	f := asker(t)
	_, secret := f.token(t, "alice", ostiary.TierAdmin)
	_, bosss := f.token(t, "boss", ostiary.TierAdmin)
	s, boss := f.asked(t, secret, true), f.asked(t, bosss, true)
	f.approved(t, s, `{"id":"1"}`)
	res, err := call(t, s, "delete_contact", `{"id":"1"}`)
	first := asksAgain(t, res, err)
	if _, err := back(t, boss, "delete_contact", `{"id":"1"}`, first); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("another person got %v", err)
	}
	res, err = back(t, s, "delete_contact", `{"id":"1"}`, first)
	second := asksAgain(t, res, err)
	res, err = back(t, s, "delete_contact", `{"id":"1"}`, first)
	if got := reasonOf(t, res, err); got != ostiary.ReasonSuperseded {
		t.Errorf("the second use of a state got %q; want superseded", got)
	}
	if res, err := back(t, s, "delete_contact", `{"id":"1"}`, second); err != nil || res.IsError || f.ran.Load() != 1 {
		t.Errorf("got %+v, %v; want the call done once", res, err)
	}
}

func TestARoundIsDecidedWithTheRightsOfItsTime(t *testing.T) {
	f := asker(t)
	p, secret := f.token(t, "alice", ostiary.TierAdmin)
	s := f.asked(t, secret, true)
	f.approved(t, s, `{"id":"1"}`)
	res, err := call(t, s, "delete_contact", `{"id":"1"}`)
	first := asksAgain(t, res, err)
	if _, err := f.house.Tokens.Revoke(t.Context(), p.ID, "", audit.Actor{}); err != nil {
		t.Fatal(err)
	}
	if res, err := back(t, s, "delete_contact", `{"id":"1"}`, first); err == nil && !res.IsError || f.ran.Load() != 0 {
		t.Errorf("got %+v, %v; want a refusal", res, err)
	}
}

// Who had to say yes would have seen answers that nobody had asked for.
func TestAnswersThatNobodyAskedForAreDroppedWhereAYesWasNeeded(t *testing.T) {
	f := asker(t)
	_, secret := f.token(t, "alice", ostiary.TierAdmin)
	s := f.asked(t, secret, true)
	f.approved(t, s, `{"id":"1"}`)
	res, err := back(t, s, "delete_contact", `{"id":"1"}`, "")
	first := asksAgain(t, res, err)
	res, err = back(t, s, "delete_contact", `{"id":"1"}`, first)
	second := asksAgain(t, res, err)
	if res, err = back(t, s, "delete_contact", `{"id":"1"}`, second); err != nil || res.IsError {
		t.Errorf("got %+v, %v; want the call done", res, err)
	}
}

// Of a hidden tool nothing is said, whatever the state.
func TestAStateTellsNothingOfAHiddenTool(t *testing.T) {
	f := asker(t)
	_, secret := f.token(t, "alice", ostiary.TierAdmin)
	s := f.asked(t, secret, true)
	_, hidden := back(t, s, "manage", `{}`, "x")
	_, absent := back(t, s, "manage2", `{}`, "x")
	if hidden == nil || absent == nil || hidden.Error() != strings.ReplaceAll(absent.Error(), "manage2", "manage") {
		t.Errorf("got %v for a hidden tool, %v for an absent one; want the same", hidden, absent)
	}
}
