package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/config"
	"go.yaml.in/yaml/v3"
)

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("ostiary.yaml", []byte(text), env)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return c
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sameSecrets compares by value: Secret.Equal holds an empty secret unequal to all.
var sameSecrets = cmp.Comparer(func(a, b ostiary.Secret) bool { return a.Reveal() == b.Reveal() })

func TestAnEmptyFileIsTheDefaultsOfTheContract(t *testing.T) {
	want := parse(t, string(read(t, "testdata/defaults.yaml")))
	for _, text := range []string{"", "# nothing\n", "{}", "server:\napps:\n"} {
		if diff := cmp.Diff(want, parse(t, text), cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{}), sameSecrets); diff != "" {
			t.Errorf("%q (-contract +got):\n%s", text, diff)
		}
	}
}

// Every key of the contract is known, and nothing is refused but what later
// versions bring.
func TestTheFileOfTheContractIsUnderstood(t *testing.T) {
	secrets := func(name string) (string, bool) { return "s3cr3t-" + name, true }
	_, err := config.Parse("contract.yaml", read(t, "testdata/contract.yaml"), secrets)
	want := []string{
		"auth.transparent.issuers: transparent.issuers beside another mode than transparent is not in this version",
		"apps[2].credential.kind: kind oauth is not in this version",
		"apps[2].openapi: openapi is not in this version",
		"tools[0].approval.pre_approved_contexts: pre_approved_contexts is not in this version",
	}
	var got []string
	for _, line := range strings.Split(fmt.Sprint(err), "\n") {
		_, problem, _ := strings.Cut(line, ": ")
		got = append(got, problem)
	}
	sorted := cmpopts.SortSlices(func(a, b string) bool { return a < b })
	if diff := cmp.Diff(want, got, sorted); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestAnApprovalThatIsNamedHasItsDefaultsFilledIn(t *testing.T) {
	c := parse(t, someApps+`tools: [{match: "crm:*", approval: {}}, {match: "a:*", category: read}]`)
	want := &config.Approval{
		DefaultScope:  config.ScopeSession,
		AllowedScopes: []config.ApprovalScope{config.ScopeOnce, config.ScopeSession, config.ScopeTimeLimited},
		MaxTTL:        time.Hour,
		RiskLevel:     config.RiskMedium,
		Approvers:     config.Approvers{Min: 1, AllowSelf: true},
	}
	if diff := cmp.Diff(want, c.Tools[0].Approval); diff != "" {
		t.Errorf("approval (-want +got):\n%s", diff)
	}
	if got := c.Tools[1]; got.Approval != nil || got.Site != nil || got.Authorization != nil || got.RateLimit != nil || got.Scopes != nil {
		t.Errorf("groups that were not named: got %+v, want none", got)
	}
}

func TestWhatOneKeyLeavesOutAnotherSays(t *testing.T) {
	c := parse(t, `
server: {listen: "localhost:9000"}
sites: {site_id_field: tenantId}
apps: [{id: crm, url: "http://127.0.0.1:1"}]
tools:
  - match: "crm:*"
    approval: {allowed_scopes: [once], category: delete}
    site: {admin_required: true}
`)
	rule := c.Tools[0]
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"public_url", c.Server.PublicURL.String(), "http://localhost:9000"},
		{"name", c.Apps[0].Name, "crm"},
		{"kind", c.Apps[0].Kind(), config.AppStreamable},
		{"default_scope", rule.Approval.DefaultScope, config.ScopeOnce},
		{"category", rule.Category, config.CategoryDelete},
		{"site_id_field", rule.Site.SiteIDField, "tenantId"},
		{"site_scoped", rule.Site.SiteScoped == nil, true},
	} {
		if check.got != check.want {
			t.Errorf("%s: got %v, want %v", check.what, check.got, check.want)
		}
	}
}

// someApps are there for rules to name.
const someApps = `apps: [{id: a, url: "http://127.0.0.1:1"}, {id: crm, url: "http://127.0.0.1:1"}]
`

