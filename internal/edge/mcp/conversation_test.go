package mcp_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The conversations in testdata are the specification of what goes over the
// wire. A file begins with what it shows; then come sections:
//
//	-- > alice --        a request with alice's token: headers, an empty line, the body
//	-- < 200 --          the answer to it: the headers that matter, an empty line, the body
//	-- approve alice --  alice says yes (deny: no) to the one request that waits
//	-- upstream 1 --     how many calls have gone upstream by now
//
// META stands for the _meta of a client of 2026-07-28 that declares nothing,
// URLS for one that can show links. Ids, sealed values and such are numbered
// in the order in which they first come: cal_1, req_1, STATE_1, SESSION_1.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("got no conversations, %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c := conversation{house: newHouse(t), names: map[string]string{}}
			c.strangers()
			for _, s := range sections(string(raw)) {
				c.take(t, s)
			}
		})
	}
}

type section struct {
	line       int
	what, text string
}

var heading = regexp.MustCompile(`^-- (.*) --$`)

func sections(file string) []section {
	var all []section
	for i, line := range strings.Split(file, "\n") {
		if m := heading.FindStringSubmatch(line); m != nil {
			all = append(all, section{line: i + 1, what: m[1]})
		} else if len(all) > 0 {
			all[len(all)-1].text += line + "\n"
		}
	}
	return all
}

// A conversation remembers the last answer and what its names stand for.
type conversation struct {
	*house
	names  map[string]string // by what is written in files
	status int
	header http.Header
	body   string
}

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":`

func (c *conversation) take(t *testing.T, s section) {
	t.Helper()
	verb, rest, _ := strings.Cut(s.what, " ")
	switch verb {
	case ">":
		c.say(t, rest, s.text)
	case "<":
		c.hear(t, s, rest)
	case "approve", "deny":
		c.decide(t, verb)
	case "upstream":
		if got := fmt.Sprint(len(c.upstreams.got())); got != rest {
			t.Errorf("line %d: got %s calls upstream; want %s", s.line, got, rest)
		}
	default:
		t.Fatalf("line %d: what is %q?", s.line, s.what)
	}
}

func (c *conversation) say(t *testing.T, who, text string) {
	t.Helper()
	head, body, _ := strings.Cut("\n"+text, "\n\n")
	n := note{header: map[string]string{}, body: c.real(strings.TrimSpace(body))}
	if who != "nobody" {
		n.token = who
	}
	for line := range strings.Lines(head) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case strings.TrimSpace(line) == "":
		case !ok:
			n.method, n.path, _ = strings.Cut(strings.TrimSpace(line), " ")
		default:
			n.header[name] = c.real(value)
		}
	}
	w := c.send(t, n)
	c.status, c.header, c.body = w.Code, w.Header(), w.Body.String()
}

// real puts back what names stand for.
func (c *conversation) real(text string) string {
	text = strings.ReplaceAll(text, "META", meta+"{}}")
	text = strings.ReplaceAll(text, "URLS", meta+urls+"}")
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(c.names))) {
		text = strings.ReplaceAll(text, name, c.names[name])
	}
	return text
}

func (c *conversation) hear(t *testing.T, s section, status string) {
	t.Helper()
	if got := fmt.Sprint(c.status); got != status {
		t.Errorf("line %d: got status %s %s; want %s", s.line, got, c.body, status)
	}
	head, body, _ := strings.Cut("\n"+s.text, "\n\n")
	for line := range strings.Lines(head) {
		name, want, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if got := c.named(c.header.Get(name)); ok && got != want {
			t.Errorf("line %d: got %s: %s; want %s", s.line, name, got, want)
		}
	}
	if got, want := c.named(c.body), strings.TrimSpace(body); got != want {
		t.Errorf("line %d: got\n%s\nwant\n%s", s.line, got, want)
	}
}

// changing are the parts of answers that are never the same twice.
var changing = regexp.MustCompile(`\b(?:cal|req)_[A-Z2-7]{26}\b|"requestState":"[^"]+"|^[A-Za-z0-9_-]{200,}$`)

// named puts names in the place of what changes.
func (c *conversation) named(text string) string {
	return changing.ReplaceAllStringFunc(text, func(found string) string {
		if value, ok := strings.CutPrefix(found, `"requestState":"`); ok {
			return `"requestState":"` + c.name("STATE", strings.TrimSuffix(value, `"`)) + `"`
		}
		kind, _, ok := strings.Cut(found, "_")
		if !ok || len(kind) != 3 || len(found) > 40 {
			kind = "SESSION"
		}
		return c.name(kind, found)
	})
}

func (c *conversation) name(kind, value string) string {
	count := 1
	for name, known := range c.names {
		if known == value {
			return name
		}
		if strings.HasPrefix(name, kind+"_") {
			count++
		}
	}
	name := fmt.Sprintf("%s_%d", kind, count)
	c.names[name] = value
	return name
}
