package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/config"
)

// reloaded loads a file and reloads another text of it.
func reloaded(t *testing.T, before, after string) (c, next *config.Config, restart []string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ostiary.yaml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(before)
	if c, err = config.Load(path, nil); err != nil {
		t.Fatal(err)
	}
	write(after)
	next, restart, err = c.Reload(path, nil)
	return c, next, restart, err
}

const crm = "{id: crm, url: 'http://127.0.0.1:1/mcp'}"

func TestAppsAndRulesAreTakenAnewAndNothingElse(t *testing.T) {
	c, next, restart, err := reloaded(t, `
server: {listen: "127.0.0.1:7001"}
apps: [`+crm+`, {id: mail, url: "http://127.0.0.1:2/mcp"}, {id: old, command: [x]}]
tools: [{match: "crm:*", category: read}]
`, `
server: {listen: "127.0.0.1:7002", admin_listen: ""}
storage: {url: "sqlite:other.db"}
auth: {mode: public, users: [{id: alice, password: "a b c d e f g h"}], personal: {default_ttl: 1h}}
audit: {durability: relaxed}
apps: [`+crm+`, {id: mail, url: "http://127.0.0.1:3/mcp"}, {id: new, command: [y]}]
tools: [{match: "crm:*", category: write}]
sites: {site_id_field: place}
roles: {default_deny: true}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"server.listen", "server.admin_listen", "server.public_url", "storage.url", "auth.mode", "auth.users", "auth.personal.default_ttl", "audit.durability"}
	slices.Sort(want)
	slices.Sort(restart)
	if !slices.Equal(restart, want) {
		t.Errorf("a restart takes %q, want %q", restart, want)
	}
	if next.Server.Listen != c.Server.Listen || next.Storage != c.Storage || next.Auth.Mode != c.Auth.Mode || next.Audit != c.Audit {
		t.Error("what can't be reloaded was taken anew")
	}
	added, removed, changed := c.AppChanges(next)
	if got := fmt.Sprint(added, removed, changed); got != "[new] [old] [mail]" {
		t.Errorf("apps: got %s", got)
	}
	if c.SameRules(next) || next.Tools[0].Category != config.CategoryWrite || next.Sites.SiteIDField != "place" || !next.Roles.DefaultDeny {
		t.Errorf("rules: got %+v", next.Tools)
	}
}

func TestAFileThatSaysTheSameChangesNothing(t *testing.T) {
	for _, file := range []string{"testdata/defaults.yaml", "starter.yaml"} {
		c, next, restart, err := reloaded(t, string(read(t, file)), "# another comment\n"+string(read(t, file)))
		if err != nil || len(restart) != 0 || !c.SameRules(next) {
			t.Errorf("%s: got %v, %q", file, err, restart)
		}
		if a, r, ch := c.AppChanges(next); len(a)+len(r)+len(ch) != 0 {
			t.Errorf("%s: apps: %v %v %v", file, a, r, ch)
		}
	}
}

func TestABadFileIsReportedWholeAndGivesNothing(t *testing.T) {
	_, next, _, err := reloaded(t, "apps: ["+crm+"]\n", `
apps: [{id: CRM, url: "ftp://x"}]
tools: [{match: "crm:*", colour: red}]
server: {listen: 7}
`)
	var problems config.Problems
	if !errors.As(err, &problems) || len(problems) < 3 || next != nil {
		t.Errorf("got %v, %v; want all problems and no configuration", next, err)
	}
	c, err := config.Parse("x", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Reload(filepath.Join(t.TempDir(), "gone.yaml"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v for a file that isn't there, want ErrNotExist", err)
	}
}

// Each file is good, and the apps and rules of the second are not beside what
// the first says and stays.
func TestWhatIsTakenAnewMustBeGoodBesideWhatStays(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	if err := os.Mkdir(dir+"/keys", 0o700); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string][2]string{
		"holds " + dir + "/keys/o.key": {
			"storage: {url: 'sqlite:" + dir + "/o.db', key_file: " + dir + "/keys/o.key}\n",
			"storage: {url: 'sqlite:" + dir + "/o.db', key_file: " + dir + "/o.key}\napps: [{id: files, command: [serve, " + dir + "/keys]}]\n",
		},
		"demo_allow_all_if_no_claims": {
			"server: {listen: '0.0.0.0:7001', public_url: 'https://gate.example', tls: {cert_file: c, key_file: k}}\n",
			"server: {listen: '127.0.0.1:7001'}\nsites: {demo_allow_all_if_no_claims: true}\n",
		},
		"trusted_proxies is empty": {
			"apps: [" + crm + "]\n",
			"apps: [" + crm + "]\nserver: {trusted_proxies: [10.0.0.0/8]}\ntools: [{match: 'crm:*', context: {type: repository, from: header.X-Repo}}]\n",
		},
	} {
		if _, err := config.Parse("after", []byte(c[1]), nil); err != nil {
			t.Errorf("%s: the second file by itself: %v", want, err)
		}
		if _, next, _, err := reloaded(t, c[0], c[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, %v; want %q", next, err, want)
		}
	}
}

// Who a machine is, is decided at the start; a file that would have it be a
// person is bad at a reload too.
func TestAMachineDoesNotBecomeAPersonByAReload(t *testing.T) {
	for id, good := range map[string]bool{"alice": false, "nightly": true} {
		_, next, _, err := reloaded(t, "auth: {users: [{id: alice}]}", "auth: {users: [{id: alice}], clients: [{id: "+id+", kind: machine, secret: hunter22}]}")
		if (err == nil) != good || good && len(next.Auth.Clients) != 0 {
			t.Errorf("%s: got %+v, %v", id, next, err)
		}
	}
}
