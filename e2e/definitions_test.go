package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// hostile are definitions of tools, with the beginning of the name under which
// clients may see each; "" is not at all. %s is the URL of a server that
// nobody may ask.
var hostile = []struct{ definition, seen string }{
	{`{"name":"honest","inputSchema":{"type":"object"}}`, "small__honest"},
	{`{"name":"far","inputSchema":{"$schema":"%[1]s/schema","type":"object","properties":{"n":{"$ref":"%[1]s/n"}}},"outputSchema":{"$ref":"%[1]s/out"},"icons":[{"src":"%[1]s/icon"}]}`, "small__far"},
	{`{"name":"round","inputSchema":{"type":"object","$ref":"#"}}`, "small__round"},
	{`{"name":"good\u202egpj.exe","inputSchema":{"type":"object"},"description":"\u202eti od\u2066"}`, "small__good_gpj_exe_"},
	{`{"name":"` + strings.Repeat("long", 1000) + `","inputSchema":{"type":"object"}}`, "small__longlong"},
	{`{"name":"../../etc/passwd","inputSchema":{"type":"object"}}`, "small__etc_passwd_"},
	{`{"name":"<script>alert(1)</script>","inputSchema":{"type":"object"}}`, "small__script_alert_1_script_"},
	{`{"name":"twice","inputSchema":{"type":"object"}}`, ""},
	{`{"name":"twice","inputSchema":{"type":"object"},"description":"another"}`, ""},
	{`{"name":"two","name":"honest","inputSchema":{"type":"object"}}`, ""},
	{`{"name":"two-ways","Name":"honest","inputSchema":{"type":"object"}}`, ""},
	{`{"name":"half\ud800","inputSchema":{"type":"object"}}`, ""},
	{`{"name":"@resources/crm://salaries","inputSchema":{"type":"object"}}`, ""},
	{`{"name":"deep","inputSchema":` + strings.Repeat(`{"items":`, 100) + `{}` + strings.Repeat(`}`, 100) + `}`, ""},
	{`{"name":"","inputSchema":{"type":"object"}}`, ""},
	{`{"name":7,"inputSchema":{"type":"object"}}`, ""},
	{`{"inputSchema":{"type":"object"}}`, ""},
}

// TestHostileDefinitionsReachNobody: what can be read two ways is left out,
// names are made plain, and what a definition points to is not fetched.
func TestHostileDefinitionsReachNobody(t *testing.T) {
	var asked atomic.Int64
	canary := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(canary.Close)
	p := newParrot(t, modern, "json")
	for _, d := range hostile {
		p.tools = append(p.tools, strings.ReplaceAll(d.definition, "%[1]s", canary.URL))
	}
	p.lay(1, &saying{result: `{"resultType":"complete","content":[{"type":"text","text":"did one"}]}`})
	h := newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: small, %s, shared: true}\ntools:\n"+
		"  - {match: \"small:far\", approval: {required: true, approvers: {roles: [approver]}}}\n", p.app)).start()
	alice := h.token("alice", "write")
	names := h.list(alice)
	plain := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	for _, d := range hostile {
		i := slices.IndexFunc(names, func(n string) bool { return d.seen != "" && strings.HasPrefix(n, d.seen) })
		if d.seen == "" {
			continue
		}
		if i < 0 {
			t.Errorf("%.60s is not listed", d.definition)
			continue
		}
		name := names[i]
		names = slices.Delete(names, i, i+1)
		if !plain.MatchString(name) {
			t.Errorf("%.60s is listed as %q", d.definition, name)
		}
		if d.seen != "small__far" {
			h.wantOK(h.call(alice, name, `{"n":1}`))
		}
	}
	if len(names) != 0 {
		t.Errorf("%q are listed, too", names)
	}
	h.wantAsked(h.call(alice, "small__far", `{"n":1}`))
	if status, page := h.signIn("bob").get("/approvals/" + onlyPending(h)); status != http.StatusOK || !strings.Contains(page, "far") {
		t.Errorf("got the page %d %.300s; want it to ask about the tool", status, page)
	}
	operator := h.signIn("root").operatorToken("read")
	if r := h.try("", []string{"OSTIARY_TOKEN=" + operator}, "tools", "list", "--url", h.url); !strings.Contains(r.out, "small:far") || strings.Contains(r.out, "\u202e") {
		t.Errorf("the operator is shown %.500s %s", r.out, r.err)
	}
	env := []string{"OSTIARY_TOKEN=" + operator, "OSTIARY_URL=" + h.url}
	wantLeftOut(h, env)
	wantLeftOut(h, nil, "-c", h.file)
	if asked.Load() != 0 {
		t.Errorf("what definitions point to was asked %d times", asked.Load())
	}
}

// wantLeftOut wants an operator to be shown what is offered and can't be
// called, with a reason each.
func wantLeftOut(h *house, env []string, where ...string) {
	h.t.Helper()
	r := h.try("", env, append([]string{"tools", "list", "--left-out", "--json"}, where...)...)
	var left []struct{ App, Name, Why string }
	if err := json.Unmarshal([]byte(r.out), &left); err != nil {
		h.t.Fatalf("tools list --left-out printed %.500s %s: %v", r.out, r.err, err)
	}
	seen := map[string]bool{}
	for _, l := range left {
		seen[l.Name] = l.App == "small" && l.Why != ""
	}
	for _, name := range []string{"twice", "two", "two-ways", "@resources/crm://salaries", "deep"} {
		if !seen[name] {
			h.t.Errorf("%q is not among what was left out: %+v", name, left)
		}
	}
	if seen["honest"] || seen["far"] {
		h.t.Errorf("what is listed is told to be left out: %+v", left)
	}
	table := h.try("", env, append([]string{"tools", "list"}, where...)...).out
	if !strings.Contains(table, "small:far") || !regexp.MustCompile(`(?m)^small:twice .* left out: its name is not unique`).MatchString(table) {
		h.t.Errorf("the table does not show both what is listed and what was left out:\n%.2000s", table)
	}
}
