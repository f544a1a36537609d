package mcp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/upstream"
)

// long has two lists that take several pages.
func long(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	var tools, resources []string
	for i := range 1500 {
		tools = append(tools, fmt.Sprintf(`{"name":"get_%04d","inputSchema":{"type":"object"}}`, i))
		resources = append(resources, fmt.Sprintf(`{"uri":"crm://%04d","name":"n"}`, i))
	}
	h.upstreams.lists["crm"] = upstream.Lists{Tools: items(tools...), Resources: items(resources...)}
	if err := h.catalogue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// turn asks for the page of a list behind a cursor.
func turn(token, path, list, cursor string) note {
	n := stateless(token, list, "", `"cursor":"`+cursor+`"`)
	n.path = path
	return n
}

func TestACursorIsGoodForItsHolderAndItsListOnly(t *testing.T) {
	h := long(t)
	elsewhere := h.another(t)
	cursor := read(t, h.send(t, stateless("alice", "tools/list", "", "")).Body).Result.NextCursor
	if cursor == "" || strings.Contains(cursor, "Z2V0X") {
		t.Fatalf("got the cursor %q; want one that says nothing", cursor)
	}
	for name, c := range map[string]struct {
		i      *instance
		n      note
		status int
	}{
		"its own":                     {h.instance, turn("alice", "/mcp", "tools/list", cursor), 200},
		"its own on another instance": {elsewhere, turn("alice", "/mcp", "tools/list", cursor), 200},
		"another list":                {h.instance, turn("alice", "/mcp", "resources/list", cursor), 400},
		"another list without pages":  {h.instance, turn("alice", "/mcp", "prompts/list", cursor), 400},
		"another endpoint":            {h.instance, turn("alice", "/crm/mcp", "tools/list", cursor), 400},
		"another person":              {h.instance, turn("bob", "/mcp", "tools/list", cursor), 400},
		"another session of alice":    {h.instance, turn("alice2", "/mcp", "tools/list", cursor), 400},
		"an edited one":               {h.instance, turn("alice", "/mcp", "tools/list", edited(cursor)), 400},
		"an invented one":             {h.instance, turn("alice", "/mcp", "tools/list", "Y3JtX19nZXRfMDAwMQ"), 400},
	} {
		w := c.i.send(t, c.n)
		got := read(t, w.Body)
		if w.Code != c.status || c.status == http.StatusOK && len(got.Result.Tools) == 0 || c.status != http.StatusOK && code(got) != -32602 {
			t.Errorf("%s: got %d %.200s; want %d", name, w.Code, w.Body, c.status)
		}
	}
}

func TestALongListOfResourcesComesInPagesThatMissNothing(t *testing.T) {
	h := long(t)
	first := h.send(t, stateless("alice", "resources/list", "", "")).Body.String()
	cursor := read(t, strings.NewReader(first)).Result.NextCursor
	all := first + h.send(t, turn("alice", "/mcp", "resources/list", cursor)).Body.String()
	for i := range 1500 {
		if n := strings.Count(all, fmt.Sprintf(`"crm://%04d"`, i)); n != 1 {
			t.Fatalf("got resource %d %d times; want once", i, n)
		}
	}
}
