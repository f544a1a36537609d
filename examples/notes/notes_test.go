package notes_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/examples/notes"
)

type args = map[string]any

func TestANoteIsWrittenReadAndDeletedInBothEras(t *testing.T) {
	for _, era := range []string{"2025-11-25", "2026-07-28"} {
		t.Run(era, func(t *testing.T) {
			session, _ := open(t, era)
			want := notes.Note{ID: "n-4", Title: "Call Ada", Text: "About the engine."}
			added := note(t, session, "add_note", args{"title": want.Title, "text": want.Text})
			read := note(t, session, "read_note", args{"id": "n-4"})
			deleted := note(t, session, "delete_note", args{"id": "n-4"})
			if diff := cmp.Diff([]notes.Note{want, want, want}, []notes.Note{added, read, deleted}); diff != "" {
				t.Errorf("note added, read, deleted (-want +got):\n%s", diff)
			}
			refused(t, session, "read_note", args{"id": "n-4"})
			refused(t, session, "delete_note", args{"id": "n-4"})
		})
	}
}

func TestAnIDIsNeverUsedTwice(t *testing.T) {
	session, _ := open(t, "2026-07-28")
	note(t, session, "delete_note", args{"id": "n-3"})
	added := note(t, session, "add_note", args{"title": "New", "text": "note"})
	if got, want := added.ID, "n-4"; got != want {
		t.Errorf("id after a delete: got %s, want %s", got, want)
	}
}

func TestTheListHoldsTitlesAndNoTexts(t *testing.T) {
	session, _ := open(t, "2026-07-28")
	got := call(t, session, "list_notes", nil).StructuredContent
	want := args{"notes": []any{
		args{"id": "n-1", "title": "Groceries"},
		args{"id": "n-2", "title": "Quarterly plan"},
		args{"id": "n-3", "title": "Wi-Fi for guests"},
	}}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestAFullNotebookTakesNoMore(t *testing.T) {
	session, app := open(t, "2026-07-28")
	for app.Calls("add_note") < 997 {
		note(t, session, "add_note", args{"title": "again", "text": "and again"})
	}
	refused(t, session, "add_note", args{"title": "one", "text": "too many"})
	note(t, session, "delete_note", args{"id": "n-1"})
	note(t, session, "add_note", args{"title": "room", "text": "again"})
}

func TestConcurrentNotesAllGetIDsOfTheirOwn(t *testing.T) {
	session, _ := open(t, "2025-11-25")
	const writers = 16
	ids := make(chan string, writers)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() { ids <- note(t, session, "add_note", args{"title": "t", "text": "x"}).ID })
	}
	group.Wait()
	close(ids)
	seen := make(map[string]bool)
	for id := range ids {
		seen[id] = true
	}
	if got := len(seen); got != writers {
		t.Errorf("different ids: got %d, want %d", got, writers)
	}
}

func TestNoToolHasASite(t *testing.T) {
	session, _ := open(t, "2026-07-28")
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(list.Tools), 4; got != want {
		t.Errorf("tools: got %d, want %d", got, want)
	}
	for _, tool := range list.Tools {
		properties, _ := tool.InputSchema.(map[string]any)["properties"].(map[string]any)
		if _, ok := properties["siteId"]; ok {
			t.Errorf("%s has a siteId, want none", tool.Name)
		}
	}
}

func TestEveryToolSaysHowRiskyItIs(t *testing.T) {
	session, _ := open(t, "2026-07-28")
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][2]bool)
	for _, tool := range list.Tools {
		destroys := tool.Annotations.DestructiveHint
		got[tool.Name] = [2]bool{tool.Annotations.ReadOnlyHint, destroys != nil && *destroys}
	}
	want := map[string][2]bool{ // reads, destroys
		"list_notes": {true, false}, "read_note": {true, false},
		"add_note": {false, false}, "delete_note": {false, true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reads and destroys (-want +got):\n%s", diff)
	}
}

func TestTheCountOfCallsIsServedBesideTheTools(t *testing.T) {
	session, app := open(t, "2025-11-25")
	call(t, session, "list_notes", nil)
	recorder := httptest.NewRecorder()
	app.Handler().ServeHTTP(recorder, httptest.NewRequest("GET", "/calls", nil))
	if got, want := strings.TrimSpace(recorder.Body.String()), `{"list_notes":1}`; got != want {
		t.Errorf("GET /calls: got %s, want %s", got, want)
	}
}

func open(t *testing.T, version string) (*mcp.ClientSession, *notes.App) {
	t.Helper()
	app := notes.New()
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
		t.Errorf("call %s %v: %v", tool, arguments, err)
		return &mcp.CallToolResult{IsError: true}
	}
	return result
}

func note(t *testing.T, session *mcp.ClientSession, tool string, arguments args) (n notes.Note) {
	t.Helper()
	result := call(t, session, tool, arguments)
	structured, err := json.Marshal(result.StructuredContent)
	if err != nil || result.IsError || json.Unmarshal(structured, &n) != nil {
		t.Errorf("%s %v: got %s and error %v, want a note", tool, arguments, structured, err)
	}
	return n
}

func refused(t *testing.T, session *mcp.ClientSession, tool string, arguments args) {
	t.Helper()
	if result := call(t, session, tool, arguments); !result.IsError {
		t.Errorf("%s %v: got %v, want an error", tool, arguments, result.StructuredContent)
	}
}
