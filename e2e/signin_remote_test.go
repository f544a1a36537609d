package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/internal/testparts"
)

// ofCRM is a yes to all tools of the CRM, as far as a tier reaches.
func ofCRM(tier string) url.Values {
	return url.Values{"decision": {"allow"}, "apps": {"crm"}, "tools": {"crm:*"}, "tier": {tier}}
}

// withoutDesktop is the environment of a program whose attempt to open a
// browser comes to nothing: the test is the person who follows the link.
func withoutDesktop(more ...string) []string {
	return append(append(os.Environ(), "BROWSER=true", "DISPLAY=", "WAYLAND_DISPLAY=", "XDG_CURRENT_DESKTOP=", "DESKTOP_SESSION="), more...)
}

// A bridge is mcp-remote as desktop programs run it: with the gateway's URL and
// no token. What it is given it keeps in a folder. A client of the Go SDK is at
// its standard input and output.
type bridge struct {
	h         *house
	child     *testparts.Child
	connected chan *mcp.ClientSession
}

func (h *house) bridge(kept string, args ...string) *bridge {
	h.t.Helper()
	cmd := exec.Command(testparts.Node(h.t), append([]string{testparts.NodeCommand(h.t, "mcp-remote", "mcp-remote"), h.url + "/mcp"}, args...)...)
	cmd.Env = withoutDesktop("MCP_REMOTE_CONFIG_DIR=" + kept)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	b := &bridge{h, testparts.Start(h.t, cmd), make(chan *mcp.ClientSession, 1)}
	ctx := h.t.Context()
	go func() {
		client := mcp.NewClient(&mcp.Implementation{Name: "desktop", Version: "1"}, nil)
		s, err := client.Connect(ctx, &mcp.IOTransport{Reader: stdout, Writer: stdin}, &mcp.ClientSessionOptions{ProtocolVersion: legacy})
		if err == nil {
			b.connected <- s
		}
	}()
	return b
}

// takesAnswers is what mcp-remote writes once an answer can come.
const takesAnswers = "OAuth callback server running"

// link waits for the nth link that mcp-remote shows its person.
func (b *bridge) link(n int) string {
	b.h.t.Helper()
	eventually(b.h.t, fmt.Sprintf("sign-in %d", n), func() (string, bool) {
		said := b.child.Output()
		return said, len(b.links()) >= n && strings.Count(said, takesAnswers) >= n
	})
	return b.links()[n-1]
}

func (b *bridge) links() []string {
	return regexp.MustCompile("(?m)^"+regexp.QuoteMeta(b.h.url)+`/oauth/authorize\?\S+`).FindAllString(b.child.Output(), -1)
}

// session waits until the client is connected.
func (b *bridge) session() *mcp.ClientSession {
	b.h.t.Helper()
	select {
	case s := <-b.connected:
		return s
	case <-time.After(patience):
		b.h.t.Fatalf("the client was never connected; mcp-remote says:\n%s", b.child.Output())
		return nil
	}
}

// mustCall wants a tool to answer without an error.
func (b *bridge) mustCall(s *mcp.ClientSession, tool, args string) {
	b.h.t.Helper()
	if got := b.comes(starts(b.h.t.Context(), s, tool, args)); !strings.HasPrefix(got, "{") || strings.Contains(got, `"isError":true`) {
		b.h.t.Errorf("%s: got %s", tool, got)
	}
}

// starts calls a tool that its person has to do something for first, and
// returns what comes of it.
func starts(ctx context.Context, s *mcp.ClientSession, tool, args string) <-chan string {
	out := make(chan string, 1)
	go func() {
		text, err := asJSON(s.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: json.RawMessage(args)}))
		if err != nil {
			text = err.Error()
		}
		out <- text
	}()
	return out
}

