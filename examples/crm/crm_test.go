package crm_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/examples/crm"
)

var (
	eras = []string{"2025-11-25", "2026-07-28"}
	ada  = crm.Contact{
		ID: "c-17", SiteID: "site-A", Name: "Ada Lovelace",
		Email: "a.lovelace@analytical.example", Company: "Analytical Engines",
	}
)

type args = map[string]any

func TestAContactIsReadInBothEras(t *testing.T) {
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			session, _ := open(t, era)
			got := decode[crm.Contact](t, call(t, session, "get_contact", args{"siteId": "site-A", "id": "c-17"}))
			if diff := cmp.Diff(ada, got); diff != "" {
				t.Errorf("contact (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAContactOfAnotherSiteIsOutOfReach(t *testing.T) {
	session, _ := open(t, "2026-07-28")
	for tool, extra := range map[string]args{
		"get_contact":    {},
		"update_contact": {"name": "Mallory"},
		"delete_contact": {"reason": "because I can"},
	} {
		extra["siteId"], extra["id"] = "site-B", "c-17"
		if result := call(t, session, tool, extra); !result.IsError {
			t.Errorf("%s of site-A's contact through site-B: got %s, want an error", tool, text(result))
		}
	}
	got := decode[crm.Contact](t, call(t, session, "get_contact", args{"siteId": "site-A", "id": "c-17"}))
	if diff := cmp.Diff(ada, got); diff != "" {
		t.Errorf("contact afterwards (-want +got):\n%s", diff)
	}
}

func TestListsHoldOnlyTheSiteAskedFor(t *testing.T) {
	session, _ := open(t, "2026-07-28")
	for _, test := range []struct {
		tool string
		args args
		want []string
	}{
		{"get_contacts", args{"siteId": "site-A"}, []string{"c-11", "c-12", "c-13", "c-14", "c-17"}},
		{"get_contacts", args{"siteId": "site-B"}, []string{"c-21", "c-22", "c-23", "c-24"}},
		{"get_contacts", args{"siteId": "site-C"}, nil},
		{"search", args{"siteId": "site-A", "query": "LOVELACE"}, []string{"c-11", "c-17"}},
		{"search", args{"siteId": "site-B", "query": "lovelace"}, nil},
		{"search", args{"siteId": "site-B", "query": "radio"}, []string{"c-23"}},
	} {
		var ids []string
		list := decode[struct{ Contacts []crm.Contact }](t, call(t, session, test.tool, test.args))
		for _, contact := range list.Contacts {
			ids = append(ids, contact.ID)
		}
		if diff := cmp.Diff(test.want, ids); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", test.tool, test.args, diff)
		}
	}
}

func TestAnUpdateChangesWhatItNamesAndNothingElse(t *testing.T) {
	session, _ := open(t, "2026-07-28")
	want := ada
	want.Email = "ada@lovelace.example"
	change := args{"siteId": "site-A", "id": "c-17", "email": want.Email}
	got := decode[crm.Contact](t, call(t, session, "update_contact", change))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("updated contact (-want +got):\n%s", diff)
	}
	if result := call(t, session, "update_contact", args{"siteId": "site-A", "id": "c-17"}); !result.IsError {
		t.Errorf("update with nothing to change: got %s, want an error", text(result))
	}
}

func TestADeletedContactIsGone(t *testing.T) {
	session, _ := open(t, "2025-11-25")
	victim := args{"siteId": "site-A", "id": "c-17", "reason": "duplicate of c-11"}
	got := decode[crm.Contact](t, call(t, session, "delete_contact", victim))
	if diff := cmp.Diff(ada, got); diff != "" {
		t.Errorf("deleted contact (-want +got):\n%s", diff)
	}
	if result := call(t, session, "delete_contact", victim); !result.IsError {
		t.Errorf("second delete: got %s, want an error", text(result))
	}
}

func TestAnUnknownArgumentIsRefused(t *testing.T) {
	session, _ := open(t, "2026-07-28")
	result := call(t, session, "get_contacts", args{"siteId": "site-A", "siteID": "site-B"})
	if !result.IsError {
		t.Errorf("unknown argument: got %s, want an error", text(result))
	}
}

func TestEveryToolRequiresASiteAndSaysHowRiskyItIs(t *testing.T) {
	session, _ := open(t, "2026-07-28")
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, tool := range list.Tools {
		schema := tool.InputSchema.(map[string]any)
		if _, ok := schema["properties"].(map[string]any)["siteId"]; !ok {
			t.Errorf("%s: siteId is not a property of %v", tool.Name, schema)
		}
		if required, _ := json.Marshal(schema["required"]); !strings.Contains(string(required), `"siteId"`) {
			t.Errorf("%s: got required %s, want siteId among them", tool.Name, required)
		}
		got[tool.Name] = risk(tool.Annotations)
	}
	want := map[string]string{
		"get_contacts": "reads", "get_contact": "reads", "search": "reads",
		"update_contact": "writes", "delete_contact": "destroys",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tools (-want +got):\n%s", diff)
	}
}

