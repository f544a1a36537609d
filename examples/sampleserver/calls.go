package sampleserver

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Calls counts the calls that reached a tool, by the tool's name. It lets a
// demonstration or a test see that a call was executed exactly once, or not
// at all. The zero value counts from nothing; it is safe for concurrent use.
type Calls struct {
	mu     sync.Mutex
	byTool map[string]int
}

// Of returns how many calls reached the tool so far.
func (c *Calls) Of(tool string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byTool[tool]
}

// All returns a copy of the counts of every tool that was called.
func (c *Calls) All() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]int, len(c.byTool))
	maps.Copy(all, c.byTool)
	return all
}

// Middleware counts each tools/call of a tool that exists, also when the
// tool answers with an error. Names that are no tool are not counted, so
// that a stranger can't grow the table.
func (c *Calls) Middleware(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		result, err := next(ctx, method, req)
		if call, ok := req.(*mcp.CallToolRequest); ok && err == nil {
			c.add(call.Params.Name)
		}
		return result, err
	}
}

// ServeHTTP answers with the counts as a JSON object, tool name to number.
func (c *Calls) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	// A reader that went away is no concern of a counter.
	_ = json.NewEncoder(w).Encode(c.All())
}

func (c *Calls) add(tool string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byTool == nil {
		c.byTool = make(map[string]int)
	}
	c.byTool[tool]++
}
