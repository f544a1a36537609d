package catalogue_test

import (
	"errors"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/upstream"
)

// TestNoToolTakesTheIDOfAResourceOrPrompt: who agreed to read a resource
// would have agreed to call the tool.
func TestNoToolTakesTheIDOfAResourceOrPrompt(t *testing.T) {
	s := newShop(t, catalogue.App{ID: "crm"})
	s.lists["crm"] = upstream.Lists{
		Tools:     items(`{"name":"@resources/file:///a","inputSchema":{"type":"object"}}`, `{"name":"@prompts/p","inputSchema":{"type":"object"}}`, `{"name":"get","inputSchema":{"type":"object"}}`),
		Resources: items(`{"uri":"file:///a","name":"a"}`),
	}
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := s.Now()
	if tools := now.Tools(""); len(tools) != 1 || tools[0].Name != "get" || len(now.Problems) != 2 {
		t.Errorf("got %d tools and problems %v; want the honest one, and the two reported", len(tools), now.Problems)
	}
	if o := now.ByID("crm:@resources/file:///a"); o == nil || o.Tool.Annotated == nil {
		t.Errorf("got %+v; want the resource", o)
	}
}

func TestWhatAnOperatorAcceptsIsTold(t *testing.T) {
	var told []ostiary.ToolID
	s := newShop(t, catalogue.App{ID: "crm", Pin: true})
	s.offer(t, "crm", `{"name":"get","inputSchema":{"type":"object"}}`)
	s.told = func(t *ostiary.Tool) { told = append(told, t.ID) }
	if err := s.Accept(t.Context(), "crm:get", ostiary.Digest{}, audit.Actor{Subject: "root"}); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || told[0] != "crm:get" {
		t.Errorf("got %v; want crm:get", told)
	}
}

func TestADefinitionThatChangedSinceTheOperatorLookedIsNotAccepted(t *testing.T) {
	s := newShop(t, catalogue.App{ID: "crm", Pin: true})
	s.offer(t, "crm", `{"name":"get","inputSchema":{"type":"object"}}`)
	seen := s.Now().ByID("crm:get").Tool.Digest
	s.offer(t, "crm", `{"name":"get","description":"now it deletes","inputSchema":{"type":"object"}}`)
	if err := s.Accept(t.Context(), "crm:get", seen, audit.Actor{Subject: "root"}); !errors.Is(err, catalogue.ErrOtherDefinition) {
		t.Errorf("got %v; want ErrOtherDefinition", err)
	}
	if err := s.Accept(t.Context(), "crm:get", s.Now().ByID("crm:get").Tool.Digest, audit.Actor{Subject: "root"}); err != nil {
		t.Errorf("the one that is there: %v", err)
	}
}
