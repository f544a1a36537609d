package mcp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
)

func TestAListShowsExactlyWhatNoGateHidesAsTheUpstreamWroteIt(t *testing.T) {
	h := newHouse(t)
	h.strangers()
	w := h.send(t, stateless("alice", "tools/list", "", ""))
	want := `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","tools":[` +
		`{"name":"crm__delete_contact","inputSchema":{"type":"object","properties":{"id":{"type":"string"}}}},` +
		`{"name":"crm__export","inputSchema":{"type":"object"}},` +
		`{"name":"crm__get_contact","description":"Reads  one","inputSchema":{"type":"object","properties":{"id":{"type":"string"}}},"x-new":18446744073709551615},` +
		`{"name":"crm__move_contact","inputSchema":{"type":"object","properties":{"siteId":{"type":"string"},"id":{"type":"string"}}}},` +
		`{"name":"notes__get_note","inputSchema":{"type":"object"}}` +
		`],"ttlMs":30000,"cacheScope":"private"}}`
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("got %d\n%s; want\n%s", w.Code, w.Body, want)
	}
	if w := h.send(t, stateless("carol", "tools/list", "", "")); !strings.Contains(w.Body.String(), "crm__payroll") {
		t.Errorf("got %s; want an accountant to see payroll", w.Body)
	}
	if w := h.send(t, stateless("", "tools/list", "", "")); w.Code != http.StatusUnauthorized {
		t.Errorf("got %d for nobody; want 401", w.Code)
	}
}

func TestWhatWasSeenBeforeIsNotSeenAfterARightIsGone(t *testing.T) {
	h := newHouse(t)
	h.strangers()
	has := func(token, tool string) bool {
		return strings.Contains(h.send(t, stateless(token, "tools/list", "", "")).Body.String(), tool)
	}
	for range 2 {
		if !has("carol", "crm__payroll") || has("alice", "crm__payroll") || has("bob", "crm__payroll") {
			t.Fatal("got a wrong list; want payroll for carol alone, however often it is asked")
		}
	}
	h.wallet.tokens["carol"] = person("carol", "ses_carol")
	if has("carol", "crm__payroll") {
		t.Error("got payroll in carol's list after the role was taken; want it gone")
	}
	h.upstreams.lists["notes"] = upstream.Lists{}
	if err := h.catalogue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if has("alice", "notes__get_note") || !has("alice", "crm__get_contact") {
		t.Error("got a list of yesterday's tools")
	}
}

func TestOtherListsAreGatedAlike(t *testing.T) {
	h := newHouse(t)
	h.strangers()
	for method, want := range map[string]string{
		"resources/list":           `"resources":[{"uri":"crm://contacts","name":"contacts"}]`,
		"resources/templates/list": `"resourceTemplates":[{"uriTemplate":"crm://contacts/{id}","name":"contact"}]`,
		"prompts/list":             `"prompts":[{"name":"crm__greet","arguments":[{"name":"who"}]}]`,
	} {
		if w := h.send(t, stateless("alice", method, "", "")); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: got %s; want %s", method, w.Body, want)
		}
	}
	if w := h.send(t, stateless("carol", "prompts/list", "", "")); !strings.Contains(w.Body.String(), "crm__secret") {
		t.Errorf("got %s; want an accountant to see the secret prompt", w.Body)
	}
}

func TestAnAppAloneListsBareNames(t *testing.T) {
	h := newHouse(t)
	n := stateless("alice", "tools/list", "", "")
	n.path = "/crm/mcp"
	got := read(t, h.send(t, n).Body)
	if len(got.Result.Tools) != 4 || got.Result.Tools[0].Name != "delete_contact" {
		t.Errorf("got %+v; want the four of the app, bare", got.Result.Tools)
	}
}

func TestALongListComesInPagesThatMissNothing(t *testing.T) {
	h := newHouse(t)
	var tools []string
	for i := range 2500 {
		tools = append(tools, fmt.Sprintf(`{"name":"get_%04d","inputSchema":{"type":"object"}}`, i))
	}
	h.upstreams.lists["crm"] = upstream.Lists{Tools: items(tools...)}
	if err := h.catalogue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen, cursor := map[string]bool{}, ""
	var sizes []int
	for {
		got := read(t, h.send(t, stateless("alice", "tools/list", "", cursor)).Body)
		sizes = append(sizes, len(got.Result.Tools))
		for _, tool := range got.Result.Tools {
			if seen[tool.Name] {
				t.Errorf("got %s twice", tool.Name)
			}
			seen[tool.Name] = true
		}
		if got.Result.NextCursor == "" {
			break
		}
		cursor = `"cursor":"` + got.Result.NextCursor + `"`
	}
	if len(seen) != 2501 || fmt.Sprint(sizes) != "[1000 1000 501]" {
		t.Errorf("got %d tools in pages of %v; want 2501 in [1000 1000 501]", len(seen), sizes)
	}
	for _, bad := range []string{`"cursor":"***"`, `"cursor":""`, `"cursor":7`} {
		if got := read(t, h.send(t, stateless("alice", "tools/list", "", bad)).Body); code(got) != -32602 {
			t.Errorf("%s: got %+v; want an error", bad, got)
		}
	}
}

func TestAListOfExactlyAThousandIsOnePage(t *testing.T) {
	h := newHouse(t)
	var tools []string
	for i := range 999 {
		tools = append(tools, fmt.Sprintf(`{"name":"get_%04d","inputSchema":{"type":"object"}}`, i))
	}
	h.upstreams.lists["crm"] = upstream.Lists{Tools: items(tools...)}
	if err := h.catalogue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, h.send(t, stateless("alice", "tools/list", "", "")).Body); len(got.Result.Tools) != 1000 || got.Result.NextCursor != "" {
		t.Errorf("got %d and %q; want 1000 and no cursor", len(got.Result.Tools), got.Result.NextCursor)
	}
}

