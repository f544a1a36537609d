package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
)

// A shop is an upstream of the stateless era with a tool that says its name.
type shop struct {
	name  string
	calls atomic.Int64
	slow  chan struct{} // calls wait for it; nil: they don't
	begun chan struct{} // gets a value for each call that waits
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct {
		ID     json.RawMessage
		Method string
	}
	if json.NewDecoder(r.Body).Decode(&m) != nil || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	result := `{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}`
	switch m.Method {
	case "tools/list":
		result = `{"tools":[{"name":"who","inputSchema":{"type":"object"}}]}`
	case "tools/call":
		s.calls.Add(1)
		if s.slow != nil {
			s.begun <- struct{}{}
			<-s.slow
		}
		result = `{"content":[{"type":"text","text":"` + s.name + `"}]}`
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
}

func (s *shop) open(t *testing.T) (url string) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL + "/mcp"
}

// A reloader is a running gateway with its file.
type reloader struct {
	t    *testing.T
	g    *Gateway
	file string
	head string // what its configuration begins with
	url  string
	// token is what callers come with; "": nothing.
	token ostiary.Secret
	log   *journal
	hup   chan os.Signal
}

// journal collects what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// newReloader runs a gateway in which everybody may call what is not ruled.
func newReloader(t *testing.T, dir, rest string) *reloader {
	t.Helper()
	return newReloaderOf(t, dir, "{mode: public, anonymous: {scopes: ['mcp:write'], apps: [crm]}}", rest)
}

// newReloaderOf runs a gateway with a group auth.
func newReloaderOf(t *testing.T, dir, auth, rest string) *reloader {
	t.Helper()
	r := &reloader{t: t, file: filepath.Join(t.TempDir(), "ostiary.yaml"), log: new(journal), hup: make(chan os.Signal, 1)}
	r.head = "server: {listen: '127.0.0.1:0', admin_listen: '', public_url: 'http://127.0.0.1:0'}\n" +
		"storage: {url: 'sqlite:" + dir + "/o.db', key_file: '" + dir + "/o.key'}\n" +
		"auth: " + auth + "\n"
	r.write(rest)
	c, err := config.Load(r.file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.g, err = Open(t.Context(), c, slog.New(slog.NewTextHandler(r.log, nil))); err != nil {
		t.Fatal(err)
	}
	r.g.ReloadOn(r.hup, func(running *config.Config) (*config.Config, []string, error) { return running.Reload(r.file, nil) })
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- r.g.Run(ctx, func(url string) { ready <- url }) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	r.url = <-ready
	return r
}

func (r *reloader) write(rest string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(r.head+rest), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// reload has the gateway take a file, and waits until it has.
func (r *reloader) reload(rest string) {
	r.t.Helper()
	r.write(rest)
	before := r.lines("reloaded the configuration")
	r.hup <- syscall.SIGHUP
	r.await("reloaded the configuration", before+1)
}

func (r *reloader) lines(text string) int { return strings.Count(r.log.String(), text) }

func (r *reloader) await(text string, times int) {
	r.t.Helper()
	r.until(fmt.Sprintf("%q was logged %d times", text, times), func() bool { return r.lines(text) >= times })
}

// until waits for a condition.
func (r *reloader) until(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			r.t.Fatalf("never: %s:\n%s", what, r.log)
		}
	}
}

// call asks who a tool is: its answer, or the message of an error.
func (r *reloader) call(tool string) (string, error) {
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":{},"_meta":{%q:"2026-07-28",%q:{"name":"t","version":"1"},%q:{}}}}`,
		tool, wire.MetaProtocolVersion, wire.MetaClientInfo, wire.MetaClientCapabilities)
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url+"/mcp", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool,
	} {
		req.Header.Set(name, value)
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token.Reveal())
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var m struct {
		Result struct {
			Content []struct{ Text string }
			IsError bool
		}
		Error struct{ Message string }
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", fmt.Errorf("%d %s: %w", resp.StatusCode, raw, err)
	}
	if len(m.Result.Content) == 1 && !m.Result.IsError {
		return m.Result.Content[0].Text, nil
	}
	return "", errors.New(string(raw))
}

