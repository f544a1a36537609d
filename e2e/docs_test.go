package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A reader follows a document's commands, in order, in an empty folder.
type reader struct {
	*house
	env    []string
	listen string // instead of 127.0.0.1:8080
}

// newReader has ostiary and npx on the path; this npx starts the installed
// package instead of fetching one.
func newReader(t *testing.T) *reader {
	t.Helper()
	bin := t.TempDir()
	if err := os.Symlink(testparts.Build(t, "cmd/ostiary"), filepath.Join(bin, "ostiary")); err != nil {
		t.Fatal(err)
	}
	npx := fmt.Sprintf("#!/bin/sh\n[ \"$1 $2\" = '-y @modelcontextprotocol/server-filesystem' ] || exit 64\nshift 2\nexec %q %q \"$@\"\n",
		testparts.Node(t), testparts.NodePackage(t, "@modelcontextprotocol/server-filesystem"))
	if err := os.WriteFile(filepath.Join(bin, "npx"), []byte(npx), 0o700); err != nil {
		t.Fatal(err)
	}
	r := &reader{house: &house{t: t, dir: t.TempDir()}, listen: freeAddress(t)}
	r.file = r.path("ostiary.yaml")
	r.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	return r
}

// freeAddress is an address of loopback that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (r *reader) shell(block string) *exec.Cmd {
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", strings.ReplaceAll(block, "127.0.0.1:8080", r.listen))
	cmd.Dir, cmd.Env = r.dir, r.env
	return cmd
}

// follow runs a block, which must succeed, and returns what it printed.
func (r *reader) follow(block string) string {
	r.t.Helper()
	out, err := r.shell(block).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s\n%v:\n%s", block, err, out)
	}
	return string(out)
}

// settle moves the starter to the address that is free here.
func (r *reader) settle() {
	r.t.Helper()
	text, err := os.ReadFile(r.file)
	if err != nil {
		r.t.Fatal(err)
	}
	moved := strings.Replace(string(text), `listen: "127.0.0.1:8080"`, fmt.Sprintf(`listen: %q, admin_listen: ""`, r.listen), 1)
	if moved == string(text) {
		r.t.Fatalf("the starter does not listen on 127.0.0.1:8080:\n%s", text)
	}
	if err := os.WriteFile(r.file, []byte(moved), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// A block is one fence of a document: how it is marked, and its text.
type block struct{ mark, text string }

var fence = regexp.MustCompile("(?ms)^```sh ?([a-z]*)\n(.*?)^```$")

func blocks(t *testing.T, file string) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		out = append(out, block{m[1], m[2]})
	}
	return out
}

// What each step of the document must have printed, by its first words.
var outputs = map[string]string{
	"mkdir files":           "ostiary.yaml is good",
	"printf 'a long passwo": "alice added",
	"ostiary tools list":    "files:write_file",
	"ostiary tokens create": "",
	"curl -s":               asked,
	"ostiary audit tail":    "alice",
}

func TestGettingStartedWorksAsItIsWritten(t *testing.T) {
	r := newReader(t)
	steps := blocks(t, "docs/getting-started.md")
	unseen := maps.Clone(outputs)
	for _, b := range steps {
		if b.mark == "background" {
			r.child = testparts.Start(t, r.shell("exec "+b.text))
			r.url = strings.TrimSpace(r.child.Await(t, "ready "))
			continue
		}
		out := r.follow(b.text)
		for words, want := range outputs {
			if !strings.HasPrefix(b.text, words) {
				continue
			}
			delete(unseen, words)
			if !strings.Contains(out, want) {
				t.Errorf("%s\nprinted\n%s\nwant %q in it", b.text, out, want)
			}
		}
		switch {
		case strings.HasPrefix(b.text, "mkdir files"):
			r.settle()
		case strings.HasPrefix(b.text, "curl"):
			r.saysYesAndTriesAgain(b.text)
		}
	}
	if len(unseen) > 0 {
		t.Errorf("the document has no steps %q any more", slices.Collect(maps.Keys(unseen)))
	}
	r.stop()
}

