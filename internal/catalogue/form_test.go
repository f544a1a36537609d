package catalogue_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/upstream"
)

// A spoiled entry has a member of another form: what is said of it, or, of one
// that may stay, "".
type spoiled struct{ member, says string }

var spoiledEntries = map[string][]spoiled{
	`"name":"x"`: { // of any kind
		{`"title":1`, "title must be a string"},
		{`"title":null`, "title must be a string"},
		{`"description":["d"]`, "description must be a string"},
		{`"_meta":[]`, "_meta must be an object"},
		{`"icons":{}`, "icons must be a list"},
		{`"icons":[{"mimeType":"image/png"}]`, "icons[0].src is missing"},
		{`"icons":[{"src":"data:,","theme":"red"}]`, "icons[0].theme must be one of"},
		{`"icons":[{"src":"data:,","sizes":"any"}]`, "icons[0].sizes must be a list"},
		{`"icons":[{"src":"data:,","sizes":["any"],"theme":"dark","x":1}],"title":"","description":"","_meta":{"x":[]},"unknown":7`, ""},
	},
	`"name":"x","inputSchema":{"type":"object"}`: {
		{`"outputSchema":[]`, "outputSchema must be an object"},
		{`"outputSchema":{}`, "outputSchema.type is missing"},
		{`"outputSchema":{"type":"array"}`, "outputSchema.type must be one of"},
		{`"outputSchema":{"type":"object","required":"x"}`, "outputSchema.required must be a list"},
		{`"outputSchema":{"type":"object","properties":{"x":true}}`, ""},
		{`"annotations":[]`, "annotations must be an object"},
		{`"annotations":{"readOnlyHint":"true"}`, "annotations.readOnlyHint must be true or false"},
		{`"annotations":{"title":1}`, "annotations.title must be a string"},
		{`"annotations":{"readOnlyHint":true,"x":"y"}`, ""},
		{`"execution":7`, "execution must be an object"},
		{`"execution":{"taskSupport":"maybe"}`, "execution.taskSupport must be one of"},
		{`"execution":{"taskSupport":"optional","x":1}`, ""},
	},
	`"name":"x",`: {
		{`"description":"d"`, "inputSchema is missing"},
		{`"inputSchema":null`, "inputSchema must be an object"},
		{`"inputSchema":true`, "inputSchema must be an object"},
		{`"inputSchema":{}`, "inputSchema.type is missing"},
		{`"inputSchema":{"type":["object"]}`, "inputSchema.type must be one of"},
		{`"inputSchema":{"type":"object","required":"x"}`, "inputSchema.required must be a list"},
		{`"inputSchema":{"type":"object","required":[1]}`, "inputSchema.required[0] must be a string"},
		{`"inputSchema":{"type":"object","properties":[]}`, "inputSchema.properties must be an object"},
		{`"inputSchema":{"type":"object","properties":{"x":7}}`, `inputSchema.properties["x"] must be a schema`},
		{`"inputSchema":{"type":"object","$schema":7}`, "inputSchema.$schema must be a string"},
		{`"inputSchema":{"type":"object","properties":{"x":{},"y":false},"required":["x"],"$schema":"s","additionalProperties":7}`, ""},
	},
	`"name":"x","uri":"x://y"`: {
		{`"name2":"n"`, ""},
		{`"size":"7"`, "size must be a number"},
		{`"size":1e999`, "size must be a number"},
		{`"size":7.5,"mimeType":"text/plain"`, ""},
		{`"mimeType":7`, "mimeType must be a string"},
	},
	`"uri":"x://y"`:           {{`"title":"t"`, "name is missing"}, {`"name":7`, "name must be a string"}, {`"name":""`, ""}},
	`"uriTemplate":"x://{y}"`: {{`"title":"t"`, "name is missing"}, {`"name":7`, "name must be a string"}, {`"name":"n"`, ""}},
	`"name":"x","uriTemplate":"x://{y}"`: {
		{`"annotations":{"audience":["user","robot"]}`, "annotations.audience[1] must be one of"},
		{`"annotations":{"priority":2}`, "annotations.priority must be a number from 0 to 1"},
		{`"annotations":{"priority":"1"}`, "annotations.priority must be a number from 0 to 1"},
		{`"annotations":{"lastModified":"2026-02-30T09:00:00Z"}`, "annotations.lastModified must be a day"},
		{`"annotations":{"lastModified":"2026-11-21"}`, "annotations.lastModified must be a time with a zone"},
		{`"annotations":{"lastModified":"2026-11-21T09:00Z"}`, ""},
		{`"annotations":{"audience":["user","assistant"],"priority":0.5,"lastModified":"2026-11-21T09:00:00.5+01:00","x":1}`, ""},
	},
	`"name":"p"`: {
		{`"arguments":{}`, "arguments must be a list"},
		{`"arguments":[{}]`, "arguments[0].name is missing"},
		{`"arguments":[{"name":"n","required":"yes"}]`, "arguments[0].required must be true or false"},
		{`"arguments":[{"name":"n","required":true,"x":1}]`, ""},
	},
}