func (r *reloader) want(tool, want string) {
	r.t.Helper()
	if got, err := r.call(tool); got != want || err != nil {
		r.t.Errorf("%s: got %q, %v; want %q", tool, got, err, want)
	}
}

func (r *reloader) wantUnknown(tool string) {
	r.t.Helper()
	if got, err := r.call(tool); err == nil || !strings.Contains(err.Error(), "Unknown tool") {
		r.t.Errorf("%s: got %q, %v; want it unknown", tool, got, err)
	}
}

func apps(entries ...string) string { return "apps: [" + strings.Join(entries, ", ") + "]\n" }

func app(id, url string) string { return "{id: " + id + ", url: '" + url + "'}" }

// forManagers lets nobody call who has no role, so nobody here.
const forManagers = "tools: [{match: 'crm:*', authorization: {required_roles: [manager]}}]\n"

func TestReloadedAppsAndRulesCountForTheNextCall(t *testing.T) {
	one, two := &shop{name: "one"}, &shop{name: "two"}
	first, second := one.open(t), two.open(t)
	r := newReloader(t, t.TempDir(), apps(app("crm", first)))
	r.want("crm__who", "one")
	r.reload(apps(app("crm", second))) // changed
	r.want("crm__who", "two")
	r.reload(apps(app("crm", second)) + forManagers) // tightened
	r.wantUnknown("crm__who")
	r.reload(apps(app("crm", second))) // loosened
	r.want("crm__who", "two")
	r.reload(apps(app("crm", second), app("mail", first))) // added, and not among anonymous.apps
	if _, err := r.call("mail__who"); err == nil || !strings.Contains(err.Error(), "authorization_required") {
		t.Errorf("got %v; want the app that was added to be there", err)
	}
	r.reload(apps(app("crm", second))) // removed
	r.wantUnknown("mail__who")
	r.want("crm__who", "two")
}

func TestABadFileIsToldWholeAndChangesNothing(t *testing.T) {
	one := &shop{name: "one"}
	url := one.open(t)
	r := newReloader(t, t.TempDir(), apps(app("crm", url)))
	r.want("crm__who", "one")
	for _, bad := range []string{
		apps(app("CRM", url)) + "tools: [{match: 'crm:*', colour: red}]\nmcp: {colour: x}\n",
		"apps: [",
	} {
		before := r.lines("nothing has changed")
		r.write(bad)
		r.hup <- syscall.SIGHUP
		r.await("nothing has changed", before+1)
		r.want("crm__who", "one")
	}
	for _, problem := range []string{"apps[0].id", "tools[0].colour", "mcp.colour"} {
		if r.lines(problem) == 0 {
			t.Errorf("the log does not tell of %s:\n%s", problem, r.log)
		}
	}
	if got := len(entries(t, r.g)); got != 0 {
		t.Errorf("the record tells of %d reloads, want none", got)
	}
	r.reload(apps(app("crm", url)) + forManagers)
	r.wantUnknown("crm__who")
}

// entries are what the record tells of reloads.
func entries(t *testing.T, g *Gateway) []audit.Entry {
	t.Helper()
	some, _, err := g.Reader.Search(t.Context(), audit.Query{Kind: audit.KindPolicy})
	if err != nil {
		t.Fatal(err)
	}
	return some
}

func TestTheRecordTellsOfAReloadAndTheLogOfWhatNeedsARestart(t *testing.T) {
	one := &shop{name: "one"}
	url := one.open(t)
	r := newReloader(t, t.TempDir(), apps(app("crm", url), app("old", url)))
	before := epoch(t, r.g)
	r.reload("mcp: {instructions: 'Ask nicely.'}\napprovals: {hold: 1s}\n" + apps(app("crm", url+"?x"), app("new", url)) + forManagers)
	got := entries(t, r.g)
	if len(got) != 1 || got[0].Event != "configuration_reloaded" || got[0].Actor.Subject != identity.CommandLine {
		t.Fatalf("got %+v; want one entry of a reload", got)
	}
	if epoch(t, r.g) == before {
		t.Error("the deployment's epoch has not moved: what was decided by the old rules may be committed")
	}
	for key, want := range map[string]string{"apps_added": "new", "apps_removed": "old", "apps_changed": "crm", "rules": "changed"} {
		if got[0].Detail[key] != want {
			t.Errorf("%s: got %q, want %q", key, got[0].Detail[key], want)
		}
	}
	for _, key := range []string{"mcp.instructions", "approvals.hold"} {
		if r.lines(key) != 1 {
			t.Errorf("the log does not name %s:\n%s", key, r.log)
		}
	}
	if r.g.Config.MCP.Instructions != "" || r.g.running.MCP.Instructions != "" {
		t.Error("what needs a restart was taken")
	}
	r.reload("mcp: {instructions: 'Ask nicely.'}\n" + apps(app("crm", url+"?x"), app("new", url)) + forManagers)
	if got := entries(t, r.g); len(got) != 1 {
		t.Errorf("got %d entries after a reload that changed nothing, want 1", len(got))
	}
}

