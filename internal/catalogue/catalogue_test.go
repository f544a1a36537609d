package catalogue_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

var (
	crm   = catalogue.App{ID: "crm", Name: "CRM"}
	notes = catalogue.App{ID: "notes", Name: "Notes"}
)

func TestToolsOfAllAppsStandUnderNamesOfTheirOwn(t *testing.T) {
	s := newShop(t, crm, notes)
	s.offer(t, "notes", `{"name":"get","inputSchema":{"type":"object"}}`)
	s.offer(t, "crm", `{"name":"get","big":18446744073709551615,"inputSchema":{"type":"object","properties":{"id":{},"siteId":{}}}}`, `{"name":"a b","inputSchema":{"type":"object"}}`)
	got := names(s.Now().Tools(""))
	if len(got) != 3 || !strings.HasPrefix(got[0], "crm__a_b_") || got[1] != "crm__get" || got[2] != "notes__get" {
		t.Errorf("got %v; want three names, sorted", got)
	}
	o := s.Now().Tool("", "crm__get")
	if o == nil || string(o.Listed) != `{"name":"crm__get","big":18446744073709551615,"inputSchema":{"type":"object","properties":{"id":{},"siteId":{}}}}` {
		t.Fatalf("got %+v; want the definition with the name changed and no other byte", o)
	}
	if string(o.Bare) != string(o.Tool.Definition) || !slices.Equal(o.Tool.SchemaFields, []string{"id", "siteId"}) {
		t.Errorf("got %s and fields %v; want the upstream's own", o.Bare, o.Tool.SchemaFields)
	}
	for name, found := range map[string]bool{"crm__get": true, "crm:get": true, "get": false, "notes__get": true, "crm__nothing": false} {
		if got := s.Now().Tool("", name) != nil; got != found {
			t.Errorf("%s: got %v; want %v", name, got, found)
		}
	}
	for name, found := range map[string]bool{"get": true, "crm__get": false, "crm:get": false} {
		if got := s.Now().Tool("crm", name) != nil; got != found {
			t.Errorf("%s at crm alone: got %v; want %v", name, got, found)
		}
	}
}

func TestAmbiguousNamesBelongToNobody(t *testing.T) {
	s := newShop(t, crm, notes)
	s.lists["crm"] = upstream.Lists{
		Tools:     items(`{"name":"twice","inputSchema":{"type":"object"}}`, `{"name":"twice","inputSchema":{"type":"object","x":1}}`, `{"name":"once","inputSchema":{"type":"object"}}`),
		Resources: items(`{"uri":"x://a","name":"a"}`, `{"uri":"x://b","name":"b"}`),
		Templates: items(`{"uriTemplate":"x://{id}","name":"any"}`),
	}
	s.lists["notes"] = upstream.Lists{Resources: items(`{"uri":"x://a","name":"copy"}`)}
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := s.Now()
	if now.Tool("", "crm__twice") != nil || now.Tool("", "crm:twice") != nil || now.Tool("", "crm__once") == nil {
		t.Errorf("got tools %v; want once alone", names(now.Tools("")))
	}
	if s.Readable("", "x://a") != nil || now.ByID("crm:twice") != nil {
		t.Error("got an owner of an ambiguous URI; want none, also by a template that it fits")
	}
	if s.Readable("", "x://b") == nil || s.Readable("", "x://c") == nil {
		t.Error("got no owner of what is not ambiguous")
	}
	if len(now.Problems) != 4 {
		t.Errorf("got problems %+v; want both of each pair", now.Problems)
	}
}

func TestAURIOfTwoAppsIsEachOnesOwnWhereItIsServedAlone(t *testing.T) {
	s := newShop(t, crm, notes)
	s.lists["crm"] = upstream.Lists{
		Resources: items(`{"uri":"x://a","name":"of crm"}`, `{"uri":"x://twice","name":"1"}`, `{"uri":"x://twice","name":"2"}`),
		Templates: items(`{"uriTemplate":"x://{id}","name":"any"}`, `{"uriTemplate":"y://{id}","name":"shared"}`),
	}
	s.lists["notes"] = upstream.Lists{
		Resources: items(`{"uri":"x://a","name":"of notes"}`, `{"uri":"x://twice","name":"3"}`),
		Templates: items(`{"uriTemplate":"y://{id}","name":"shared"}`),
	}
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at    catalogue.Endpoint
		uri   string
		owner string
	}{
		{"", "x://a", ""},
		{"crm", "x://a", "crm"},
		{"notes", "x://a", "notes"},
		{"", "x://twice", ""},
		{"crm", "x://twice", ""},
		{"notes", "x://twice", "notes"},
		{"", "y://1", ""},
		{"crm", "y://1", "crm"},
		{"notes", "y://1", "notes"},
		{"notes", "x://1", ""},
	} {
		owner := ""
		if tool := s.Readable(c.at, c.uri); tool != nil {
			owner = tool.App
		}
		if owner != c.owner {
			t.Errorf("%s at %q: got the owner %q; want %q", c.uri, c.at, owner, c.owner)
		}
	}
	now := s.Now()
	for at, want := range map[catalogue.Endpoint]int{"": 0, "crm": 1, "notes": 2} {
		if got := len(now.Resources(at)); got != want {
			t.Errorf("at %q: got %d resources listed; want %d", at, got, want)
		}
	}
	if now.Template("", "y://{id}") != nil || now.Template("notes", "y://{id}") == nil {
		t.Error("got the template of both at /mcp, or not at its own endpoint")
	}
	if o := now.Resources("notes")[0]; !strings.Contains(string(o.Entry("notes", true)), "of notes") {
		t.Errorf("got %s; want the app's own entry", o.Entry("notes", true))
	}
}