func TestResourcesPromptsAndCompletionPassTheGates(t *testing.T) {
	for name, c := range map[string]struct {
		n      note
		params string // what goes upstream begins with it; "" nothing goes
	}{
		"a resource":                 {stateless("alice", "resources/read", "crm://contacts", `"uri":"crm://contacts"`), `{"uri":"crm://contacts",`},
		"a resource of a template":   {stateless("alice", "resources/read", "crm://contacts/7", `"uri":"crm://contacts/7"`), `{"uri":"crm://contacts/7",`},
		"a resource of nobody":       {stateless("alice", "resources/read", "file:///etc/passwd", `"uri":"file:///etc/passwd"`), ""},
		"a resource by canonical id": {stateless("alice", "resources/read", "crm:@resources/crm://contacts", `"uri":"crm:@resources/crm://contacts"`), ""},
		"a prompt":                   {stateless("alice", "prompts/get", "crm__greet", `"name":"crm__greet","arguments":{"who":"x"}`), `{"name":"greet","arguments":{"who":"x"},`},
		"a hidden prompt":            {stateless("alice", "prompts/get", "crm__secret", `"name":"crm__secret"`), ""},
		"a completion":               {stateless("alice", "completion/complete", "", `"ref":{"type":"ref/prompt","name":"crm__greet"},"argument":{"name":"who","value":"a"}`), `{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"who","value":"a"},`},
		"a completion of a template": {stateless("alice", "completion/complete", "", `"ref":{"type":"ref/resource","uri":"crm://contacts/{id}"},"argument":{"name":"id","value":"a"}`), `{"ref":{"type":"ref/resource","uri":"crm://contacts/{id}"},`},
		"a hidden completion":        {stateless("alice", "completion/complete", "", `"ref":{"type":"ref/prompt","name":"crm__secret"},"argument":{"name":"who","value":"a"}`), ""},
		"a completion of nothing":    {stateless("alice", "completion/complete", "", `"ref":{"type":"ref/prompt","name":"nothing"},"argument":{"name":"who","value":"a"}`), ""},
		"a completion without a ref": {stateless("alice", "completion/complete", "", `"argument":{"name":"who","value":"a"}`), ""},
		"an app that is not open":    {stateless("narrow2", "resources/read", "crm://contacts", `"uri":"crm://contacts"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			closed := person("dave", "ses_dave")
			closed.Apps = ostiary.Selection{}
			h.wallet.tokens["narrow2"] = closed
			w := h.send(t, c.n)
			calls := h.upstreams.got()
			if c.params == "" {
				if len(calls) != 0 || read(t, w.Body).Error == nil {
					t.Errorf("got %d %s and calls %+v; want an error and none", w.Code, w.Body, calls)
				}
				return
			}
			if w.Code != http.StatusOK || len(calls) != 1 || !strings.HasPrefix(calls[0].Params, c.params) {
				t.Errorf("got %d %s, calls %+v; want %s", w.Code, w.Body, calls, c.params)
			}
			if entries := h.book.entries; len(entries) != 2 || entries[0].Tool.App() != "crm" {
				t.Errorf("got %d records; want intent and outcome", len(entries))
			}
		})
	}
}

func TestHiddenAndMissingReferencesAreTheSameBytes(t *testing.T) {
	h := newHouse(t)
	ask := func(name string) string {
		w := h.send(t, stateless("alice", "completion/complete", "", `"ref":{"type":"ref/prompt","name":"`+name+`"},"argument":{"name":"who","value":"a"}`))
		return w.Body.String()
	}
	if hidden, missing := ask("crm__secret"), ask("crm__nothing"); hidden != missing {
		t.Errorf("got %s and %s; want the same", hidden, missing)
	}
}

func TestWhatWasReadForOneCallerIsPrivate(t *testing.T) {
	h := newHouse(t)
	h.upstreams.answers(func(ctx, sent, func([]byte)) (upstream.Reply, error) {
		return upstream.Reply{Result: []byte(`{"contents":[],"cacheScope":"public","ttlMs":900}`), Era: "2026-07-28"}, nil
	})
	w := h.send(t, stateless("alice", "resources/read", "crm://contacts", `"uri":"crm://contacts"`))
	want := `"result":{"contents":[],"cacheScope":"private","ttlMs":900,"resultType":"complete"}`
	if !strings.Contains(w.Body.String(), want) {
		t.Errorf("got %s; want %s", w.Body, want)
	}
}

func TestAURIThatTwoAppsOfferIsNobodys(t *testing.T) {
	h := newHouse(t)
	h.upstreams.lists["notes"] = upstream.Lists{Resources: items(`{"uri":"crm://contacts","name":"copy"}`)}
	if err := h.catalogue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := stateless("alice", "resources/read", "crm://contacts", `"uri":"crm://contacts"`)
	if got := read(t, h.send(t, n).Body); code(got) != -32602 || len(h.upstreams.got()) != 0 {
		t.Errorf("got %+v; want it unknown", got)
	}
}

func TestDiscoverTellsWhatThereIs(t *testing.T) {
	h := newHouse(t)
	w := h.send(t, stateless("alice", "server/discover", "", ""))
	want := `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26"],` +
		`"capabilities":{"tools":{"listChanged":true},"resources":{"listChanged":true},"prompts":{"listChanged":true},"completions":{},"logging":{},"extensions":{"io.modelcontextprotocol/tasks":{}}},` +
		`"instructions":"Ask nicely.","ttlMs":30000,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"ostiary","title":"Ostiary","version":"1.2.3"}}}}`
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("got %d %s; want %s", w.Code, w.Body, want)
	}
}