// comes waits for what comes of a call.
func (b *bridge) comes(of <-chan string) string {
	b.h.t.Helper()
	select {
	case text := <-of:
		return text
	case <-time.After(patience):
		b.h.t.Fatalf("the call never ends; mcp-remote says:\n%s", b.child.Output())
		return ""
	}
}

// tokenIsOver has mcp-remote believe that its access token is over.
func tokenIsOver(t *testing.T, kept string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(kept, "*", "*_tokens.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("mcp-remote keeps its tokens in %v, %v", files, err)
	}
	raw, err := os.ReadFile(files[0])
	var tokens map[string]any
	if err == nil {
		err = json.Unmarshal(raw, &tokens)
	}
	if err != nil || tokens["expires_at"] == nil {
		t.Fatalf("mcp-remote keeps %s, %v", raw, err)
	}
	tokens["expires_at"] = 1
	raw, _ = json.Marshal(tokens)
	if err := os.WriteFile(files[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

const refreshed = "Refreshed the access token"

var updateContact = `{"siteId":"site-A","id":"c-17","email":"a@example.com"}`

func TestMcpRemoteSignsIn(t *testing.T) {
	h, kept := newHouse(t, "", samples(t)).start(), t.TempDir()
	b, alice := h.bridge(kept), h.visitor()
	if page := alice.answers("alice", b.link(1), ofCRM("read")); !strings.Contains(page, "Authorization successful") {
		t.Fatalf("its person sees %s", page)
	}
	b.mustCall(b.session(), "crm__search", findContacts)
	b.child.Kill()

	b = h.bridge(kept) // as it is started every morning
	b.mustCall(b.session(), "crm__search", findContacts)
	b.child.Kill()
	tokenIsOver(t, kept)
	b = h.bridge(kept)
	s := b.session()
	b.mustCall(s, "crm__search", findContacts)
	if said := b.child.Output(); len(b.links()) > 0 || !strings.Contains(said, refreshed) {
		t.Errorf("it signed in again, or didn't refresh:\n%s", said)
	}

	h.command("revoke", "-c", h.file, "--subject", "alice")
	of := starts(t.Context(), s, "crm__search", findContacts)
	if page := alice.answers("alice", b.link(1), url.Values{"decision": {"deny"}}); !strings.Contains(page, "Authorization failed: the person said no") {
		t.Errorf("who cut it off and says no sees %s", page)
	}
	if got := b.comes(of); !strings.Contains(got, "access_denied - the person said no") {
		t.Errorf("the agent hears %s", got)
	}
}

func TestMcpRemoteStepsUp(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	b, alice := h.bridge(t.TempDir()), h.visitor()
	alice.answers("alice", b.link(1), ofCRM("read"))
	s := b.session()
	of := starts(t.Context(), s, "crm__update_contact", updateContact)
	link := b.link(2)
	if u, err := url.Parse(link); err != nil || !strings.Contains(u.Query().Get("scope"), "mcp:write") {
		t.Errorf("it asks for %s, want what the call needs", link)
	}
	alice.answers("alice", link, ofCRM("write"))
	if got := b.comes(of); !strings.Contains(got, "a@example.com") || strings.Contains(got, `"isError":true`) {
		t.Errorf("the call came to %s", got)
	}
	b.mustCall(s, "crm__search", findContacts)
}

// mcp-remote names, when it refreshes, the scopes that it was given: that is
// no wish to have less than its person gave it since.
func TestWhatWasWidenedStaysWhenMcpRemoteRefreshes(t *testing.T) {
	h, kept := newHouse(t, "", samples(t)).start(), t.TempDir()
	b, alice := h.bridge(kept), h.visitor()
	alice.answers("alice", b.link(1), ofCRM("read"))
	b.session()
	b.child.Kill()
	alice.widens("crm", "write")
	alice.widens("notes", "write")
	tokenIsOver(t, kept)
	b = h.bridge(kept)
	s := b.session()
	b.mustCall(s, "crm__update_contact", updateContact)
	b.mustCall(s, "notes__add_note", `{"title":"a","text":"b"}`)
	if said := b.child.Output(); len(b.links()) > 0 || !strings.Contains(said, refreshed) {
		t.Errorf("it signed in again, or didn't refresh:\n%s", said)
	}
}

// Desktop programs start one for each window.
func TestTwoMcpRemotesThatShareAFolderNeedOneSignIn(t *testing.T) {
	h, kept := newHouse(t, "", samples(t)).start(), t.TempDir()
	all := []*bridge{h.bridge(kept), h.bridge(kept)}
	waits := func(b *bridge) bool {
		return strings.Contains(b.child.Output(), "Another instance is running the sign-in")
	}
	eventually(t, "one to wait for the other", func() (string, bool) {
		return all[0].child.Output() + all[1].child.Output(), waits(all[0]) || waits(all[1])
	})
	first := all[0]
	if waits(first) {
		first = all[1]
	}
	h.visitor().answers("alice", first.link(1), ofCRM("read"))
	for _, b := range all {
		b.mustCall(b.session(), "crm__search", findContacts)
	}
	if n := len(all[0].links()) + len(all[1].links()); n != 1 {
		t.Errorf("%d links were shown, want one", n)
	}
}

// mcp-remotes that share no folder register each for itself, at the same time:
// in the same words, so they are one client, with a code and a session each.
func TestMcpRemotesInFoldersOfTheirOwnDoNotDisturbEachOther(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	one, two := h.bridge(t.TempDir(), portOf(t)), h.bridge(t.TempDir(), portOf(t))
	first, second, alice := one.link(1), two.link(1), h.visitor()
	if a, b := clientID.FindString(first), clientID.FindString(second); a != b {
		t.Errorf("they are the clients %s and %s, want one", a, b)
	}
	alice.answers("alice", second, ofCRM("read"))
	alice.answers("alice", first, ofCRM("write"))
	one.mustCall(one.session(), "crm__update_contact", updateContact)
	two.mustCall(two.session(), "crm__search", findContacts)
	out := h.command("sessions", "list", "-c", h.file, "--json")
	if n := strings.Count(out, `"id": "ses_`); n != 2 {
		t.Errorf("there are %d sessions, want one for each: %s", n, out)
	}
}

func portOf(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

var clientID = regexp.MustCompile(`cli_[A-Z0-9]+`)

// mcp-remote looks, as a program, at where it would send its person, and
// registers anew when it hears that its client is gone. That sign-in it then
// loses; the next start has it.
func TestMcpRemoteRegistersAnewWhenItsClientIsGone(t *testing.T) {
	h, kept := newHouse(t, "", samples(t)).start(), t.TempDir()
	b, alice := h.bridge(kept), h.visitor()
	old := clientID.FindString(b.link(1))
	b.child.Kill()
	h.command("clients", "revoke", "-c", h.file, old)
	b = h.bridge(kept)
	eventually(t, "another client", func() (string, bool) {
		files, _ := filepath.Glob(filepath.Join(kept, "*", "*_client_info.json"))
		raw, _ := os.ReadFile(strings.Join(files, ""))
		return b.child.Output(), strings.Contains(string(raw), "cli_") && !strings.Contains(string(raw), old)
	})
	if page := look400(t, b.link(1)); !strings.Contains(page, "clear what it has stored about it") {
		t.Errorf("who opens the old link is told %s", page)
	}
	b.child.Kill()
	b = h.bridge(kept)
	alice.answers("alice", b.link(1), ofCRM("read"))
	b.mustCall(b.session(), "crm__search", findContacts)
}

// look400 is the page of a link that leads nowhere.
func look400(t *testing.T, link string) string {
	t.Helper()
	resp, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	status, page := read(resp)
	if status != http.StatusBadRequest {
		t.Errorf("%s: got %d, want 400", link, status)
	}
	return page
}
