package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
)

// riskyCall is what alice's agent wants to do when the demo starts: it waits
// for bob. The client declares that it can show a link, so it is answered at
// once.
const riskyCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crm__delete_contact",` +
	`"arguments":{"siteId":"site-A","id":"c-17","reason":"duplicate of c-11"},"_meta":{` +
	`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"demo","version":"1"},` +
	`"io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}}}}}`

// askBob makes the call, so that something waits in the inbox.
func askBob(ctx context.Context, url string, token ostiary.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/mcp", bytes.NewBufferString(riskyCall))
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"Authorization": "Bearer " + token.Reveal(), "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "crm__delete_contact",
	} {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil || answer.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("input_required")) {
		return fmt.Errorf("the sample call was answered with %s: %s", answer.Status, body)
	}
	return nil
}

const welcome = `ready %[1]s

Ostiary stands in front of two sample apps: a CRM and a notes app.

  people     alice (her agent uses the apps)   bob (approves)   root (operator)
  password   %[2]s   (the same for all three)
  token      %[3]s
             (alice's agent; good for 24 hours)

Try this:

  1. Alice's agent already wants to delete the contact Ada Lovelace (c-17).
     Sign in as bob and answer:      %[1]s/approvals

  2. Let an agent of yours in: it opens a browser, where you sign in as alice and
     choose what it gets. Claude Code (then /mcp in it):
       claude mcp add --transport http ostiary %[1]s/mcp
     Cursor (mcp.json):
       {"mcpServers":{"ostiary":{"url":"%[1]s/mcp"}}}
     One that opens no browser takes the token in a header:
       --header "Authorization: Bearer %[3]s"
     See what it has, and cut it off, at %[1]s/account/agents
     Ask it to search the contacts of site-A, then of site-B: the second is refused.
     Ask it to delete contact c-11: it waits for bob.

  3. See what happened, and prove that nobody changed the record:
       ostiary audit tail   -c %[4]s
       ostiary audit verify -c %[4]s

  4. Answer from a terminal: sign in as bob, make an operator token at
     %[1]s/account/operator, then
       OSTIARY_URL=%[1]s OSTIARY_TOKEN=ost_op_… ostiary approvals watch

Without an installed binary, "go run ./cmd/ostiary" stands for "ostiary".
Ctrl-C ends the demo.
`

func (d *demo) welcome(url, file string, token ostiary.Secret) {
	if err := askBob(d.p.ctx, url, token); err != nil {
		d.p.warn("ostiary: the sample request could not be made: %v", err)
	}
	d.p.say(welcome, url, d.password, token.Reveal(), file)
}
