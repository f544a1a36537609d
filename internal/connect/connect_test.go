package connect_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/connect"
)

var here = connect.Server{Name: "ostiary", URL: "https://mcp.example/mcp"}

func program(t *testing.T, id string) connect.Program {
	t.Helper()
	p, ok := connect.ByID(id)
	if !ok {
		t.Fatalf("no program %s", id)
	}
	return p
}

func TestEveryProgramIsToldInItsOwnWords(t *testing.T) {
	withToken := here
	withToken.TokenVar = "OSTIARY_PAT"
	for id, want := range map[string][2]string{
		"claude-code": {
			`{"mcpServers":{"ostiary":{"type":"http","url":"https://mcp.example/mcp"}}}`,
			`{"mcpServers":{"ostiary":{"type":"http","url":"https://mcp.example/mcp","headers":{"Authorization":"Bearer ${OSTIARY_PAT}"}}}}`,
		},
		"cursor": {
			`{"mcpServers":{"ostiary":{"url":"https://mcp.example/mcp"}}}`,
			`{"mcpServers":{"ostiary":{"url":"https://mcp.example/mcp","headers":{"Authorization":"Bearer ${env:OSTIARY_PAT}"}}}}`,
		},
		"vscode": {
			`{"servers":{"ostiary":{"type":"http","url":"https://mcp.example/mcp"}}}`,
			`{"inputs":[{"type":"promptString","id":"OSTIARY_PAT","description":"A personal token of Ostiary","password":true}],` +
				`"servers":{"ostiary":{"type":"http","url":"https://mcp.example/mcp","headers":{"Authorization":"Bearer ${input:OSTIARY_PAT}"}}}}`,
		},
		"mcp-remote": {
			`{"mcpServers":{"ostiary":{"command":"npx","args":["-y","mcp-remote","https://mcp.example/mcp"]}}}`,
			`{"mcpServers":{"ostiary":{"command":"npx","args":["-y","mcp-remote","https://mcp.example/mcp","--header","Authorization:Bearer ${OSTIARY_PAT}"]}}}`,
		},
	} {
		for i, s := range []connect.Server{here, withToken} {
			got, err := program(t, id).Snippet(s)
			if err != nil || canon(t, got) != canon(t, []byte(want[i])) {
				t.Errorf("%s: got %s, error %v; want %s", id, got, err, want[i])
			}
		}
	}
	got, err := program(t, "codex").Snippet(withToken)
	if want := "[mcp_servers.ostiary]\nurl = \"https://mcp.example/mcp\"\nbearer_token_env_var = \"OSTIARY_PAT\"\n"; err != nil || string(got) != want {
		t.Errorf("codex: got %s, error %v; want %s", got, err, want)
	}
	if _, ok := connect.ByID("claude"); ok {
		t.Error("a program that nobody knows was found")
	}
}

func canon(t *testing.T, raw []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	out, _ := json.Marshal(v)
	return string(out)
}

func TestWhatAFileHadItKeeps(t *testing.T) {
	const had = "{\n  \"mcpServers\": {\n    \"other\": {\"command\": \"x\", \"n\": 9007199254740993}\n  },\n  \"theirs\": [1.0, \"é\"]\n}\n"
	got, err := program(t, "claude-code").Add([]byte(had), here)
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range []string{`"other": {"command": "x", "n": 9007199254740993}`, `"theirs": [1.0, "é"]`} {
		if !strings.Contains(string(got), kept) {
			t.Errorf("got %s; want %s kept", got, kept)
		}
	}
	var file struct {
		MCPServers map[string]struct{ URL string }
	}
	if err := json.Unmarshal(got, &file); err != nil || file.MCPServers["ostiary"].URL != here.URL || len(file.MCPServers) != 2 {
		t.Errorf("got %s, error %v; want both servers", got, err)
	}
	again, err := program(t, "claude-code").Add(got, here)
	if err != nil || string(again) != string(got) {
		t.Errorf("again: got %s, error %v; want the same file", again, err)
	}
	moved := here
	moved.URL = "https://elsewhere.example/mcp"
	if _, err := program(t, "claude-code").Add(got, moved); !errors.Is(err, connect.ErrTaken) {
		t.Errorf("another server of that name: got %v; want ErrTaken", err)
	}
	for name, odd := range map[string]string{
		"comments": "{ // mine\n}", "a list": `[]`, "no object inside": `{"mcpServers":[]}`, "twice": `{"mcpServers":{},"mcpServers":{}}`, "cut": `{"mcpServers":`,
	} {
		if out, err := program(t, "cursor").Add([]byte(odd), here); !errors.Is(err, connect.ErrOwnForm) {
			t.Errorf("%s: got %s, error %v; want ErrOwnForm", name, out, err)
		}
	}
	for _, empty := range []string{"", "\n", "{}"} {
		if got, err := program(t, "cursor").Add([]byte(empty), here); err != nil || canon(t, got) != `{"mcpServers":{"ostiary":{"url":"https://mcp.example/mcp"}}}` {
			t.Errorf("%q: got %s, error %v", empty, got, err)
		}
	}
}

