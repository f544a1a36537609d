package upstream

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ostiary/ostiary/internal/wire"
)

const (
	maxItems     = 10_000
	maxListBytes = 64 << 20 // of all pages of one list
)

// A list is one kind of thing that an upstream offers.
type list struct {
	method string
	member string // of the result
	name   string // member of an item that names it
}

var (
	listTools     = list{wire.MethodToolsList, "tools", "name"}
	listResources = list{wire.MethodResourcesList, "resources", "uri"}
	listTemplates = list{wire.MethodResourceTemplatesList, "resourceTemplates", "uriTemplate"}
	listPrompts   = list{wire.MethodPromptsList, "prompts", "name"}
)

// pages fetches a whole list.
func (a *app) pages(ctx context.Context, l list) ([]Item, error) {
	var items []Item
	size := int64(0)
	seen := make(map[string]bool)
	for cursor := ""; ; {
		reply, err := a.page(ctx, l, cursor)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.method, err)
		}
		if reply.Result == nil { // it doesn't know the method
			return nil, nil
		}
		raw, next, err := wire.Items(reply.Result, l.member)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.method, err)
		}
		items = a.appendNamed(items, raw, l)
		size += reply.Bytes
		switch {
		case len(items) > maxItems || size > maxListBytes:
			return nil, fmt.Errorf("%s: more than %d items or %d bytes", l.method, maxItems, maxListBytes)
		case next == "":
			return items, nil
		case seen[next] || len(seen) == maxItems:
			return nil, fmt.Errorf("%s: the pages never end: cursor %s comes again", l.method, Excerpt([]byte(next)))
		}
		seen[next] = true
		cursor = next
	}
}

// page fetches one page. An upstream that doesn't know the method has an
// empty list; many declare resources and know no templates.
func (a *app) page(ctx context.Context, l list, cursor string) (Reply, error) {
	req := Request{Method: l.method}
	if cursor != "" {
		req.Params = append(wire.AppendString([]byte(`{"cursor":`), cursor), '}')
	}
	reply, err := a.exchange(ctx, a.listKey(), req)
	if err != nil || reply.Err == nil {
		return reply, err
	}
	if errorCode(reply.Err) == wire.CodeMethodNotFound {
		return Reply{}, nil
	}
	return Reply{}, fmt.Errorf("the upstream answered %s", Excerpt(reply.Err))
}

// errorCode reads the code of a JSON-RPC error; 0 when it has none.
func errorCode(raw []byte) int {
	var e struct{ Code int }
	if json.Unmarshal(raw, &e) != nil {
		return 0
	}
	return e.Code
}

// appendNamed keeps the items that have a name. Others can't be called or
// shown.
func (a *app) appendNamed(items []Item, raw [][]byte, l list) []Item {
	for _, r := range raw {
		name, ok := wire.LookupText(r, l.name)
		if !ok || name == "" {
			a.log.Warn("an item of a list has no name", "method", l.method, "item", Excerpt(r))
			continue
		}
		items = append(items, Item{Name: name, Raw: r})
	}
	return items
}