// One entry of bad form would have official clients throw away the whole list.
func TestAnEntryOfBadFormIsLeftOut(t *testing.T) {
	for good, all := range spoiledEntries {
		for _, c := range all {
			s := newShop(t, crm)
			entry := items("{" + strings.TrimSuffix(good, ",") + "," + c.member + "}")
			switch {
			case strings.Contains(good, "uriTemplate"):
				s.lists["crm"] = upstream.Lists{Templates: entry}
			case strings.Contains(good, "uri"):
				s.lists["crm"] = upstream.Lists{Resources: entry}
			case good == `"name":"p"` || good == `"name":"x"`:
				s.lists["crm"] = upstream.Lists{Prompts: entry}
			default:
				s.lists["crm"] = upstream.Lists{Tools: entry}
			}
			wantLeftOut(t, s, string(entry[0].Raw), c.says)
		}
	}
}

func wantLeftOut(t *testing.T, s *shop, entry, says string) {
	t.Helper()
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := s.Now()
	listed := len(now.Tools("")) + len(now.Prompts("")) + len(now.Resources("")) + len(now.Templates(""))
	switch {
	case says == "" && (listed != 1 || len(now.Problems) != 0):
		t.Errorf("%s: got %v; want it listed", entry, now.Problems)
	case says != "" && (listed != 0 || len(now.Problems) != 1 || !strings.Contains(now.Problems[0].Why, says)):
		t.Errorf("%s: got %d listed and problems %v; want %q", entry, listed, now.Problems, says)
	}
}

// 2026-07-28 lets a tool's output be of any type; its clients get the schema,
// and those of older revisions the tool without it.
func TestAnOutputSchemaOfAnyTypeIsForStatelessClients(t *testing.T) {
	s := newShop(t, crm)
	s.lists["crm"] = upstream.Lists{Era: "2026-07-28", Tools: items(`{"name":"get","outputSchema":{"type":"array"},"inputSchema":{"type":"object"}}`)}
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for at, name := range map[catalogue.Endpoint]string{"": "crm__get", "crm": "get"} {
		tools := s.Now().Tools(at)
		if len(tools) != 1 {
			t.Fatalf("got %d tools at %q: %v", len(tools), at, s.Now().Problems)
		}
		if got, want := string(tools[0].Entry(at, true)), `{"name":"`+name+`","outputSchema":{"type":"array"},"inputSchema":{"type":"object"}}`; got != want {
			t.Errorf("stateless: got %s; want %s", got, want)
		}
		if got, want := string(tools[0].Entry(at, false)), `{"name":"`+name+`","inputSchema":{"type":"object"}}`; got != want {
			t.Errorf("with sessions: got %s; want %s", got, want)
		}
	}
}
