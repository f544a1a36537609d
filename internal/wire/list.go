package wire

import (
	"errors"
	"fmt"

	"github.com/ostiary/ostiary"
)

// Items returns the elements of a list result, as they stand there:
// Items(result, "tools"). next is the text of nextCursor, "" on the last
// page. The elements are grammatical JSON and nothing more; ParseTool and
// Check are strict.
func Items(result []byte, member string) (items [][]byte, next string, err error) {
	list, ok := Lookup(result, member)
	if !ok {
		return nil, "", fmt.Errorf("list result: no %s: %w", member, ErrParams)
	}
	if items, err = elements(list); err != nil {
		return nil, "", fmt.Errorf("list result: %s: %w", member, err)
	}
	if cursor, ok := Lookup(result, "nextCursor"); ok && cursor[0] != 'n' {
		if next, ok = Text(cursor); !ok {
			return nil, "", fmt.Errorf("list result: nextCursor must be a string: %w", ErrParams)
		}
	}
	return items, next, nil
}

// A ToolItem is an element of result.tools.
type ToolItem struct {
	Raw        []byte // as the upstream wrote it
	Name       string // the upstream's own, never empty
	Definition ostiary.Definition
}

var toolKeys = NewKnown("name", "title", "description", "inputSchema", "outputSchema", "annotations")

// ParseTool reads a tool's definition strictly: what a person agrees to by
// its digest must read the same to everybody.
func ParseTool(raw []byte) (ToolItem, error) {
	t := ToolItem{Raw: raw}
	if err := Check(raw); err != nil {
		return t, fmt.Errorf("tool definition: %w", err)
	}
	if err := CheckTwins(raw, toolKeys); err != nil {
		return t, fmt.Errorf("tool definition: %w", err)
	}
	d := &t.Definition
	for name, field := range map[string]*[]byte{
		"name": &d.Name, "title": &d.Title, "description": &d.Description,
		"inputSchema": &d.InputSchema, "outputSchema": &d.OutputSchema, "annotations": &d.Annotations,
	} {
		*field, _ = Lookup(raw, name)
	}
	t.Name, _ = Text(d.Name)
	if t.Name == "" {
		return t, errors.Join(fmt.Errorf("tool definition: no name: %s", excerpt(raw)), ErrParams)
	}
	return t, nil
}
