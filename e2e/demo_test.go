package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A demonstration is `ostiary demo`, and what it told.
type demonstration struct {
	*house
	password string
	agent    token
}

// temporary is where this demonstration makes its folder.
func startDemo(t *testing.T, temporary string, args ...string) *demonstration {
	t.Helper()
	d := &demonstration{house: &house{t: t, dir: temporary}}
	cmd := exec.Command(testparts.Build(t, "cmd/ostiary"), append([]string{"demo", "--listen", freeAddress(t)}, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	d.child = testparts.Start(t, cmd)
	d.url = strings.TrimSpace(d.child.Await(t, "ready "))
	d.child.Await(t, "Ctrl-C ends the demo.")
	d.password, d.agent.Token = d.told(`password +(\S+)`), d.told(`token +(ost_pat_\S+)`)
	d.file = d.told(`audit verify -c (\S+)`)
	return d
}

func (d *demonstration) told(pattern string) string {
	d.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(d.child.Output())
	if m == nil {
		d.t.Fatalf("the demo does not tell %s:\n%s", pattern, d.child.Output())
	}
	return m[1]
}

func (d *demonstration) bobSaysYes() {
	d.t.Helper()
	bob := d.signInWith("bob", d.password).operatorToken("approve")
	d.decide(bob, map[string]string{"decision": "approve"})
}

const riskyArguments = `{"siteId":"site-A","id":"c-17","reason":"duplicate of c-11"}`

func TestTheDemoShowsTheMainJobAndLeavesNothing(t *testing.T) {
	temporary := t.TempDir()
	d := startDemo(t, temporary)
	d.bobSaysYes()
	d.wantOK(d.call(d.agent, "crm__delete_contact", riskyArguments))
	d.wantAsked(d.call(d.agent, "crm__delete_contact", riskyArguments))
	d.wantReason(d.call(d.agent, "crm__search", `{"siteId":"site-B","query":"a"}`), "site_not_allowed")
	d.command("audit", "tail", "-c", d.file)
	d.command("audit", "verify", "-c", d.file)
	d.stop()
	left, err := os.ReadDir(temporary)
	if err != nil || len(left) != 0 {
		t.Errorf("the demo left %v (%v); want nothing", left, err)
	}
}

func TestADemoInAFolderOfItsOwnGoesOn(t *testing.T) {
	temporary, folder := t.TempDir(), filepath.Join(t.TempDir(), "kept")
	first := startDemo(t, temporary, "--dir", folder)
	first.bobSaysYes()
	first.wantOK(first.call(first.agent, "crm__delete_contact", riskyArguments))
	first.stop()
	if _, err := os.Stat(filepath.Join(folder, "ostiary.db")); err != nil {
		t.Fatal(err)
	}
	second := startDemo(t, temporary, "--dir", folder)
	second.wantAsked(second.call(second.agent, "crm__delete_contact", riskyArguments))
	second.wantOK(second.call(second.agent, "crm__get_contact", `{"siteId":"site-A","id":"c-17"}`)) // the sample data is new
	second.stop()
	second.command("audit", "verify", "-c", second.file)
	for _, name := range []string{"demo agent ", "demo agent 2"} {
		if out := second.command("tokens", "list", "-c", second.file); !strings.Contains(out, name) {
			t.Errorf("there is no token %q in\n%s", name, out)
		}
	}
}

// A folder with somebody's configuration in it is not the demo's.
func TestADemoLeavesAConfigurationAsItIs(t *testing.T) {
	h := newHouse(t, "", "")
	h.command("users", "add", "carl", "--no-password", "-c", h.file)
	refused := func(what, names string) {
		t.Helper()
		before := h.files()
		r := h.try("", nil, "demo", "--listen", freeAddress(t), "--dir", h.dir)
		if r.code != 2 || r.out != "" || !strings.Contains(r.err, h.path(names)) {
			t.Errorf("%s: got %d, %s%s; want 2, naming %s", what, r.code, r.out, r.err, names)
		}
		h.wantFiles(before)
	}
	refused("a configuration", "ostiary.yaml")
	if err := os.Rename(h.file, h.path("gateway.yaml")); err != nil {
		t.Fatal(err)
	}
	refused("a database", "ostiary.db")

	folder := filepath.Join(h.dir, "demo")
	startDemo(t, t.TempDir(), "--dir", folder).stop()
	h.file = filepath.Join(folder, "ostiary.yaml")
	h.dir = folder
	startDemo(t, t.TempDir(), "--dir", folder).stop() // its own is free
	h.replace("risk_level: high", "risk_level: low")
	refused("a demo's configuration that was changed", "ostiary.yaml")
}
