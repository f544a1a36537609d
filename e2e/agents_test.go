package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A link is what a person does with a link that their client shows.
type link func(url string)

// An agent is a real client of MCP, as a test steers it. What the client
// can't do is nil.
type agent struct {
	list func() (string, error)
	call func(tool, args string) (string, error)
	// hear is a call that asks for progress, and tells how often it heard.
	hear func(tool, args string) (notes int, err error)
	// giveUp is a call that is cancelled at the first sign of progress.
	giveUp func(tool, args string)
}

// An agentKind is a client that people use, in one era.
type agentKind struct {
	name, era string
	// connect connects a client; with a link it declares elicitation.url.
	connect func(h *house, t *testing.T, tok token, era string, l link) agent
	// cannot says what the client can't do, and why.
	cannot map[string]string
}

// What an agent may be able to do. The last five are the ways in which an
// approval can reach its person.
const (
	hearsProgress = "hear of progress"
	cancels       = "cancel"
	isHeld        = "be held until the yes"
	attaches      = "be told the link in a text, and call again"
	linkInError   = "be told the link in an error"
	isAsked       = "be asked by elicitation"
	takesTask     = "be given a task"
)

var agentKinds = []agentKind{
	{"TypeScript", legacy, typeScript, older},
	{"TypeScript", modern, typeScript, newer},
	{"Go SDK", legacy, goSDK, older},
	{"Go SDK", modern, goSDK, newer},
	{"mcp-remote", legacy, mcpRemote, older},
	{"mcp-remote", modern, mcpRemote, map[string]string{
		cancels:     "it passes the notification on, which this era has no use for, and does not hang up",
		linkInError: "that is of 2025-11-25",
		isAsked:     "it puts no link to a client of the older era, and says so",
		takesTask:   "it declares no tasks",
	}},
	{"Inspector", legacy, inspector, map[string]string{
		hearsProgress: asksForNone,
		cancels:       asksForNone,
		linkInError:   elicitsNothing,
		isAsked:       elicitsNothing,
		takesTask:     "that is of 2026-07-28",
	}},
	{"Inspector", modern, inspector, map[string]string{
		hearsProgress: asksForNone,
		cancels:       asksForNone,
		linkInError:   elicitsNothing,
		isAsked:       elicitsNothing,
		attaches:      "it declares tasks, and is given one",
	}},
}

var (
	older = map[string]string{isAsked: "that is of 2026-07-28", takesTask: "that is of 2026-07-28"}
	newer = map[string]string{linkInError: "that is of 2025-11-25", takesTask: "it declares no tasks"}
)

// The Inspector's command line makes one request and ends.
const (
	asksForNone    = "its command line asks for no progress and has no way to cancel"
	elicitsNothing = "its command line declares no elicitation"
)

// typeScript connects the official TypeScript client.
func typeScript(h *house, t *testing.T, tok token, era string, l link) agent {
	t.Helper()
	options := testparts.ClientOptions{URL: h.url + "/mcp", Version: era, Headers: map[string]string{"Authorization": "Bearer " + tok.Token}}
	if l != nil {
		options.OnElicit = func(e testparts.Elicitation) string { l(e.URL); return "accept" }
	}
	c, err := testparts.Connect(t, options)
	if err != nil {
		t.Fatal(err)
	}
	params := func(tool, args string) any {
		return map[string]any{"name": tool, "arguments": json.RawMessage(args)}
	}
	return agent{
		list: func() (string, error) {
			result, err := c.Do(t, "listTools", nil)
			return string(result), err
		},
		call: func(tool, args string) (string, error) {
			result, err := c.Do(t, "callTool", params(tool, args))
			var thrown *testparts.ClientError
			if errors.As(err, &thrown) {
				err = fmt.Errorf("%w: %s", err, thrown.Data)
			}
			return string(result), err
		},
		hear: func(tool, args string) (int, error) {
			_, err := c.Hear(t, "callTool", params(tool, args))
			return len(c.Heard), err
		},
		giveUp: func(tool, args string) { _ = c.GiveUp(t, "callTool", params(tool, args)) },
	}
}

// goSDK connects the official Go SDK's client over streamable HTTP.
func goSDK(h *house, t *testing.T, tok token, era string, l link) agent {
	t.Helper()
	return goClient(t, &mcp.StreamableClientTransport{Endpoint: h.url + "/mcp", HTTPClient: &http.Client{Transport: bearing(tok.Token)}}, era, l)
}

