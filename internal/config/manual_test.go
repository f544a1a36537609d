package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/ostiary/ostiary/internal/config"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

const manual = "../../docs/configuration.md"

func TestTheManualIsMadeFromTheComments(t *testing.T) {
	want := config.Markdown()
	if *update {
		if err := os.WriteFile(manual, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, manual); !bytes.Equal(got, want) {
		t.Errorf("%s differs from the comments; run: go generate ./internal/config", manual)
	}
}

func TestNoKeyIsWithoutADescription(t *testing.T) {
	for _, line := range strings.Split(string(config.Markdown()), "\n") {
		if strings.HasSuffix(line, "| |") && !strings.HasPrefix(line, "| key") {
			t.Errorf("no description: %s", line)
		}
	}
}

func schema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(config.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	if s.Schema != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("$schema: got %q", s.Schema)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

func TestTheSchemaTakesWhatParseTakes(t *testing.T) {
	resolved := schema(t)
	for _, file := range []string{"testdata/contract.yaml", "testdata/defaults.yaml", "starter.yaml"} {
		if err := resolved.Validate(yamlTree(t, read(t, file))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestTheSchemaTakesWhatComesFromTheEnvironment(t *testing.T) {
	resolved := schema(t)
	for _, text := range []string{
		`approvals: {channels: ["${A}"], hold: "${A}"}`, `auth: {clients: [{id: a, kind: "${A}", redirect_uris: "${A}"}]}`,
		`apps: [{id: a, allow_server_requests: ["${A}"], max_children: "${A}", headers: {X: "${A}"}}]`,
		`tools: [{match: "${A}", approval: {allowed_scopes: ["${A}"], required: "${A}"}, site: {site_scoped: "${A}"}}]`,
	} {
		if err := resolved.Validate(yamlTree(t, []byte(text))); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTheSchemaRefusesUnknownKeysAndWrongForms(t *testing.T) {
	resolved := schema(t)
	for _, text := range []string{
		`sever: {}`, `server: {lisen: a}`, `apps: [{id: a, uri: b}]`, `apps: [{id: A}]`, `apps: [{}]`, `apps: {}`,
		`logging: {level: loud}`, `approvals: {hold: 25}`, `server: {max_body: 4MB}`, `roles: {default_deny: "yes"}`,
		`approvals: {max_pending_per_subject: 0}`,
	} {
		if err := resolved.Validate(yamlTree(t, []byte(text))); err == nil {
			t.Errorf("%s: the schema takes it", text)
		}
	}
}

func TestTheStarterIsADozenLinesAndGood(t *testing.T) {
	starter := config.Starter()
	parse(t, string(starter))
	if lines := bytes.Count(starter, []byte("\n")); lines > 13 {
		t.Errorf("starter: got %d lines, want about twelve", lines)
	}
}