func TestAContactIsAResource(t *testing.T) {
	session, _ := open(t, "2026-07-28")
	result, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "crm://site-A/contacts/c-17"})
	if err != nil {
		t.Fatal(err)
	}
	var got crm.Contact
	if err := json.Unmarshal([]byte(result.Contents[0].Text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ada, got); diff != "" {
		t.Errorf("contact (-want +got):\n%s", diff)
	}
	for _, uri := range []string{"crm://site-B/contacts/c-17", "crm://site-A/contacts/", "crm://site-A/c-17"} {
		if _, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri}); err == nil {
			t.Errorf("read %s: got no error, want not found", uri)
		}
	}
}

func TestThePromptHoldsTheContact(t *testing.T) {
	session, _ := open(t, "2025-11-25")
	params := &mcp.GetPromptParams{Name: "prepare_meeting", Arguments: map[string]string{"siteId": "site-A", "id": "c-17"}}
	prompt, err := session.GetPrompt(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	text := prompt.Messages[0].Content.(*mcp.TextContent).Text
	if want := "Ada Lovelace of Analytical Engines"; !strings.Contains(text, want) {
		t.Errorf("prompt: got %q, want it to name %q", text, want)
	}
	params.Arguments["siteId"] = "site-B"
	if _, err := session.GetPrompt(t.Context(), params); err == nil {
		t.Error("prompt about another site's contact: got no error, want one")
	}
}

func TestOfManyDeletesAtOnceOneSucceeds(t *testing.T) {
	session, app := open(t, "2026-07-28")
	const callers = 16
	var group sync.WaitGroup
	deleted := make(chan bool, callers)
	for range callers {
		group.Go(func() {
			result, err := session.CallTool(t.Context(), &mcp.CallToolParams{
				Name: "delete_contact", Arguments: args{"siteId": "site-A", "id": "c-17"},
			})
			deleted <- err == nil && !result.IsError
		})
	}
	group.Wait()
	close(deleted)
	succeeded := 0
	for ok := range deleted {
		if ok {
			succeeded++
		}
	}
	if succeeded != 1 {
		t.Errorf("successful deletes: got %d, want 1", succeeded)
	}
	if got := app.Calls("delete_contact"); got != callers {
		t.Errorf("counted calls: got %d, want %d", got, callers)
	}
}

func TestTheCountOfCallsIsServedBesideTheTools(t *testing.T) {
	session, app := open(t, "2025-11-25")
	call(t, session, "search", args{"siteId": "site-A", "query": "ada"})
	recorder := httptest.NewRecorder()
	app.Handler().ServeHTTP(recorder, httptest.NewRequest("GET", "/calls", nil))
	if got, want := strings.TrimSpace(recorder.Body.String()), `{"search":1}`; got != want {
		t.Errorf("GET /calls: got %s, want %s", got, want)
	}
}

func TestEachHandlerHasContactsOfItsOwn(t *testing.T) {
	first, app := open(t, "2026-07-28")
	second, _ := open(t, "2026-07-28")
	victim := args{"siteId": "site-A", "id": "c-17"}
	call(t, first, "delete_contact", victim)
	decode[crm.Contact](t, call(t, second, "get_contact", victim))
	if got := app.Calls("get_contact"); got != 0 {
		t.Errorf("calls of the first: got %d, want 0", got)
	}
}

func open(t *testing.T, version string) (*mcp.ClientSession, *crm.CRM) {
	t.Helper()
	app := crm.New()
	front := httptest.NewServer(app.Handler())
	t.Cleanup(front.Close)
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(),
		&mcp.StreamableClientTransport{Endpoint: front.URL + "/mcp"},
		&mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatalf("connect with %s: %v", version, err)
	}
	t.Cleanup(func() { session.Close() })
	return session, app
}

func call(t *testing.T, session *mcp.ClientSession, tool string, arguments args) *mcp.CallToolResult {
	t.Helper()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("call %s %v: %v", tool, arguments, err)
	}
	return result
}

func decode[T any](t *testing.T, result *mcp.CallToolResult) T {
	t.Helper()
	var value T
	if result.IsError {
		t.Fatalf("got the error %s, want a result", text(result))
	}
	structured, err := json.Marshal(result.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(structured, &value); err != nil {
		t.Fatalf("decode %s: %v", structured, err)
	}
	return value
}

func text(result *mcp.CallToolResult) string {
	if len(result.Content) == 0 {
		return ""
	}
	return result.Content[0].(*mcp.TextContent).Text
}

func risk(a *mcp.ToolAnnotations) string {
	switch {
	case a.ReadOnlyHint:
		return "reads"
	case a.DestructiveHint == nil || *a.DestructiveHint:
		return "destroys"
	default:
		return "writes"
	}
}