func TestNonsenseIsLeftOutAndHarmsNoNeighbour(t *testing.T) {
	s := newShop(t, crm)
	s.offer(t, "crm",
		`{"name":"twin","Name":"other","inputSchema":{"type":"object"}}`, `{"name":"dup","inputSchema":{"type":"object"},"inputSchema":{"type":"object"}}`,
		`{"name":"mirror","inputSchema":{"type":"object","properties":{"n":{"type":"number","x-mcp-header":"n"}}}}`, `{"name":"good","inputSchema":{"type":"object"}}`)
	if got := names(s.Now().Tools("")); !slices.Equal(got, []string{"crm__good"}) || len(s.Now().Problems) != 3 {
		t.Errorf("got %v and %d problems; want the good one and three", got, len(s.Now().Problems))
	}
}

func TestOnlyTheAnnotationsOfATrustedAppTellACategory(t *testing.T) {
	trusted := crm
	trusted.Trusted = true
	s := newShop(t, trusted, notes)
	reads := `{"name":"reads","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}`
	s.offer(t, "crm", reads, `{"name":"deletes","inputSchema":{"type":"object"},"annotations":{"destructiveHint":true}}`,
		`{"name":"writes","inputSchema":{"type":"object"},"annotations":{}}`)
	s.offer(t, "notes", reads)
	for id, want := range map[ostiary.ToolID]ostiary.Category{
		"crm:reads": ostiary.CategoryRead, "crm:deletes": ostiary.CategoryDelete, "crm:writes": ostiary.CategoryWrite,
	} {
		if got := s.Now().ByID(id).Tool.Annotated; got == nil || *got != want {
			t.Errorf("%s: got %v; want %v", id, got, want)
		}
	}
	if got := s.Now().ByID("notes:reads").Tool.Annotated; got != nil {
		t.Errorf("got %v of an app that is not trusted; want nothing", got)
	}
}

func TestAPinnedToolIsShownAsItWasAccepted(t *testing.T) {
	pinned := crm
	pinned.Pin = true
	s := newShop(t, pinned)
	const before, after = `{"name":"get","description":"reads","inputSchema":{"type":"object"}}`, `{"name":"get","description":"reads, and tells others","inputSchema":{"type":"object"}}`
	s.offer(t, "crm", before)
	if tool := s.Now().ByID("crm:get").Tool; tool.Accepted != (ostiary.Digest{}) {
		t.Errorf("got a new tool accepted as %s", tool.Accepted)
	}
	old, err := s.epochs.Of(t.Context(), nobody)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Accept(t.Context(), "crm:get", ostiary.Digest{}, audit.Actor{Subject: "root"}); err != nil {
		t.Fatal(err)
	}
	if tool := s.Now().ByID("crm:get").Tool; tool.Accepted != tool.Digest {
		t.Errorf("got %s accepted of %s; want them equal", tool.Accepted, tool.Digest)
	}
	s.epochs.Forget(nobody)
	if now, err := s.epochs.Of(t.Context(), nobody); err != nil || now.Deployment == old.Deployment {
		t.Errorf("got deployment epoch %d, %v; want it moved", now.Deployment, err)
	}
	if len(s.book.entries) != 1 || s.book.entries[0].Event != "tool_accepted" || s.book.entries[0].Actor.Subject != "root" {
		t.Errorf("got records %+v; want the acceptance", s.book.entries)
	}
	s.offer(t, "crm", after)
	o := s.Now().ByID("crm:get")
	if !o.Pending || o.Tool.Accepted == o.Tool.Digest || string(o.Tool.Definition) != before || string(o.Now) != after || !strings.Contains(string(o.Listed), `"reads"`) {
		t.Errorf("got %+v; want the accepted definition shown and the new one waiting", o)
	}
	if !slices.Equal(s.changed, []ostiary.ToolID{"crm:get"}) {
		t.Errorf("got changes %v; want one", s.changed)
	}
	if err := s.Accept(t.Context(), "crm:get", ostiary.Digest{}, audit.Actor{Subject: "root"}); err != nil {
		t.Fatal(err)
	}
	if o := s.Now().ByID("crm:get"); o.Pending || string(o.Tool.Definition) != after || o.Tool.Accepted != o.Tool.Digest {
		t.Errorf("got %+v; want the new definition in force", o)
	}
	if err := s.Accept(t.Context(), "crm:nothing", ostiary.Digest{}, audit.Actor{}); !errors.Is(err, catalogue.ErrNoTool) {
		t.Errorf("got %v; want ErrNoTool", err)
	}
}