func TestAnInputIsAskedForOnce(t *testing.T) {
	s := here
	s.TokenVar = "OSTIARY_PAT"
	file := []byte(`{"inputs":[{"id":"mine","type":"promptString","x":1.0}],"servers":{}}`)
	for range 2 {
		s.Name += "x"
		var err error
		if file, err = program(t, "vscode").Add(file, s); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(string(file), `"OSTIARY_PAT"`); n != 1 || !strings.Contains(string(file), `1.0`) {
		t.Errorf("got %s; want the input once, and the other as it was", file)
	}
	if _, err := program(t, "vscode").Add([]byte(`{"inputs":{}}`), s); !errors.Is(err, connect.ErrOwnForm) {
		t.Errorf("inputs that are no list: got %v; want ErrOwnForm", err)
	}
}

func TestTablesAreAddedAtTheEnd(t *testing.T) {
	p := program(t, "codex")
	const had = "model = \"x\" # mine\n\n[mcp_servers.other]\ncommand = \"y\"\n"
	got, err := p.Add([]byte(had), here)
	if err != nil || string(got) != had+"\n[mcp_servers.ostiary]\nurl = \"https://mcp.example/mcp\"\n" {
		t.Errorf("got %s, error %v", got, err)
	}
	if again, err := p.Add(got, here); err != nil || string(again) != string(got) {
		t.Errorf("again: got %s, error %v; want the same file", again, err)
	}
	for name, test := range map[string]struct {
		file string
		want error
	}{
		"another of its name":         {"[mcp_servers.ostiary]\nurl = \"https://elsewhere.example\"\n", connect.ErrTaken},
		"quoted":                      {"[mcp_servers.\"ostiary\"]\nurl = \"x\"\n", connect.ErrTaken},
		"a table below it":            {"[mcp_servers.ostiary.env]\nA = \"b\"\n", connect.ErrTaken},
		"servers inline":              {"mcp_servers = {}\n", connect.ErrOwnForm},
		"one table of all":            {"[mcp_servers]\nostiary = {url = \"x\"}\n", connect.ErrOwnForm},
		"a dotted key":                {"mcp_servers.ostiary.url = \"old\"\n", connect.ErrTaken},
		"a dotted key of another":     {"mcp_servers.other.url = \"x\"\n", connect.ErrOwnForm},
		"a list of tables":            {"[[mcp_servers]]\nname = \"ostiary\"\n", connect.ErrOwnForm},
		"a value in the table of all": {"[mcp_servers]\nother.url = \"x\"\n", connect.ErrOwnForm},
		"spaces within":               {"[ mcp_servers . 'ostiary' ]\nurl = \"x\"\n", connect.ErrTaken},
		"a name with an escape":       {"[mcp_servers.\"osti\\u0061ry\"]\nurl = \"x\"\n", connect.ErrOwnForm},
		"no value":                    {"broken = \n", connect.ErrOwnForm},
		"no TOML":                     {"{\"mcp_servers\": {}}", connect.ErrOwnForm},
		"a table that isn't closed":   {"[tui\nx = 1\n", connect.ErrOwnForm},
		"a list that isn't closed":    {"x = [1, 2\n", connect.ErrOwnForm},
		"a text that isn't closed":    {"x = \"a\n", connect.ErrOwnForm},
		"two on a line":               {"x = 1 y = 2\n", connect.ErrOwnForm},
		"bytes that are no text":      {"x = \"\xff\"\n", connect.ErrOwnForm},
		"text of several lines":       {"a = \"\"\"\n[x\n\"\"\"\n", connect.ErrOwnForm},
	} {
		if out, err := p.Add([]byte(test.file), here); !errors.Is(err, test.want) {
			t.Errorf("%s: got %s, error %v; want %v", name, out, err, test.want)
		}
	}
	full := "# mine\nmodel = \"gpt\" # which\r\n'quoted key' = 'a \\ b'\nn = -1_000.5\nyes = true\nsince = 2026-05-03T12:00:00Z\n" +
		"list = [\n  \"a # no comment\", # one\n  [1, 2,],\n]\ninline = { a.b = \"}\", c = [] }\n[mcp_servers.other]\nargs = [\"-y\"]\nenv = { mcp_servers = \"x\" }\nenv2.A = \"b\"\n[[profiles]]\nname = \"[mcp_servers.ostiary]\"\n"
	if got, err := p.Add([]byte(full), here); err != nil || !strings.HasPrefix(string(got), full) || !strings.HasSuffix(string(got), "\n[mcp_servers.ostiary]\nurl = \"https://mcp.example/mcp\"\n") {
		t.Errorf("a file of all that we know: got %s, error %v", got, err)
	}
	if _, err := p.Add([]byte("a = 1\n\nb = \n"), here); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("got %v; want the line named", err)
	}
	longer := here
	longer.Name = "ostiary2"
	if _, err := p.Add(got, longer); err != nil {
		t.Errorf("a name that begins alike: got %v", err)
	}
}

func TestNamesThatAFileWouldReadAsSomethingElseAreRefused(t *testing.T) {
	for _, good := range []string{"ostiary", "a-b_C9"} {
		if err := connect.CheckName(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "a b", "a.b", "a]", "é", strings.Repeat("a", 65), "a\n"} {
		if connect.CheckName(bad) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for name, good := range map[string]bool{"OSTIARY_PAT": true, "_a1": true, "1a": false, "A B": false, "": false, "A}": false} {
		if err := connect.CheckVariable(name); (err == nil) != good {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