func epoch(t *testing.T, g *Gateway) uint64 {
	t.Helper()
	g.Epochs.Forget(store.EpochIDs{})
	at, err := g.Epochs.Of(t.Context(), store.EpochIDs{})
	if err != nil {
		t.Fatal(err)
	}
	return at.Deployment
}

func TestACallUnderWayFinishesWhenItsAppIsRemoved(t *testing.T) {
	slow := &shop{name: "slow", slow: make(chan struct{}), begun: make(chan struct{}, 1)}
	r := newReloader(t, t.TempDir(), apps(app("crm", slow.open(t))))
	release := sync.OnceFunc(func() { close(slow.slow) })
	t.Cleanup(release)
	var calling sync.WaitGroup
	calling.Go(func() { r.want("crm__who", "slow") })
	<-slow.begun
	r.head = strings.ReplaceAll(r.head, "apps: [crm]", "apps: []") // stays as it was, and must not name what is gone
	r.reload("")
	r.wantUnknown("crm__who")
	release()
	calling.Wait()
}

// While apps and rules change back and forth, every call is answered, and none
// reaches an app that only other rules would let it reach.
func TestUnderLoadNoCallIsDroppedNorLetThroughByParts(t *testing.T) {
	sandbox, prod, steady := &shop{name: "sandbox"}, &shop{name: "prod"}, &shop{name: "steady"}
	open := apps(app("crm", sandbox.open(t)), app("still", steady.open(t)))
	closed := apps(app("crm", prod.open(t)), app("still", steady.open(t))) + forManagers
	r := newReloader(t, t.TempDir(), open)
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var answered, unknown atomic.Int64
	for range 8 {
		load.Go(func() {
			for ctx.Err() == nil {
				got, err := r.call("crm__who")
				switch {
				case got == "sandbox":
					answered.Add(1)
				case err != nil && strings.Contains(err.Error(), "Unknown tool"):
					unknown.Add(1)
				default:
					t.Errorf("got %q, %v; want sandbox, or that the tool is unknown", got, err)
				}
			}
		})
	}
	for range 10 {
		for _, want := range []struct {
			file  string
			count *atomic.Int64
		}{{closed, &unknown}, {open, &answered}} {
			r.reload(want.file)
			seen := want.count.Load()
			r.until("twenty calls", func() bool { return want.count.Load() >= seen+20 })
		}
	}
	stop()
	load.Wait()
	if got := prod.calls.Load(); got != 0 {
		t.Errorf("%d calls reached an app that no rules let them reach", got)
	}
	if answered.Load() == 0 || unknown.Load() == 0 {
		t.Errorf("%d answered, %d unknown: the test proves nothing", answered.Load(), unknown.Load())
	}
}

// Each instance has its own file. A reload of one makes the other decide
// again, by its own rules.
func TestARuleTightenedOnASecondInstanceCountsThere(t *testing.T) {
	one := &shop{name: "one"}
	url, dir := one.open(t), t.TempDir()
	here := newReloader(t, dir, apps(app("crm", url)))
	there := newReloader(t, dir, apps(app("crm", url)))
	here.want("crm__who", "one")
	there.want("crm__who", "one")
	here.reload(apps(app("crm", url)) + forManagers)
	here.wantUnknown("crm__who")
	there.want("crm__who", "one")
	there.reload(apps(app("crm", url)) + forManagers)
	there.wantUnknown("crm__who")
	here.reload(apps(app("crm", url)))
	here.want("crm__who", "one")
	there.wantUnknown("crm__who")
}
