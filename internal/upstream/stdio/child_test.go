package stdio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A request as the child reads it.
type request struct {
	ID     json.RawMessage
	Method string
	Result json.RawMessage `json:",omitempty"`
	Error  json.RawMessage `json:",omitempty"`
	Params struct {
		Name      string
		Arguments json.RawMessage
		Meta      struct{ ProgressToken json.RawMessage } `json:"_meta"`
		RequestID json.RawMessage
	}
}

// A child plays an MCP server by hand. Its role says how it misbehaves.
type child struct {
	role      string
	out       *bufio.Writer
	held      []request // calls that are not answered yet
	cancelled []string  // ids
}

// beChild plays role until its input ends.
func beChild(role string) int {
	if role == "sdk" {
		server := mcp.NewServer(&mcp.Implementation{Name: "sdk", Version: "1"}, nil)
		mcp.AddTool(server, &mcp.Tool{Name: "greet"}, func(context.Context, *mcp.CallToolRequest, map[string]any) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "hello"}}}, nil, nil
		})
		if err := server.Run(context.Background(), &mcp.StdioTransport{}); err != nil {
			return 1
		}
		return 0
	}
	c := &child{role: role, out: bufio.NewWriter(os.Stdout)}
	in := bufio.NewReaderSize(os.Stdin, 16<<20)
	if role == "chatty" {
		c.say("Welcome to the server!")
		fmt.Fprintln(os.Stderr, "listening on standard input")
	}
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			if role == "stubborn" {
				select {} // it ignores the end of its input
			}
			return 0
		}
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			fmt.Fprintln(os.Stderr, "bad line", err)
			return 3
		}
		c.handle(r)
	}
}

func (c *child) say(line string) {
	c.out.WriteString(line + "\n")
	c.out.Flush()
}

func (c *child) result(id json.RawMessage, result string) {
	c.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, id, result))
}

func (c *child) handle(r request) {
	switch r.Method {
	case "": // what it asked was answered
		answer, _ := json.Marshal(r)
		c.result(c.held[0].ID, string(answer))
		c.held = nil
	case "server/discover":
		c.discover(r)
	case "initialize":
		c.result(r.ID, `{"protocolVersion":"2025-06-18","serverInfo":{"name":"c","version":"1"},"capabilities":{"tools":{"listChanged":true}}}`)
	case "tools/list":
		c.result(r.ID, `{"tools":[{"name":"echo"}]}`)
	case "tools/call":
		c.call(r)
	case "notifications/cancelled":
		c.cancelled = append(c.cancelled, string(r.Params.RequestID))
	}
}

func (c *child) discover(r request) {
	switch c.role {
	case "frail":
		os.Exit(4) // as some servers do on what comes before initialize
	case "modern":
		c.result(r.ID, `{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}`)
	default:
		c.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}`, r.ID))
	}
}

func (c *child) call(r request) {
	switch r.Params.Name {
	case "echo":
		c.result(r.ID, string(r.Params.Arguments))
	case "pid":
		c.result(r.ID, fmt.Sprint(os.Getpid()))
	case "env":
		env := os.Environ()
		slices.Sort(env)
		c.result(r.ID, fmt.Sprintf("%q", strings.Join(env, " ")))
	case "hold": // answered by release, in the other order
		c.held = append(c.held, r)
		if token := r.Params.Meta.ProgressToken; token != nil {
			c.say(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":0}}`, token))
		}
	case "release":
		slices.Reverse(c.held)
		for _, h := range c.held {
			c.result(h.ID, string(h.Params.Arguments))
		}
		c.held = nil
		c.result(r.ID, "{}")
	case "ask": // answered with what it was answered
		c.held = append(c.held, r)
		c.say(`{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"mode":"form"}}`)
	case "cancelled":
		c.result(r.ID, fmt.Sprintf("%d", len(c.cancelled)))
	case "crash":
		fmt.Fprintln(os.Stderr, "out of cheese")
		os.Exit(7)
	case "garbage":
		c.say("npm notice: a new version is there")
		c.say(`{"jsonrpc":"2.0","id":99999,"result":{}}`)
		c.say(`{"jsonrpc":"2.0"}`)
		c.result(r.ID, "{}")
		c.result(r.ID, `{"twice":true}`)
	case "huge":
		c.result(r.ID, `"`+strings.Repeat("x", 1<<16)+`"`)
	case "progress":
		c.say(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}`, r.Params.Meta.ProgressToken))
		c.say(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":99999,"progress":1}}`)
		c.say(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"hi"}}`)
		c.result(r.ID, "{}")
	case "grandchild":
		sleeper := exec.Command("sleep", "1000")
		if err := sleeper.Start(); err != nil {
			os.Exit(5)
		}
		c.result(r.ID, fmt.Sprint(sleeper.Process.Pid))
	case "leave":
		c.result(r.ID, fmt.Sprint(os.Getpid()))
		os.Exit(0)
	case "deaf":
		c.result(r.ID, "{}")
		select {}
	case "mute":
		os.Stdout.Close()
		select {}
	}
}
