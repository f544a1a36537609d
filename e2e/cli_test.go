package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A terminal is somebody at a command line: where their commands act.
type terminal struct {
	h    *house
	args []string // -c FILE
	env  []string // OSTIARY_URL and OSTIARY_TOKEN
}

// run runs a command with an input, and wants an exit code.
func (c terminal) run(code int, stdin string, args ...string) string {
	c.h.t.Helper()
	r := c.h.try(stdin, c.env, append(args, c.args...)...)
	if r.code != code {
		c.h.t.Errorf("ostiary %v: exit code %d; want %d\n%s%s", args, r.code, code, r.out, r.err)
	}
	return r.out + r.err
}

// wants wants a command to succeed and to print something.
func (c terminal) wants(want string, args ...string) {
	c.h.t.Helper()
	if out := c.run(0, "", args...); !strings.Contains(out, want) {
		c.h.t.Errorf("ostiary %v printed\n%s\nwant %q in it", args, out, want)
	}
}

// lists wants a listing as a table and as JSON to name something.
func (c terminal) lists(want string, args ...string) {
	c.h.t.Helper()
	c.wants(want, args...)
	out := c.run(0, "", append(args, "--json")...)
	var items []json.RawMessage
	if err := json.Unmarshal([]byte(out), &items); err != nil || !strings.Contains(out, want) {
		c.h.t.Errorf("ostiary %v --json printed\n%s\nwant a list with %q in it (%v)", args, out, want, err)
	}
}

// Commands do the same on storage, while the gateway runs, and by way of the
// gateway.
func TestCommandsActOnStorageAndOnTheGateway(t *testing.T) {
	up := newChanging(t)
	h := newHouse(t, "", up.app()).start()
	root := h.signIn("root").operatorToken("read", "approve", "admin")
	for name, at := range map[string]terminal{
		"storage": {h: h, args: []string{"-c", h.file}},
		"gateway": {h: h, env: []string{"OSTIARY_URL=" + h.url, "OSTIARY_TOKEN=" + root}},
	} {
		t.Run(name, func(t *testing.T) {
			at.h = &house{t: t, dir: h.dir, file: h.file, url: h.url}
			alice := h.token("alice", "write")
			carl := "carl-" + name
			at.run(0, "a long password\n", "users", "add", carl, "--email", "carl@example.com", "--claims", `{"tenant":"acme"}`)
			at.run(1, "a long password\n", "users", "add", carl, "--claims", `{"tenant":"acme"}`) // is there already
			at.lists(carl, "users", "list")
			at.run(0, "another password\n", "users", "passwd", carl)
			h.signInWith(carl, "another password")
			at.wants("disabled", "users", "disable", carl)
			at.wants("enabled", "users", "disable", carl, "--undo")
			at.run(1, "no\n", "users", "delete", carl)
			at.wants("deleted", "users", "delete", carl, "--yes")
			at.run(1, "", "users", "disable", "nobody-"+name)

			at.lists(alice.ID, "tokens", "list", "--subject", "alice")
			at.wants("good", "tokens", "verify", alice.Token)
			at.lists("small:act", "tools", "list")
			h.wantAsked(h.call(alice, "small__act", act("one")))
			h.sayYes("user")
			h.wantOK(h.call(alice, "small__act", act("one")))
			grant := h.onlyGrant()
			at.lists(grant, "grants", "list", "--subject", "alice", "--state", "approved")
			at.wants("revoked", "grants", "revoke", grant)
			at.run(1, "", "grants", "revoke", "grt_NOBODY")
			at.wants("revoked", "tokens", "revoke", alice.ID)
			at.run(1, "", "tokens", "verify", alice.Token)
			at.run(1, "", "tokens", "revoke", "tok_NOBODY")
			at.wants("small:act", "audit", "tail", "--tool", "small:act")
			at.wants(`"seq":`, "audit", "tail", "--json", "-n", "3")
			at.wants(`"seq":`, "audit", "export")
		})
	}
}