func TestASnapshotNeverChanges(t *testing.T) {
	s := newShop(t, crm)
	s.offer(t, "crm", `{"name":"get","inputSchema":{"type":"object"}}`)
	before := s.Now()
	s.offer(t, "crm")
	if len(before.Tools("")) != 1 || len(s.Now().Tools("")) != 0 || s.Now().Version <= before.Version {
		t.Errorf("got %d and %d tools, versions %d and %d; want the old snapshot whole and a newer one", len(before.Tools("")), len(s.Now().Tools("")), before.Version, s.Now().Version)
	}
}

func TestLookAlikesOfArgumentsAreKnown(t *testing.T) {
	s := newShop(t, crm)
	s.offer(t, "crm", `{"name":"get","inputSchema":{"type":"object","properties":{"id":{}}}}`)
	known := s.Now().Tool("", "crm__get").Known
	for arguments, refused := range map[string]bool{`{"id":1}`: false, `{"ID":1}`: true, `{"siteid":1}`: true, `{"siteId":1,"other":2}`: false, `{"ıd":1}`: false} {
		if err := wire.CheckTwins([]byte(arguments), known); (err != nil) != refused {
			t.Errorf("%s: got %v; want refused %v", arguments, err, refused)
		}
	}
}

func TestWhatASchemaHidesIsKnown(t *testing.T) {
	s := newShop(t, crm)
	s.offer(t, "crm", `{"name":"get","inputSchema":{"type":"object","allOf":[{"$ref":"#/$defs/x"}],"$defs":{"x":{"properties":{"siteId":{},"to":{"properties":{"id":{},"siteId":{}}}}}}}}`,
		`{"name":"far","inputSchema":{"type":"object","$ref":"https://example.com/schema"}}`)
	get := s.Now().Tool("", "crm__get")
	if tool := get.Tool; !slices.Equal(tool.SchemaFields, []string{"siteId", "to"}) || !slices.Equal(tool.SchemaBelow["siteId"], []string{"to", "siteId"}) || tool.SchemaOpen {
		t.Errorf("got fields %q, below %q, open %v", tool.SchemaFields, tool.SchemaBelow, tool.SchemaOpen)
	}
	if !s.Now().Tool("", "crm__far").Tool.SchemaOpen {
		t.Error("got a schema that is elsewhere for one that was read")
	}
	for arguments, refused := range map[string]bool{`{"To":{}}`: true, `{"to":{"ID":1}}`: true, `{"to":{"id":1,"Other":1}}`: false} {
		if err := wire.CheckTwins([]byte(arguments), get.Known); (err != nil) != refused {
			t.Errorf("%s: got %v; want refused %v", arguments, err, refused)
		}
	}
}

func TestAURIBelongsToTheOneAppWhoseTemplateItFits(t *testing.T) {
	s := newShop(t, crm, notes)
	s.lists["crm"] = upstream.Lists{Templates: items(`{"uriTemplate":"crm://{site}/contacts/{id}","name":"c"}`, `{"uriTemplate":"both://{+x}","name":"b"}`)}
	s.lists["notes"] = upstream.Lists{Templates: items(`{"uriTemplate":"notes:///{+path}.md","name":"n"}`, `{"uriTemplate":"both://{x}/y","name":"b"}`, `{"uriTemplate":"broken://{x","name":"z"}`)}
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]ostiary.ToolID{
		"crm://a/contacts/1":  "crm:@resources/crm://a/contacts/1",
		"crm://a/contacts/":   "",
		"crm:///contacts/1":   "",
		"crm://a/people/1":    "",
		"notes:///a/b.md":     "notes:@resources/notes:///a/b.md",
		"notes:///.md":        "",
		"notes:///a/b.md.exe": "",
		"both://1":            "crm:@resources/both://1",
		"both://1/y":          "",
		"broken://1":          "",
		"":                    "",
		"xcrm://a/contacts/1": "",
	} {
		var got ostiary.ToolID
		if tool := s.Readable("", uri); tool != nil {
			got = tool.ID
		}
		if got != want {
			t.Errorf("%q: got %q; want %q", uri, got, want)
		}
	}
	if s.Readable("crm", "notes:///a/b.md") != nil {
		t.Error("got a resource of notes at crm alone; want none")
	}
}
