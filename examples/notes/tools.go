package notes

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The SDK makes each tool's input and output schema from these types.
type (
	listInput struct{}
	noteInput struct {
		ID string `json:"id" jsonschema:"the note's id, such as n-1"`
	}
	addInput struct {
		Title string `json:"title" jsonschema:"what the note is about"`
		Text  string `json:"text" jsonschema:"what it says"`
	}
	titleOnly struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	}
	noteList struct {
		Notes []titleOnly `json:"notes" jsonschema:"the notes, oldest first"`
	}
)

func (a *App) addTools() {
	mcp.AddTool(a.server, &mcp.Tool{
		Name: "list_notes", Title: "List notes",
		Description: "Lists ids and titles of all notes.",
		Annotations: reads(),
	}, a.listNotes)
	mcp.AddTool(a.server, &mcp.Tool{
		Name: "read_note", Title: "Read a note",
		Description: "Reads one note.",
		Annotations: reads(),
	}, a.readNote)
	mcp.AddTool(a.server, &mcp.Tool{
		Name: "add_note", Title: "Write a note",
		Description: "Adds a note at the end of the notebook.",
		Annotations: &mcp.ToolAnnotations{DestructiveHint: new(false), OpenWorldHint: new(false)},
	}, a.addNote)
	mcp.AddTool(a.server, &mcp.Tool{
		Name: "delete_note", Title: "Delete a note",
		Description: "Deletes a note for good.",
		Annotations: &mcp.ToolAnnotations{DestructiveHint: new(true), OpenWorldHint: new(false)},
	}, a.deleteNote)
}

// reads annotates tools that change nothing and stay inside the app.
func reads() *mcp.ToolAnnotations {
	return &mcp.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: new(false)}
}

// A nil result lets the SDK render the output, both structured and as text;
// an error becomes a result that the model can read.

func (a *App) listNotes(context.Context, *mcp.CallToolRequest, listInput) (*mcp.CallToolResult, noteList, error) {
	list := noteList{Notes: []titleOnly{}}
	for _, note := range a.notebook.list() {
		list.Notes = append(list.Notes, titleOnly{note.ID, note.Title})
	}
	return nil, list, nil
}

func (a *App) readNote(_ context.Context, _ *mcp.CallToolRequest, in noteInput) (*mcp.CallToolResult, Note, error) {
	note, err := a.notebook.read(in.ID)
	return nil, note, err
}

func (a *App) addNote(_ context.Context, _ *mcp.CallToolRequest, in addInput) (*mcp.CallToolResult, Note, error) {
	note, err := a.notebook.add(in.Title, in.Text)
	return nil, note, err
}

func (a *App) deleteNote(_ context.Context, _ *mcp.CallToolRequest, in noteInput) (*mcp.CallToolResult, Note, error) {
	note, err := a.notebook.remove(in.ID)
	return nil, note, err
}