func TestApprovalsAreAnsweredAtATerminal(t *testing.T) {
	up := newChanging(t)
	h := newHouse(t, "", up.app()).start()
	alice := h.token("alice", "write")
	bob := terminal{h: h, env: []string{"OSTIARY_URL=" + h.url, "OSTIARY_TOKEN=" + h.signIn("bob").operatorToken("approve")}}
	h.wantAsked(h.call(alice, "small__act", act("one")))
	id := onlyPending(h)
	bob.lists(id, "approvals", "list")
	bob.wants("one", "approvals", "show", id)
	bob.wants("Do ", "approvals", "show", id) // the operator's sentence
	bob.wants(`"what": "one"`, "approvals", "show", id, "--json")
	bob.run(2, "", "approvals", "approve", id, "--scope", "time_limited", "--ttl", "1h") // not among the tool's
	bob.wants("approved", "approvals", "approve", id, "--scope", "once")
	bob.wants(`"origin": "cli"`, "approvals", "show", id, "--json")
	bob.run(1, "", "approvals", "deny", id) // already decided
	h.wantOK(h.call(alice, "small__act", act("one")))
	h.wantAsked(h.call(alice, "small__act", act("two")))
	bob.wants("denied", "approvals", "deny", onlyPending(h), "--reason", "no")
	bob.run(1, "", "users", "list") // bob is no operator

	own := terminal{h: h, env: []string{"OSTIARY_URL=" + h.url, "OSTIARY_TOKEN=" + h.signIn("alice").operatorToken("approve")}}
	h.wantAsked(h.call(alice, "small__act", act("three")))
	own.run(1, "", "approvals", "approve", onlyPending(h)) // alice does not approve herself
	up.wantCalls(t, 1)
}

func TestExitCodesTellWhatWasWrong(t *testing.T) {
	h := newHouse(t, "", "")
	nobody := terminal{h: h}
	nobody.run(0, "")
	nobody.run(2, "", "no-such-command")
	nobody.run(2, "", "users", "list")                            // of what?
	nobody.run(2, "", "users", "list", "-c", h.path("none.yaml")) // no such file
	nobody.run(2, "", "users", "list", "--no-such-option")
	nobody.run(2, "short\n", "users", "add", "dora", "-c", h.file)
	away := terminal{h: h, env: []string{"OSTIARY_URL=http://" + freeAddress(t), "OSTIARY_TOKEN=ost_op_x"}}
	away.run(3, "", "users", "list")
	away.run(3, "", "approvals", "list")
	terminal{h: h, env: []string{"OSTIARY_URL=" + h.start().url, "OSTIARY_TOKEN=ost_op_x"}}.run(1, "", "users", "list") // a bad token
}

func TestTokensRotateAndKeysAreListed(t *testing.T) {
	up := newChanging(t)
	h := newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: small, url: %q, shared: true}\n", up.url)).start()
	alice := h.token("alice", "write")
	var next token
	if err := json.Unmarshal([]byte(h.command("tokens", "rotate", alice.ID, "-c", h.file, "--json")), &next); err != nil {
		t.Fatal(err)
	}
	h.wantOK(h.call(next, "small__act", act("one")))
	if a := h.call(alice, "small__act", act("one")); a.status != 401 {
		t.Errorf("the old value: status %d; want 401", a.status)
	}
	terminal{h: h, args: []string{"-c", h.file}}.lists("key_", "keys", "list")
	if r := h.try("", nil, "keys", "init", h.path("ostiary.key")); r.code != 2 {
		t.Errorf("keys init over a keyset: exit code %d; want 2", r.code)
	}
	if out := h.command("version", "--json"); !strings.Contains(out, `"version"`) {
		t.Errorf("version printed %s", out)
	}
	if out := h.command("config", "schema"); !json.Valid([]byte(out)) {
		t.Errorf("config schema is no JSON: %s", cut(out))
	}
}

// A name can't steer somebody's terminal.
func TestControlCharactersAreShownNotObeyed(t *testing.T) {
	up := newChanging(t)
	h := newHouse(t, "", up.app()).start()
	alice := h.token("alice", "write")
	h.wantAsked(h.call(alice, "small__act", `{"what":"\u001b[2J\u202etxt.exe"}`))
	bob := terminal{h: h, env: []string{"OSTIARY_URL=" + h.url, "OSTIARY_TOKEN=" + h.signIn("bob").operatorToken("approve")}}
	id := onlyPending(h)
	for _, out := range []string{
		bob.run(0, "", "approvals", "show", id),
		bob.run(0, "q\n", "approvals", "watch"),
		h.command("audit", "tail", "-c", h.file),
	} {
		if strings.ContainsAny(out, "\x1b\u202e") {
			t.Errorf("printed %q; want what a terminal obeys to be shown", out)
		}
	}
	r := h.try("a long password\n", nil, "users", "add", "mallory", "--email", "m\u202e@example.com", "-c", h.file)
	if r.code == 0 || strings.Contains(r.out+r.err, "\u202e") {
		t.Errorf("users add: %d %q; want the address refused, and not repeated as it is", r.code, r.err)
	}
}
