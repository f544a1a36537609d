package edge_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A documented operation, as far as the test looks at it.
type documented struct {
	Paths map[string]map[string]struct {
		Summary     string
		RequestBody *struct {
			Content map[string]struct{ Schema map[string]any }
		}
		Responses map[string]struct {
			Content map[string]struct{ Schema map[string]any }
		}
	}
}

func TestTheDocumentNamesExactlyTheRoutes(t *testing.T) {
	h := open(t)
	doc := read[documented](h.send(nil, http.MethodGet, "/api/v1/openapi.json", "").want(http.StatusOK))
	var got, want []string
	for path, item := range doc.Paths {
		for method, o := range item {
			got = append(got, strings.ToUpper(method)+" /api/v1"+path)
			if o.Summary == "" || len(o.Responses) != 2 {
				t.Errorf("%s %s: got %+v, want a summary and two answers", method, path, o)
			}
			if takes := method == "patch" || method == "post" && !strings.HasSuffix(path, "/rotate") && !strings.HasSuffix(path, "/accept"); takes != (o.RequestBody != nil) {
				t.Errorf("%s %s: takes a body %t, documented %t", method, path, takes, o.RequestBody != nil)
			}
		}
	}
	for _, pattern := range h.edge.Patterns() {
		if strings.Contains(pattern, " /api/v1/") {
			want = append(want, pattern)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes and document differ (-routes +document):\n%s", diff)
	}
}

func TestTheDocumentsSchemasAreThoseOfTheAnswers(t *testing.T) {
	h := open(t)
	doc := read[documented](h.send(nil, http.MethodGet, "/api/v1/openapi.json", ""))
	r := h.ask("alice", "crm:update_contact", `{"id":"1"}`)
	schema := doc.Paths["/approvals/{id}"]["get"].Responses["200"].Content["application/json"].Schema
	known, _ := schema["properties"].(map[string]any)
	for name := range read[map[string]any](h.operator("alice").get("/approvals/" + r.ID)) {
		if known[name] == nil {
			t.Errorf("the answer's member %s is not documented", name)
		}
	}
}