// The twins of the refusals in testdata: what stands next to the line and is good.
func TestWhatIsSafeIsTaken(t *testing.T) {
	for name, text := range map[string]string{
		"http on loopback":               `server: {listen: "[::1]:80", public_url: "http://[::1]:80"}`,
		"https off loopback":             `server: {listen: "0.0.0.0:80", public_url: "https://gateway.example"}`,
		"a proxy before loopback":        `server: {public_url: "https://gateway.example", trusted_proxies: [10.0.0.0/8]}`,
		"TLS":                            `server: {listen: ":443", public_url: "https://a.example", tls: {cert_file: a, key_file: b}}`,
		"no admin listener":              `server: {admin_listen: "", allowed_origins: ["https://app.example:8443"]}`,
		"a password on loopback":         `auth: {users: [{id: alice, password: hunter22}]}`,
		"demo without claims":            `sites: {demo_allow_all_if_no_claims: true}`,
		"limits turned off":              `server: {limits: {token: 0, login_failures: "0"}}`,
		"no hold":                        `approvals: {hold: 0}`,
		"a list in place of nothing":     `apps: []`,
		"a wider entry first":            someApps + `tools: [{match: "crm:*", approval: {}}, {match: "crm:delete_*", approval: {required: true}}]`,
		"a wider entry of other groups":  someApps + `tools: [{match: "crm:delete_*", approval: {required: true}}, {match: "*", scopes: [a], rate_limit: {calls: 1}}]`,
		"an entry as wide":               someApps + `tools: [{match: "crm:*", approval: {}}, {match: "crm:**", approval: {required: true}}]`,
		"entries that only overlap":      someApps + `tools: [{match: "crm:*", site: {}}, {match: "*:delete_*", site: {}}]`,
		"two approvers":                  someApps + `tools: [{match: "a:*", approval: {approvers: {users: [bob, eve], min: 2, allow_self: false}}}]`,
		"a role of unknown size":         someApps + `tools: [{match: "a:*", approval: {approvers: {roles: [boss], min: 3}}}]`,
		"a header of a trusted proxy":    someApps + "server: {trusted_proxies: [\"::1/128\"]}\ntools: [{match: \"a:*\", context: {type: x, from: header.X-Y}}]",
		"a short pattern":                `tools: [{match: "???"}, {match: "a?b"}, {match: "*"}, {match: "a*é"}, {match: "*:"}, {match: "a*?"}]`,
		"headers of two names":           `apps: [{id: a, url: "http://[::1]:65535/x", headers: {X-A: "a\tb é", X-B: c}, credential: {kind: static, header: X-C, value: v}}]`,
		"a port of its own":              `server: {public_url: "https://gateway.example:8443", allowed_origins: ["http://[::1]:3000", "http://localhost"]}`,
		"an app by a pattern":            `tools: [{match: "n?t-here*:x", category: read}]`,
		"the gateway's own tools":        `tools: [{match: "ostiary:*", category: read}]`,
		"asking without a need":          someApps + `tools: [{match: "a:*", approval: {skip: true, required: false}}]`,
		"an empty group on purpose":      someApps + `tools: [{match: "a:*", approval: {}, scopes: [], site: {}}]`,
		"a claim that is null":           `auth: {users: [{id: a b, email: a@b.example, claims: {x: null}}]}`,
		"an empty list of entries":       "apps:\ntools:\nauth: {users: }",
		"resources":                      someApps + `tools: [{match: "crm:@resources/file:///a/*", category: read}]`,
		"a standalone app as default":    `{auth: {default_resource: /crm/mcp}, apps: [{id: crm, standalone: true, url: "http://127.0.0.1:1"}]}`,
		"an app for anonymous callers":   `{auth: {mode: public, anonymous: {apps: [crm], scopes: ["mcp:read"]}}, apps: [{id: crm, url: "https://a.example"}]}`,
		"keys for skills":                `skills: {auth: api-key, api_keys: [abc, {name: ci, hash: def, roles: [x]}]}`,
		"an operator's own credential":   `apps: [{id: a, url: "http://10.0.0.1", credential: {kind: static, header: Authorization, value: "${SECRET}"}}]`,
		"a callback elsewhere":           `approvals: {webhook: {callback_path: /hooks/answer}}`,
		"separators":                     `mcp: {tool_name_separator: "."}`,
		"postgres":                       `storage: {url: "postgres://u:p@127.0.0.1/x?sslmode=disable", namespace: a_1}`,
		"JSON":                           "{\n\t\"logging\": {\"level\": \"warn\"}\n}",
		"a number from the environment":  `approvals: {hold: "${WAIT}"}`,
		"a hash, whose $ is not special": `auth: {users: [{id: a, password_hash: "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA"}]}`,
	} {
		t.Run(name, func(t *testing.T) { parse(t, text) })
	}
}

