package e2e_test

import (
	"io"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

// An inspectorHome is the Inspector's command line without a token: what it is
// given it keeps in its home.
type inspectorHome struct {
	h          *house
	home, back string
	fixed      []string // arguments of each run
}

func (h *house) inspectorHome(t *testing.T, args ...string) inspectorHome {
	t.Helper()
	back := "http://127.0.0.1:" + portOf(t) + "/oauth/callback"
	return inspectorHome{h, t.TempDir(), back, args}
}

// An inspection is one run, which makes one request and ends.
type inspection struct {
	child  *testparts.Child
	stdin  io.Writer
	result strings.Builder // to be read when it has ended
}

func (i inspectorHome) calls(t *testing.T, tool, args string, more ...string) *inspection {
	t.Helper()
	cmd := exec.Command(testparts.Node(t), testparts.NodeCommand(t, "@modelcontextprotocol/inspector", "inspector"), "--cli", i.h.url+"/mcp",
		"--transport", "http", "--callback-url", i.back, "--format", "json", "--method", "tools/call", "--tool-name", tool, "--tool-args-json", args)
	cmd.Args = append(append(cmd.Args, i.fixed...), more...)
	cmd.Env = withoutDesktop("HOME="+i.home, "MCP_INSPECTOR_SECRET_STORE=file", "MCP_AUTO_OPEN_ENABLED=true")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	run := &inspection{stdin: in}
	cmd.Stdout = &run.result
	run.child = testparts.Start(t, cmd)
	return run
}

// link is where it sends its person.
func (i *inspection) link(t *testing.T) string {
	t.Helper()
	return i.child.Await(t, "Please navigate to: ")
}

// ends waits for its end, and returns what came of it.
func (i *inspection) ends(t *testing.T) string {
	t.Helper()
	_ = i.child.Wait(t) // 1 where it complains
	return i.result.String() + i.child.Output()
}

func (i *inspection) mustCall(t *testing.T) {
	t.Helper()
	if err := i.child.Wait(t); err != nil || !strings.Contains(i.result.String(), `"result"`) || strings.Contains(i.result.String(), `"isError":true`) {
		t.Errorf("got %v: %s", err, i.ends(t))
	}
}

// knowsAgent enters the client mcp-agent into the configuration.
func (h *house) knowsAgent() {
	h.t.Helper()
	h.replace("\nauth:\n", "\nauth:\n  clients: [{id: mcp-agent, name: MCP agent, kind: agent, redirect_uris: loopback, scopes: [mcp-agent]}]\n")
}

func TestTheInspectorSignsIn(t *testing.T) {
	for _, era := range []string{"legacy", "modern"} {
		t.Run(era, func(t *testing.T) {
			h := newHouse(t, "", samples(t)).start()
			inspector, alice := h.inspectorHome(t, "--protocol-era", era), h.visitor()
			run := inspector.calls(t, "crm__search", findContacts)
			if page := alice.answers("alice", run.link(t), ofCRM("read")); !strings.Contains(page, "You can close this window") {
				t.Fatalf("its person sees %s", page)
			}
			run.mustCall(t)
			inspector.calls(t, "crm__search", findContacts, "--stored-auth-only").mustCall(t)

			h.command("revoke", "-c", h.file, "--subject", "alice")
			run = inspector.calls(t, "crm__search", findContacts, "--stored-auth-only")
			if got := run.ends(t); !strings.Contains(got, `"auth_required"`) {
				t.Errorf("cut off, it says %s", got)
			}
			run = inspector.calls(t, "crm__search", findContacts)
			alice.answers("alice", run.link(t), ofCRM("read"))
			run.mustCall(t)
		})
	}
}

// It steps up as a client that it was told of, not as one that it registered.
func TestTheInspectorStepsUp(t *testing.T) {
	h := newHouse(t, "", samples(t))
	h.knowsAgent()
	inspector, alice := h.start().inspectorHome(t, "--client-id", "mcp-agent"), h.visitor()
	run := inspector.calls(t, "crm__search", findContacts)
	alice.answers("alice", run.link(t), ofCRM("read"))
	run.mustCall(t)
	run = inspector.calls(t, "crm__update_contact", updateContact)
	// Said ahead: it waits five seconds for whoever is not at a terminal.
	if _, err := io.WriteString(run.stdin, "y\n"); err != nil {
		t.Fatal(err)
	}
	link := run.link(t)
	if u, err := url.Parse(link); err != nil || !strings.Contains(u.Query().Get("scope"), "mcp:write") {
		t.Errorf("it asks for %s, want what the call needs", link)
	}
	alice.answers("alice", link, ofCRM("write"))
	run.mustCall(t)
}

// What it can't do itself, its person does in the browser.
func TestTheInspectorGoesOnWithTheSameTokenOnceItWasWidened(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	inspector, alice := h.inspectorHome(t), h.visitor()
	run := inspector.calls(t, "crm__search", findContacts)
	alice.answers("alice", run.link(t), ofCRM("read"))
	run.mustCall(t)
	if got := inspector.calls(t, "crm__update_contact", updateContact).ends(t); !strings.Contains(got, "auth() returned AUTHORIZED without authorization code") {
		t.Errorf("it steps up now: say so in rough-edges.md. It says %s", got)
	}
	alice.widens("crm", "write")
	inspector.calls(t, "crm__update_contact", updateContact, "--stored-auth-only").mustCall(t)
}
