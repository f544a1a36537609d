package testparts

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"
)

// A Client is the official TypeScript client of MCP in a process of its own,
// connected over streamable HTTP. It does one thing at a time and must not be
// used concurrently.
type Client struct {
	child     *Child
	tell      *json.Encoder
	hear      *json.Decoder
	onElicit  func(Elicitation) string
	connected struct{ Version string }

	// Heard is the progress that the last request told of, JSON objects.
	Heard []json.RawMessage
}

// ClientOptions say whom to connect to and as what. The zero Version is
// 2025-11-25.
type ClientOptions struct {
	URL     string
	Version string            // 2025-11-25 or 2026-07-28; nothing else is tried
	Headers map[string]string // such as Authorization
	// OnElicit answers what the server elicits with accept, decline or
	// cancel, while Do waits. With nil the client declares no elicitation.
	OnElicit func(Elicitation) string
}

// An Elicitation is what a server asks of the person at the client.
type Elicitation struct {
	Mode    string `json:"mode"`
	Message string `json:"message"`
	URL     string `json:"url"`
}

// A ClientError is what the client threw: the server's JSON-RPC error, with
// its number as Code, or one of the client's own.
type ClientError struct {
	Name    string          `json:"name"`
	Message string          `json:"message"`
	Code    string          `json:"code"`
	Data    json.RawMessage `json:"data"`
}

func (e *ClientError) Error() string {
	return fmt.Sprintf("%s (%s): %s", e.Name, e.Code, e.Message)
}

// Connect starts a client and connects it. The error is a *ClientError when
// the client was started but could not connect. It ends with the test.
func Connect(t testing.TB, options ClientOptions) (*Client, error) {
	t.Helper()
	if options.Version == "" {
		options.Version = "2025-11-25"
	}
	script := filepath.Join(NodeModules(t), "client.mjs")
	cmd := exec.Command(Node(t), script, argument(t, options))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, written := io.Pipe()
	t.Cleanup(func() { _ = stdout.Close() })
	cmd.Stdout = written
	c := &Client{
		child: Start(t, cmd), tell: json.NewEncoder(stdin), hear: json.NewDecoder(stdout),
		onElicit: options.OnElicit,
	}
	go c.closeAtExit(written)
	told, err := c.answer(t)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(told, &c.connected); err != nil {
		t.Fatal(err)
	}
	return c, nil
}

// Version returns the protocol version that was agreed on.
func (c *Client) Version() string { return c.connected.Version }

// Do calls a method of the TypeScript client, such as callTool, listTools or
// readResource, and returns its result. What the client threw comes back as
// a *ClientError.
func (c *Client) Do(t testing.TB, method string, params any) (json.RawMessage, error) {
	t.Helper()
	return c.do(t, map[string]any{"do": method, "with": params})
}

// Hear is Do for a request that asks for progress; what was heard of it is
// in Heard afterwards.
func (c *Client) Hear(t testing.TB, method string, params any) (json.RawMessage, error) {
	t.Helper()
	return c.do(t, map[string]any{"do": method, "with": params, "hear": true})
}

// GiveUp is Hear for a request that the client cancels at the first sign of
// progress. The error is what the client throws then.
func (c *Client) GiveUp(t testing.TB, method string, params any) error {
	t.Helper()
	_, err := c.do(t, map[string]any{"do": method, "with": params, "giveUp": true})
	return err
}

func (c *Client) do(t testing.TB, line map[string]any) (json.RawMessage, error) {
	t.Helper()
	c.Heard = nil
	if err := c.tell.Encode(line); err != nil {
		t.Fatalf("tell the client to %s: %v", line["do"], err)
	}
	return c.answer(t)
}

// answer reads what the client says, answering for the person meanwhile.
func (c *Client) answer(t testing.TB) (json.RawMessage, error) {
	t.Helper()
	for {
		var said struct {
			Result   json.RawMessage
			Error    *ClientError
			Elicit   *Elicitation
			Progress json.RawMessage
		}
		if err := c.hear.Decode(&said); err != nil {
			t.Fatalf("the client said nothing more: %v; it wrote:\n%s", err, c.child.Output())
		}
		if said.Progress != nil {
			c.Heard = append(c.Heard, said.Progress)
			continue
		}
		if said.Error != nil {
			return nil, said.Error
		}
		if said.Elicit == nil {
			return said.Result, nil
		}
		action := map[string]string{"action": c.onElicit(*said.Elicit)}
		if err := c.tell.Encode(map[string]any{"answer": action}); err != nil {
			t.Fatalf("tell the client what the person answers: %v", err)
		}
	}
}

// closeAtExit lets answer see the end of a client that dies.
func (c *Client) closeAtExit(written *io.PipeWriter) {
	<-c.child.exited
	_ = written.Close()
}

func argument(t testing.TB, options ClientOptions) string {
	t.Helper()
	capabilities := map[string]any{}
	if options.OnElicit != nil {
		capabilities["elicitation"] = map[string]any{"url": map[string]any{}, "form": map[string]any{}}
	}
	text, err := json.Marshal(map[string]any{
		"url": options.URL, "version": options.Version,
		"headers": options.Headers, "capabilities": capabilities,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
