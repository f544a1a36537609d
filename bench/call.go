package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary"
)

// An id has ten digits for the whole run, so that it can be changed in place
// without a change of Content-Length.
const firstID = 1_000_000_000

// call is a tools/call as it goes over the wire, headers included, written
// once and sent many times with a new id each time.
type call struct {
	id    int64
	place []byte // where the id stands in wire
	wire  []byte
}

// callBody is a call in the stateless era: who calls and in which version is
// told with every request.
const callBody = `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":{"bytes":%d},` +
	`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
	`"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},` +
	`"io.modelcontextprotocol/clientCapabilities":{}}}}`

// listBody asks for the tools.
const listBody = `{"jsonrpc":"2.0","id":%d,"method":"tools/list","params":{` +
	`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
	`"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},` +
	`"io.modelcontextprotocol/clientCapabilities":{}}}}`

// body is what a job asks for, the first time.
func (j job) body() (body, method string) {
	switch j.Asked {
	case aList:
		return fmt.Sprintf(listBody, firstID), "tools/list"
	case aStream:
		body = fmt.Sprintf(callBody, firstID, j.Tool, j.Size)
		body = strings.Replace(body, `"arguments":{`, `"arguments":{"notices":`+strconv.Itoa(notices)+`,`, 1)
		return strings.Replace(body, `"_meta":{`, `"_meta":{"progressToken":"p",`, 1), "tools/call"
	default:
		return fmt.Sprintf(callBody, firstID, j.Tool, j.Size), "tools/call"
	}
}

func newCall(ctx context.Context, j job) (*call, error) {
	url, token := j.URL, ostiary.Secret(j.Token)
	body, method := j.body()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a call to %s: %w", url, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Mcp-Protocol-Version", "2026-07-28")
	req.Header.Set("Mcp-Method", method)
	if method == "tools/call" {
		req.Header.Set("Mcp-Name", j.Tool)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		return nil, fmt.Errorf("write a call to %s: %w", url, err)
	}
	at := wire.Len() - len(body) + strings.Index(body, strconv.Itoa(firstID))
	digits := len(strconv.Itoa(firstID))
	return &call{id: firstID, wire: wire.Bytes(), place: wire.Bytes()[at : at+digits]}, nil
}

// next gives the call the next id and returns its bytes, which are valid
// until next is called again.
func (c *call) next() []byte {
	c.id++
	strconv.AppendInt(c.place[:0], c.id, 10)
	return c.wire
}

func (c *call) String() string { return fmt.Sprintf("call %d", c.id) }

// answered says what is wrong with the answer to the call as it was sent
// last: nil when it is the whole result of this very call.
func (c *call) answered(status int, body []byte) error {
	switch {
	case status != http.StatusOK:
		return fmt.Errorf("status %d: %.300s", status, body)
	case !bytes.Contains(body, c.place):
		return fmt.Errorf("an answer to another call than %s: %.300s", c.place, body)
	case !bytes.Contains(body, []byte(endOfResult)):
		return fmt.Errorf("no complete result: %.300s", body)
	}
	return nil
}
