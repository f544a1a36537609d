package mcpguard

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/wire"
)

// A tool is one of the server's, as the gates see it.
type tool struct {
	*ostiary.Tool
	known *wire.Known // arguments that must not have a twin
}

// find returns the tool of a name; nil: the server has none. It asks the
// server each time: tools come and go while it runs.
func (q *question) find(ctx context.Context, name string) (*tool, error) {
	params := &mcp.ListToolsParams{}
	for {
		session, ok := q.req.GetSession().(*mcp.ServerSession)
		if !ok {
			return nil, fmt.Errorf("look for tool %q: not in a server", name)
		}
		req := &mcp.ListToolsRequest{Session: session, Params: params, Extra: q.req.GetExtra()}
		res, err := q.next(ctx, "tools/list", req)
		if err != nil {
			return nil, fmt.Errorf("look for tool %q: %w", name, err)
		}
		list, ok := res.(*mcp.ListToolsResult)
		if !ok {
			return nil, fmt.Errorf("look for tool %q: got a %T for a list", name, res)
		}
		for _, t := range list.Tools {
			if t.Name == name {
				return q.tool(t), nil
			}
		}
		if list.NextCursor == "" {
			return nil, nil
		}
		params = &mcp.ListToolsParams{Cursor: list.NextCursor}
	}
}

// tool reads a definition, once for each; nil: it does not read the same to
// everybody, so nobody is shown it.
func (g *Guard) tool(t *mcp.Tool) *tool {
	made, err := g.tools.Get(t, 0, func() (*tool, error) { return g.read(t) })
	if err != nil {
		return nil
	}
	return made
}

func (g *Guard) read(t *mcp.Tool) (*tool, error) {
	raw, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	item, err := wire.ParseTool(raw)
	if err != nil {
		return nil, err
	}
	digest, err := ostiary.DefinitionDigest(item.Definition)
	if err != nil {
		return nil, err
	}
	schema := wire.ReadSchema(item.Definition.InputSchema)
	for _, name := range g.config.ArgumentNames {
		schema.Known.Add(name)
	}
	made := &ostiary.Tool{
		ID: ostiary.MakeToolID(g.config.App, t.Name), App: g.config.App, AppName: g.config.AppName,
		Digest: digest, SchemaFields: schema.Fields, SchemaBelow: schema.Below, SchemaOpen: schema.Open, Definition: raw,
	}
	if g.config.TrustAnnotations {
		made.Annotated = category(t.Annotations)
	}
	return &tool{made, schema.Known}, nil
}

// category is what annotations tell. An absent hint tells nothing bad here:
// what is neither said to read nor to destroy counts as write.
func category(a *mcp.ToolAnnotations) *ostiary.Category {
	c := ostiary.CategoryWrite
	switch {
	case a == nil:
	case a.ReadOnlyHint:
		c = ostiary.CategoryRead
	case a.DestructiveHint != nil && *a.DestructiveHint:
		c = ostiary.CategoryDelete
	}
	return &c
}

var readCategory = ostiary.CategoryRead

// pseudo is what the gates decide on for a prompt or a resource.
func (g *Guard) pseudo(prefix, name string) *ostiary.Tool {
	return &ostiary.Tool{
		ID: ostiary.MakeToolID(g.config.App, prefix+name), App: g.config.App, AppName: g.config.AppName, Annotated: &readCategory,
	}
}

func (g *Guard) prompt(name string) *ostiary.Tool  { return g.pseudo("@prompts/", name) }
func (g *Guard) resource(uri string) *ostiary.Tool { return g.pseudo("@resources/", uri) }