// The record is checked as operations.md says, with the key that it tells how
// to get, and checkpoints that audit.file has kept.
func TestTheRecordIsCheckedAsItIsWritten(t *testing.T) {
	r := newReader(t)
	r.follow("ostiary config init > ostiary.yaml\nprintf 'audit: {file: kept.txt}\\n' >> ostiary.yaml\nostiary users add alice --no-password -c ostiary.yaml")
	steps := blocks(t, "docs/operations.md")
	out := ""
	for _, b := range steps {
		out = r.follow(b.text)
	}
	if want := "as they were written"; !strings.Contains(out, want) || strings.Contains(out, "key came with the export") {
		t.Errorf("%s\nprinted\n%s\nwant %q in it, by a key that did not come with the export", steps[len(steps)-1].text, out, want)
	}
	verify := strings.TrimSpace(steps[len(steps)-1].text)
	for what, spoil := range map[string]string{
		"another storage's key":        "sed -i s/./x/20 key.txt",
		"another storage's checkpoint": "cat audit.jsonl > kept.txt",
		"an export that was changed":   "sed -i s/alice/alicf/ audit.jsonl",
	} {
		r.follow("mkdir -p was; cp key.txt kept.txt audit.jsonl was")
		r.follow(spoil)
		if out, err := r.shell(strings.Split(verify, "\n")[1]).CombinedOutput(); err == nil {
			t.Errorf("%s: verify printed\n%s\nwant it to fail", what, out)
		}
		r.follow("cp was/* .")
	}
	r.follow(verify) // as it was, it holds again
}

const (
	asked = "/approvals/req_"
	wrote = "Successfully wrote to hello.txt"
)

// saysYesAndTriesAgain is what the document says in words after the call: the
// reach that the person chooses, and the one that the page proposes.
func (r *reader) saysYesAndTriesAgain(call string) {
	r.t.Helper()
	alice := r.signInWith("alice", "a long password")
	other := strings.ReplaceAll(call, `"content":"hello"`, `"content":"good bye"`)
	alice.approve(r.link(call), "once")
	r.wantPrinted(call, wrote)
	r.wantPrinted(call, asked)
	if got, err := os.ReadFile(r.path("files/hello.txt")); string(got) != "hello" {
		r.t.Errorf("hello.txt holds %q (%v)", got, err)
	}
	alice.approve(r.link(call), "")
	r.wantPrinted(call, wrote)
	r.wantPrinted(other, wrote)
	r.wantPrinted(strings.ReplaceAll(call, "write_file", "create_directory"), asked)
}

var linkOfApproval = regexp.MustCompile(`/approvals/req_[A-Za-z0-9]+`)

// link makes a call that must be asked for, and returns the page's path.
func (r *reader) link(call string) string {
	r.t.Helper()
	out := r.follow(call)
	path := linkOfApproval.FindString(out)
	if path == "" {
		r.t.Fatalf("the call printed no link:\n%s", out)
	}
	return path
}

func (r *reader) wantPrinted(call, want string) {
	r.t.Helper()
	if out := r.follow(call); !strings.Contains(out, want) {
		r.t.Errorf("%s\nprinted\n%s\nwant %q in it", call, out, want)
	}
}

var proposed = regexp.MustCompile(`<input type="radio" id="scope-[a-z_]+" name="scope" value="([a-z_]+)"[^>]* checked`)

// approve says yes on the page; "" leaves what the page proposes, which must be
// the session.
func (b *browser) approve(path, scope string) {
	b.h.t.Helper()
	if scope == "" {
		_, page := b.get(path)
		m := proposed.FindStringSubmatch(page)
		if m == nil || m[1] != "session" {
			b.h.t.Fatalf("the page proposes %q; want the session:\n%s", m, page)
		}
		scope = m[1]
	}
	status, page := b.send(path, url.Values{"csrf": {b.csrf(path)}, "decision": {"approve"}, "scope": {scope}})
	if status != http.StatusOK {
		b.h.t.Fatalf("approve: %d %s", status, page)
	}
}