// mcpRemote connects a client that knows standard input and output only, as
// many desktop programs do, by way of mcp-remote, which has the token in a
// header. The client is the Go SDK's; it speaks the older era, and mcp-remote
// makes the newer of it where it is told to.
func mcpRemote(h *house, t *testing.T, tok token, era string, l link) agent {
	t.Helper()
	protocol := "legacy"
	if era == modern {
		protocol = "auto"
	}
	cmd := exec.Command(testparts.Node(t), testparts.NodeCommand(t, "mcp-remote", "mcp-remote"), h.url+"/mcp",
		"--transport", "http-only", "--protocol", protocol, "--header", "Authorization: Bearer "+tok.Token)
	cmd.Env = append(os.Environ(), "MCP_REMOTE_CONFIG_DIR="+t.TempDir())
	return goClient(t, &mcp.CommandTransport{Command: cmd}, legacy, l)
}

func goClient(t *testing.T, transport mcp.Transport, era string, l link) agent {
	t.Helper()
	notes := make(chan struct{}, 100)
	options := &mcp.ClientOptions{
		Capabilities:                &mcp.ClientCapabilities{},
		ProgressNotificationHandler: func(context.Context, *mcp.ProgressNotificationClientRequest) { notes <- struct{}{} },
	}
	if l != nil {
		options.Capabilities.Elicitation = &mcp.ElicitationCapabilities{URL: &mcp.URLElicitationCapabilities{}}
		options.ElicitationHandler = func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			l(r.Params.URL)
			return &mcp.ElicitResult{Action: "accept"}, nil
		}
	}
	s, err := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, options).Connect(t.Context(), transport, &mcp.ClientSessionOptions{ProtocolVersion: era})
	if err != nil {
		t.Fatalf("connect in %s: %v", era, err)
	}
	t.Cleanup(func() { _ = s.Close() })
	g := goSession{s, notes}
	return agent{
		list:   func() (string, error) { return asJSON(s.ListTools(t.Context(), nil)) },
		call:   func(tool, args string) (string, error) { return g.call(t.Context(), tool, args, false) },
		hear:   func(tool, args string) (int, error) { return g.hear(t.Context(), tool, args) },
		giveUp: func(tool, args string) { g.giveUp(t.Context(), tool, args) },
	}
}

// A goSession is a session of the Go SDK's client.
type goSession struct {
	*mcp.ClientSession
	notes chan struct{} // one a note of progress
}

func (g goSession) call(ctx context.Context, tool, args string, hears bool) (string, error) {
	params := &mcp.CallToolParams{Name: tool, Arguments: json.RawMessage(args)}
	if hears {
		params.SetProgressToken("p")
	}
	text, err := asJSON(g.CallTool(ctx, params))
	var fault *jsonrpc.Error
	if errors.As(err, &fault) {
		err = fmt.Errorf("%w (%d): %s", err, fault.Code, fault.Data)
	}
	return text, err
}

// hear waits for three notes: the SDK hands them over beside the result.
func (g goSession) hear(ctx context.Context, tool, args string) (int, error) {
	if _, err := g.call(ctx, tool, args, true); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for heard := range 3 {
		select {
		case <-g.notes:
		case <-ctx.Done():
			return heard, nil
		}
	}
	return 3, nil
}

func (g goSession) giveUp(ctx context.Context, tool, args string) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-g.notes:
		case <-ctx.Done():
		}
		cancel()
	}()
	_, _ = g.call(ctx, tool, args, true)
}

func asJSON(v any, err error) (string, error) {
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	return string(text), err
}

// inspector runs the Inspector's command line, once a request. It declares
// no elicitation.
func inspector(h *house, t *testing.T, tok token, era string, _ link) agent {
	t.Helper()
	home := t.TempDir()
	protocol := map[string]string{legacy: "legacy", modern: "modern"}[era]
	run := func(args ...string) (string, error) {
		cmd := exec.Command(testparts.Node(t), append([]string{
			testparts.NodeCommand(t, "@modelcontextprotocol/inspector", "inspector"), "--cli", h.url + "/mcp", "--transport", "http",
			"--protocol-era", protocol, "--header", "Authorization: Bearer " + tok.Token, "--stored-auth-only", "--format", "json", "--quiet",
		}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+home)
		var said, complained strings.Builder
		cmd.Stdout, cmd.Stderr = &said, &complained
		if err := testparts.Start(t, cmd).Wait(t); err != nil && said.Len() == 0 {
			return "", fmt.Errorf("%w: %s", err, complained.String())
		}
		return said.String(), nil
	}
	return agent{
		list: func() (string, error) { return run("--method", "tools/list") },
		call: func(tool, args string) (string, error) {
			return run("--method", "tools/call", "--tool-name", tool, "--tool-args-json", args)
		},
	}
}
