package mcp_test

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever sends a body has so long for all of it, and holds nothing after that.
func TestABodyThatIsNotFinishedEndsItsConnection(t *testing.T) {
	whole := strings.Repeat(" ", 100) + call("alice", "crm__get_contact", `{}`).body
	for name, c := range map[string]struct {
		length string
		pause  time.Duration // before each further byte
		pieces int           // so many
		status int
	}{
		"silent":               {"Content-Length: 1000", time.Hour, 0, 400},
		"one byte at a time":   {"Content-Length: 1000", 2 * time.Second, 1000, 400},
		"silent, in chunks":    {"Transfer-Encoding: chunked", time.Hour, 0, 400},
		"slow, but it is done": {"Content-Length: " + strconv.Itoa(1+len(whole)), 29 * time.Second, 1, 200},
	} {
		t.Run(name, func(t *testing.T) {
			held(t, func(t *testing.T, h *house) {
				conn := h.dial(t)
				began := time.Now()
				_ = conn.SetReadDeadline(began.Add(time.Hour)) // in the time of the bubble
				head := "POST /mcp HTTP/1.1\r\nHost: gate.example\r\nContent-Type: application/json\r\nAuthorization: Bearer alice\r\n" +
					"Mcp-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: crm__get_contact\r\n"
				if _, err := io.WriteString(conn, head+c.length+"\r\n\r\n "); err != nil {
					t.Fatal(err)
				}
				wrote := make(chan struct{})
				go func() {
					defer close(wrote)
					piece := " "
					if c.status == 200 {
						piece = whole
					}
					for range c.pieces {
						time.Sleep(c.pause)
						if _, err := io.WriteString(conn, piece); err != nil {
							return
						}
					}
				}()
				in := bufio.NewReader(conn)
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatalf("got no answer after %v: %v", time.Since(began), err)
				}
				body, _ := io.ReadAll(resp.Body)
				if took := time.Since(began); resp.StatusCode != c.status || took > 31*time.Second {
					t.Errorf("got %d %s after %v; want %d within half a minute", resp.StatusCode, body, took, c.status)
				}
				if resp.Close != (c.status == 400) {
					t.Errorf("the connection ends: %v", resp.Close)
				}
				if c.status == 400 {
					_, _ = io.Copy(io.Discard, in)
					if took := time.Since(began); took > 32*time.Second {
						t.Errorf("the connection ended after %v; want it soon after the answer", took)
					}
				}
				conn.Close()
				<-wrote
				synctest.Wait()
			})
		})
	}
}