func TestVariablesAndFilesAreExpandedOnce(t *testing.T) {
	lookup := func(name string) (string, bool) { return "${WAIT}-" + name, true }
	for text, want := range map[string]string{
		"a ${X} b ${Y}":               "a ${WAIT}-X b ${WAIT}-Y",
		"${file:testdata/secret.txt}": "from-a-file",
		"$${X}":                       "${X}",
		"$X $ {X} 5$":                 "$X $ {X} 5$",
	} {
		c, err := config.Parse("o", fmt.Appendf(nil, "mcp: {instructions: %q}", text), lookup)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := c.MCP.Instructions; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Whatever stands in the file may come from the environment: with every text and
// number outside of claims put there, the file of the contract and that of the
// defaults mean what they meant.
func TestAnyValueMayComeFromTheEnvironment(t *testing.T) {
	for _, file := range []string{"testdata/contract.yaml", "testdata/defaults.yaml"} {
		plain := map[string]string{"CORP_SECRET": "a-secret", "BILLING_SECRET": "b-secret", "CRM_SECRET": "c-secret", "GITHUB_SECRET": "d-secret"}
		lookup := func(name string) (string, bool) { v, ok := plain[name]; return v, ok }
		var tree yaml.Node
		if err := yaml.Unmarshal(read(t, file), &tree); err != nil {
			t.Fatal(err)
		}
		before, beforeErr := config.Parse("o", render(t, &tree), lookup)
		toEnvironment(&tree, plain)
		if len(plain) < 100 {
			t.Fatalf("%s: found %d values", file, len(plain))
		}
		after, afterErr := config.Parse("o", render(t, &tree), lookup)
		if diff := cmp.Diff(refused(beforeErr), refused(afterErr)); diff != "" {
			t.Errorf("%s: problems (-plain +environment):\n%s", file, diff)
		}
		if diff := cmp.Diff(before, after, cmpopts.EquateComparable(netip.Prefix{}), sameSecrets); diff != "" {
			t.Errorf("%s (-plain +environment):\n%s", file, diff)
		}
	}
}

// refused are the paths of the problems of an error.
func refused(err error) (paths []string) {
	var problems config.Problems
	errors.As(err, &problems)
	for _, p := range problems {
		paths = append(paths, p.Path)
	}
	slices.Sort(paths)
	return paths
}

func render(t *testing.T, tree *yaml.Node) []byte {
	t.Helper()
	data, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// toEnvironment moves the scalars below n into variables.
func toEnvironment(n *yaml.Node, to map[string]string) {
	switch {
	case n.Kind == yaml.ScalarNode && !strings.Contains(n.Value, "${"):
		name := fmt.Sprintf("VALUE_%d", len(to))
		to[name] = n.Value
		*n = yaml.Node{Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle, Value: "${" + name + "}"}
	case n.Kind == yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			if key := n.Content[i-1].Value; key != "claims" {
				toEnvironment(n.Content[i], to)
			}
		}
	default:
		for _, child := range n.Content {
			toEnvironment(child, to)
		}
	}
}

func TestClaimsKeepTheirTypes(t *testing.T) {
	c := parse(t, `auth: {users: [{id: a, claims: {n: 12, f: 1.5, b: true, s: "12", l: [x, 1], m: {k: v}, none: null}}]}`)
	want := map[string]any{
		"n": int64(12), "f": 1.5, "b": true, "s": "12", "l": []any{"x", int64(1)}, "m": map[string]any{"k": "v"}, "none": nil,
	}
	if diff := cmp.Diff(want, c.Auth.Users[0].Claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestNoWayOfPrintingShowsASecret(t *testing.T) {
	c := parse(t, `
storage: {url: "postgres://u:${SECRET}@127.0.0.1/x"}
auth: {users: [{id: alice, password: "${SECRET}"}]}
apps: [{id: a, command: [x], env: {KEY: "${SECRET}"}}]
`)
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprintf("%+v %#v", *c, c.Auth.Users), string(data)} {
		if strings.Contains(printed, environment["SECRET"]) {
			t.Errorf("printed: %s", printed)
		}
	}
	if got := c.Apps[0].Env["KEY"].Reveal(); got != environment["SECRET"] {
		t.Errorf("revealed: got %q, want %q", got, environment["SECRET"])
	}
}

func TestTheEnvironmentIsReadHereAlone(t *testing.T) {
	lookup := func(name string) (string, bool) { return "of " + name, name != "OSTIARY_URL" }
	c, err := config.Parse("o", nil, lookup)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Process{Key: "of OSTIARY_KEY", Path: "of PATH", Home: "of HOME"}
	if diff := cmp.Diff(want, c.Process); diff != "" {
		t.Errorf("process: %s", diff)
	}
	if got := config.RemoteOf("https://a.example", lookup); got.URL != "https://a.example" || got.Token.Reveal() != "of OSTIARY_TOKEN" {
		t.Errorf("remote: got %q, %q", got.URL, got.Token.Reveal())
	}
}

func TestStorageSaysItsDriver(t *testing.T) {
	for text, want := range map[string][2]string{
		"sqlite:a/b.db":       {config.SQLite, "a/b.db"},
		"sqlite::memory:":     {config.SQLite, ":memory:"},
		"postgres://h/x":      {config.Postgres, ""},
		"postgres:///x?host=": {config.Postgres, ""},
	} {
		c := parse(t, fmt.Sprintf("storage: {url: %q}", text))
		if got := [2]string{c.Storage.Driver(), c.Storage.Path()}; got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestValuesPrintAsTheFileWritesThem(t *testing.T) {
	for _, size := range []string{"1KiB", "4MiB", "3GiB", "1025B"} {
		if got := parse(t, "server: {max_body: "+size+"}").Server.MaxBody.String(); got != size {
			t.Errorf("size: got %s, want %s", got, size)
		}
	}
	for _, rate := range []string{"10/m", "5/s", "7/h", "0"} {
		if got := parse(t, "server: {limits: {token: "+rate+"}}").Server.Limits.Token.String(); got != rate {
			t.Errorf("rate: got %s, want %s", got, rate)
		}
	}
}

func TestLoadNamesTheFileAndReadsNoFurtherThanItsBound(t *testing.T) {
	if _, err := config.Load("testdata/none.yaml", env); err == nil || !strings.Contains(err.Error(), "testdata/none.yaml") {
		t.Errorf("a missing file: got %v", err)
	}
	if _, err := config.Load("/dev/zero", env); err == nil || !strings.Contains(err.Error(), "longer than 4MiB") {
		t.Errorf("an endless file: got %v", err)
	}
	if _, err := config.Load("testdata/defaults.yaml", env); err != nil {
		t.Errorf("a good file: %v", err)
	}
}

func TestAnAppWhoseHeadersTravelInTheClearIsTold(t *testing.T) {
	const static = "credential: {kind: static, header: X-Key, value: v}"
	for text, want := range map[string]bool{
		"url: 'http://10.0.0.1/mcp', headers: {X-Env: prod}":       true,
		"url: 'http://crm.internal/mcp', " + static:                true,
		"url: 'HTTP://crm.internal/mcp', " + static:                true,
		"url: 'http://127.0.0.1.example/mcp', " + static:           true,
		"url: 'http://crm.internal/mcp'":                           false,
		"url: 'https://crm.internal/mcp', " + static:               false,
		"url: 'http://127.0.0.1:9001/mcp', " + static:              false,
		"url: 'http://[::1]:9001/mcp', headers: {X-Env: prod}":     false,
		"url: 'http://localhost:9001/mcp', headers: {X-Env: prod}": false,
		"command: [server], env: {API_KEY: v}":                     false,
	} {
		if got := parse(t, "apps: [{id: a, "+text+"}]").Apps[0].InClear(); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

// yamlTree gives the form that a schema validator takes.
func yamlTree(t *testing.T, data []byte) any {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestAFileThatIsNotTextIsRefusedOnItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nb: \xff\n":        "ostiary.yaml:2: is not valid UTF-8",
		"\na: [\n":               "ostiary.yaml:2: is not YAML: did not find expected node content",
		strings.Repeat("[", 100): "ostiary.yaml:1: is not YAML: did not find expected node content",
		"auth: {users: [{id: a, claims: {x: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}}]}": "ostiary.yaml:1: auth.users[0].claims.x" + strings.Repeat("[0]", 28) + ": is nested more than 32 deep",
	} {
		got := problemsOf(t, text)
		if len(got) != 1 || got[0] != want {
			t.Errorf("%.20q: got %q, want %q", text, got, want)
		}
	}
}
