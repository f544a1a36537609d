package connect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

// A Server is the MCP endpoint that a program is to reach.
type Server struct {
	Name string // by which people know it there; see CheckName
	URL  string // of the endpoint, https://host/mcp
	// TokenVar names the environment variable with a personal token. "": the
	// program finds out by itself where to sign in.
	TokenVar string
}

var names = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CheckName says what is wrong with a server's name: each of the programs
// takes letters, digits, - and _.
func CheckName(name string) error {
	if !names.MatchString(name) {
		return fmt.Errorf("%q is no name for a server: 1 to 64 letters, digits, - and _", name)
	}
	return nil
}

var variables = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// CheckVariable says what is wrong with the name of an environment variable.
func CheckVariable(name string) error {
	if !variables.MatchString(name) {
		return fmt.Errorf("%q is no name of an environment variable: letters, digits and _", name)
	}
	return nil
}

// A Program is one that speaks MCP and has a configuration file.
type Program struct {
	ID    string // as on the command line: claude-code
	Title string
	// File is where its configuration stands, below the folder that Home says;
	// "": it has none of its own.
	File string
	// Home says that File is below the person's home, not the project's folder.
	Home bool
	// Next is what the person does then; NAME stands for the server's name.
	Next string

	section []string                // the members that the server's name stands under
	entry   func(Server) any        // what stands under it, as JSON
	also    func(Server) []addition // what else the file needs
}

// An addition is one more member of a file, an array that gets an element.
type addition struct {
	member string
	value  any
	is     func(json.RawMessage) bool // it is there already
}

// Programs are those we know, in the order of their names.
var Programs = []Program{
	{
		ID: "claude-code", Title: "Claude Code", File: ".mcp.json",
		Next:    "Start claude in this folder, and type /mcp to sign in.",
		section: []string{"mcpServers"}, entry: typed("Bearer ${%s}"),
	},
	{
		ID: "codex", Title: "Codex", File: ".codex/config.toml", Home: true,
		Next: "Run codex mcp login NAME, unless it has a token.",
	},
	{
		ID: "cursor", Title: "Cursor", File: ".cursor/mcp.json",
		Next:    "Open Cursor's settings, MCP, and press Connect.",
		section: []string{"mcpServers"}, entry: untyped("Bearer ${env:%s}"),
	},
	{
		ID: "mcp-remote", Title: "mcp-remote",
		Next:    "Put it where a program that speaks stdio only keeps its servers, and start it anew.",
		section: []string{"mcpServers"}, entry: bridged,
	},
	{
		ID: "vscode", Title: "Visual Studio Code", File: ".vscode/mcp.json",
		Next:    "Open the file there and press Start above the server.",
		section: []string{"servers"}, entry: typed("Bearer ${input:%s}"), also: asked,
	},
}

// ByID returns a program; false where we know none of that name.
func ByID(id string) (Program, bool) {
	i := slices.IndexFunc(Programs, func(p Program) bool { return p.ID == id })
	if i < 0 {
		return Program{}, false
	}
	return Programs[i], true
}

type remote struct {
	Type    string            `json:"type,omitempty"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
}

func typed(bearer string) func(Server) any {
	return func(s Server) any { return remote{"http", s.URL, headers(s, bearer)} }
}

func untyped(bearer string) func(Server) any {
	return func(s Server) any { return remote{"", s.URL, headers(s, bearer)} }
}

func headers(s Server, bearer string) map[string]string {
	if s.TokenVar == "" {
		return nil
	}
	return map[string]string{"Authorization": fmt.Sprintf(bearer, s.TokenVar)}
}

type started struct {
	Command string   `json:"command"`
	Args    []string `json:"args"`
}

// bridged has mcp-remote started, which takes what is in ${} from its own
// environment (mcp-remote, "Custom Headers").
func bridged(s Server) any {
	args := []string{"-y", "mcp-remote", s.URL}
	if s.TokenVar != "" {
		args = append(args, "--header", "Authorization:Bearer ${"+s.TokenVar+"}")
	}
	return started{"npx", args}
}

type input struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	Description string `json:"description"`
	Password    bool   `json:"password"`
}

// asked has Visual Studio Code ask for the token, which it then keeps.
func asked(s Server) []addition {
	if s.TokenVar == "" {
		return nil
	}
	want := input{"promptString", s.TokenVar, "A personal token of Ostiary", true}
	return []addition{{"inputs", want, func(raw json.RawMessage) bool {
		var have input
		return json.Unmarshal(raw, &have) == nil && have.ID == want.ID
	}}}
}

// indented is a value as a person would write it, each line after the first
// behind a prefix.
func indented(v any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