// What only looks is free, everything else is asked for, whatever tools the
// server has; and it is given no folder with the gateway's own files.
func TestTheStarterAsksBeforeAnythingButReading(t *testing.T) {
	r := newReader(t)
	r.follow("mkdir files\nostiary config init > ostiary.yaml\nprintf 'a long password\\n' | ostiary users add alice -c ostiary.yaml")
	r.settle()
	r.child = testparts.Start(t, r.shell("exec ostiary serve -c ostiary.yaml"))
	r.url = strings.TrimSpace(r.child.Await(t, "ready "))
	alice := r.token("alice", "write")
	free := 0
	for _, tool := range r.tools(alice) {
		a := r.call(alice, tool.Name, `{"path":"."}`)
		if got, want := a.Result.ResultType == "input_required", !tool.Annotations.ReadOnlyHint; got != want {
			t.Errorf("%s: asked for: %v, want %v: %s", tool.Name, got, want, a.body)
		}
		if tool.Annotations.ReadOnlyHint {
			free++
		}
	}
	if free < 8 {
		t.Errorf("%d tools only look; want those of the official server", free)
	}
	r.follow(`sed -i 's|\./files|.|' ostiary.yaml`)
	refused := r.try("", nil, "config", "validate", r.file)
	if refused.code != 2 || !strings.Contains(refused.err, "ostiary.key") || !strings.Contains(refused.err, "an agent could read it") {
		t.Errorf("serving the folder of the keyset: %d %s", refused.code, refused.err)
	}
}

// A described is a tool as tools/list shows it.
type described struct {
	Name        string
	Annotations struct{ ReadOnlyHint bool }
}

func (h *house) tools(t token) []described {
	h.t.Helper()
	body, header := stateless("tools/list", "", "")
	a, err := h.post(t, "/mcp", body, header)
	if err != nil {
		h.t.Fatal(err)
	}
	var list struct{ Result struct{ Tools []described } }
	if err := json.Unmarshal(a.body, &list); err != nil {
		h.t.Fatalf("tools/list: %v in %s", err, a.body)
	}
	return list.Result.Tools
}

var (
	inCode  = regexp.MustCompile("`(?:[A-Z_]+=\\S+ )*ostiary ([a-z]+[^`]*)`|(?m:^(?:    |.*\\| )?ostiary ([a-z]+.*)$)")
	aWord   = regexp.MustCompile(`^[a-z]+$`)
	anyFlag = regexp.MustCompile(`(?:^| )(--[a-z][a-z-]*)`)
)

// Every command that a document names exists, with the options it names.
func TestEveryCommandInTheDocumentsExists(t *testing.T) {
	h := newHouse(t, "", "")
	files, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, file := range append(files, "../README.md", "../CHANGELOG.md") {
		if strings.HasSuffix(file, "configuration.md") {
			continue // made from the configuration; held by internal/config
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inCode.FindAllStringSubmatch(string(text), -1) {
			named++
			h.wantCommand(filepath.Base(file), m[1]+m[2])
		}
	}
	if named < 10 {
		t.Errorf("found %d commands in the documents; are they still written as code?", named)
	}
}

// wantCommand wants the command of a line, and its options, to be in the
// program's help.
func (h *house) wantCommand(file, line string) {
	h.t.Helper()
	var args []string
	for _, word := range strings.Fields(line) {
		if !aWord.MatchString(word) || len(args) == 2 || (len(args) == 1 && leaf[args[0]]) {
			break
		}
		args = append(args, word)
	}
	r := h.try("", nil, append(args, "--help")...)
	if r.code != 0 {
		h.t.Errorf("%s names `ostiary %s`: %s", file, line, r.err)
		return
	}
	for _, option := range anyFlag.FindAllStringSubmatch(line, -1) {
		if !strings.Contains(r.out, option[1]) {
			h.t.Errorf("%s names `ostiary %s`: there is no %s", file, line, option[1])
		}
	}
}

// leaf are the commands of one word.
var leaf = map[string]bool{"serve": true, "demo": true, "version": true}
