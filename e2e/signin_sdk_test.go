package e2e_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A script is a client of somebody else's in a process of its own.
type script struct {
	t     *testing.T
	stdin io.WriteCloser
	lines chan string
}

func startScript(t *testing.T, args ...string) *script {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testparts.Node(t), args...)
	cmd.Dir = testparts.NodeModules(t)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &script{t, stdin, make(chan string)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(s.lines)
		in := bufio.NewScanner(stdout)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			s.lines <- in.Text()
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close() // it ends with its input
		for range s.lines {
		}
		<-read
		_ = cmd.Wait() // what it came to was looked at
	})
	return s
}

// A told is a line of a script.
type told struct {
	Open   string
	Tools  []string
	Tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	Result json.RawMessage
	Error  string
}

func (s *script) hear() told {
	s.t.Helper()
	select {
	case line := <-s.lines:
		var t told
		if err := json.Unmarshal([]byte(line), &t); err != nil || t.Error != "" {
			s.t.Fatalf("the client says %s", line)
		}
		return t
	case <-time.After(patience):
		s.t.Fatal("the client says nothing")
		return told{}
	}
}

func (s *script) say(v any) {
	s.t.Helper()
	line, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.stdin.Write(append(line, '\n')); err != nil {
		s.t.Fatal(err)
	}
}

// The official TypeScript client, with nothing but the URL: it finds the
// authorization server, registers, sends its person there, and refreshes.
func TestTheTypeScriptClientSignsIn(t *testing.T) {
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			h := newHouse(t, "", samples(t)).start()
			n := h.newcomer()
			c := startScript(t, filepath.Join(testparts.NodeModules(t), "signin.mjs"), h.url+"/mcp", n.back, version)
			alice := h.visitor()
			alice.answers("alice", c.hear().Open, ofCRM("read"))
			q := n.came()
			c.say(q.Encode())
			first := c.hear()
			if len(first.Tools) == 0 || !strings.HasPrefix(first.Tokens.Refresh, "ost_rt_") {
				t.Fatalf("got %+v", first)
			}
			search := map[string]any{"name": "crm__search", "arguments": json.RawMessage(findContacts)}
			c.say(search)
			if got := c.hear(); strings.Contains(string(got.Result), `"isError":true`) {
				t.Errorf("got %s", got.Result)
			}
			search["forget"] = true
			c.say(search)
			if got := c.hear(); strings.Contains(string(got.Result), `"isError":true`) || got.Tokens.Refresh == first.Tokens.Refresh {
				t.Errorf("after a refresh: got %s with %+v", got.Result, got.Tokens)
			}
			c.say(map[string]any{"name": "crm__update_contact", "arguments": json.RawMessage(updateContact)})
			link := c.hear().Open
			if !strings.Contains(link, "mcp%3Awrite") {
				t.Errorf("to step up it sends its person to %s", link)
			}
			alice.answers("alice", link, ofCRM("write"))
			back := n.came()
			c.say(back.Encode())
			if got := c.hear(); !strings.Contains(string(got.Result), "a@example.com") || strings.Contains(string(got.Result), `"isError":true`) {
				t.Errorf("after stepping up: got %s", got.Result)
			}
		})
	}
}
