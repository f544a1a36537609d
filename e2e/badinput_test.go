package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A bad request is a good one, spoiled.
type bad struct {
	spoil  func(body *string, r *http.Request)
	status int
	says   string // in the answer
}

func body(old, new string) func(*string, *http.Request) {
	return func(b *string, _ *http.Request) { *b = strings.Replace(*b, old, new, 1) }
}

func header(name, value string) func(*string, *http.Request) {
	return func(_ *string, r *http.Request) { r.Header.Set(name, value) }
}

var badRequests = map[string]bad{
	"no JSON":                        {func(b *string, _ *http.Request) { *b = "{" }, 400, "-32700"},
	"half a body":                    {func(b *string, _ *http.Request) { *b = (*b)[:len(*b)/2] }, 400, "-32700"},
	"invalid UTF-8":                  {body(`"one"`, "\"\xff\""), 400, "UTF-8"},
	"a duplicate key":                {body(`"what":"one"`, `"what":"one","what":"two"`), 400, "what"},
	"a duplicate method":             {body(`"method":`, `"method":"tools/list","method":`), 400, "method"},
	"a twin key":                     {body(`"what":"one"`, `"what":"one","What":"two"`), 400, "What"},
	"a twin key by folding":          {body(`"name":"small__act"`, `"name":"small__act","ſame":1,"Name":"x"`), 400, "Name"},
	"deep nesting":                   {body(`"one"`, strings.Repeat("[", 100)+strings.Repeat("]", 100)), 400, "nest"},
	"an oversized message":           {body(`"one"`, `"`+strings.Repeat("x", 4<<20)+`"`), 413, ""},
	"a batch":                        {func(b *string, _ *http.Request) { *b = "[" + *b + "]" }, 400, "atch"},
	"two messages":                   {func(b *string, _ *http.Request) { *b += "\n" + *b }, 400, "-32700"},
	"a call that is a response, too": {body(`"id":7,`, `"id":7,"result":{},`), 400, "-32600"},
	"a call whose id is null":        {body(`"id":7,`, `"id":null,`), 400, "-32600"},
	"an encoding":                    {header("Content-Encoding", "gzip"), 415, ""},
	"a call without id":              {body(`"id":7,`, ``), 0, ""},
	"another tool in the header":     {header("Mcp-Name", "small__other"), 400, "-32020"},
	"another method in the header":   {header("Mcp-Method", "tools/list"), 400, "-32020"},
	"a header twice":                 {func(_ *string, r *http.Request) { r.Header.Add("Mcp-Name", "small__act") }, 400, "-32020"},
	"no method header":               {func(_ *string, r *http.Request) { r.Header.Del("Mcp-Method") }, 400, "-32020"},
	"a version from the future":      {header("MCP-Protocol-Version", "2099-01-01"), 400, "-320"},
	"another version in the header":  {header("MCP-Protocol-Version", "2025-11-25"), 400, ""},
	"another content type":           {header("Content-Type", "text/plain"), 415, ""},
	"a foreign origin":               {header("Origin", "https://evil.example"), 403, ""},
	"a foreign host":                 {func(_ *string, r *http.Request) { r.Host = "evil.example" }, 421, ""},
	"no token":                       {func(_ *string, r *http.Request) { r.Header.Del("Authorization") }, 401, ""},
	"a token with a typing error":    {header("Authorization", "Bearer ost_pat_abc"), 401, ""},
	"a tool that does not exist": {func(b *string, r *http.Request) {
		*b = strings.Replace(*b, "small__act", "small__other", 1)
		r.Header.Set("Mcp-Name", "small__other")
	}, 0, "-32602"},
}

// Whatever is wrong with a message, it is said, no upstream is called, and
// the next good one goes through.
func TestBadMessagesCallNothing(t *testing.T) {
	up := newChanging(t)
	h := newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: small, url: %q, shared: true}\n", up.url)).start()
	alice := h.token("alice", "write")
	for what, b := range badRequests {
		t.Run(what, func(t *testing.T) {
			text, head := stateless("tools/call", "small__act", `"name":"small__act","arguments":{"what":"one"}`)
			r, err := http.NewRequest(http.MethodPost, h.url+"/mcp", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = head
			r.Header.Set("Authorization", "Bearer "+alice.Token)
			b.spoil(&text, r)
			status, answer := sendBody(t, r, text)
			if b.status != 0 && status != b.status || !strings.Contains(answer, b.says) {
				t.Errorf("got %d %s; want %d and %q in it", status, cut(answer), b.status, b.says)
			}
			up.wantCalls(t, 0)
		})
	}
	h.wantOK(h.call(alice, "small__act", act("one")))
	up.wantCalls(t, 1)
}

func sendBody(t *testing.T, r *http.Request, text string) (int, string) {
	t.Helper()
	with, err := http.NewRequest(r.Method, r.URL.String(), strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	with.Header, with.Host = r.Header, r.Host
	resp, err := http.DefaultTransport.RoundTrip(with)
	if err != nil {
		t.Fatal(err)
	}
	return read(resp)
}

func cut(text string) string { return text[:min(len(text), 600)] }

// All problems of a file are told at once, each with its line.
func TestABadConfigurationIsToldWithItsLines(t *testing.T) {
	h := newHouse(t, "", "")
	const text = `server: {listen: "0.0.0.0:80", publik_url: x}
storage: {url: "mysql://x"}
approvals:
  hold: soon
apps:
  - {id: Login Page, url: "http://127.0.0.1:1/mcp"}
`
	if err := os.WriteFile(h.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "-c", h.file}, {"config", "validate", h.file}, {"users", "list", "-c", h.file}} {
		r := h.try("", nil, args...)
		if r.code != 2 {
			t.Errorf("ostiary %v: exit code %d; want 2", args, r.code)
		}
		for line, word := range map[int]string{1: "publik_url", 2: "storage.url", 4: "hold", 6: "Login Page"} {
			if where := fmt.Sprintf("ostiary.yaml:%d", line); !strings.Contains(r.err, where) || !strings.Contains(r.err, word) {
				t.Errorf("ostiary %v printed\n%s\nwant %s and %s in it", args, r.err, where, word)
			}
		}
	}
}

func TestWhatKeepsTheGatewayFromStartingIsToldWithCode2(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	listen := taken.Addr().String()
	for what, c := range map[string]struct{ text, says string }{
		"a port in use":         {fmt.Sprintf("server: {listen: %q, admin_listen: \"\"}\nstorage: {url: \"sqlite::memory:\", key_file: K}\n", listen), listen},
		"a missing key file":    {"server: {listen: \"127.0.0.1:0\", admin_listen: \"\"}\nstorage: {url: \"postgres://nobody@127.0.0.1:1/x\", key_file: /nowhere/ostiary.key}\n", "/nowhere/ostiary.key"},
		"a missing TLS key":     {"server: {listen: \"127.0.0.1:0\", admin_listen: \"\", public_url: \"https://x.example\", tls: {cert_file: /nowhere/c.pem, key_file: /nowhere/k.pem}}\n", "/nowhere/c.pem"},
		"an unset variable":     {"storage: {url: \"${OSTIARY_TEST_NOT_SET}\"}\n", "OSTIARY_TEST_NOT_SET"},
		"a folder that is none": {"server: {listen: \"127.0.0.1:0\", admin_listen: \"\"}\nstorage: {url: \"sqlite:/nowhere/x.db\", key_file: K}\n", "/nowhere"},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t, "", "")
			if err := os.WriteFile(h.file, []byte(strings.ReplaceAll(c.text, "key_file: K", fmt.Sprintf("key_file: %q", h.path("k")))), 0o600); err != nil {
				t.Fatal(err)
			}
			r := h.try("", nil, "serve", "-c", h.file)
			if r.code != 2 || !strings.Contains(r.err, c.says) || strings.Contains(r.out, "ready") {
				t.Errorf("exit code %d, printed %s%s; want 2, naming %s", r.code, r.out, r.err, c.says)
			}
		})
	}
}

// An upstream that crashed, or answers nonsense, harms its own calls only.
func TestABrokenUpstreamHarmsItsOwnCallsOnly(t *testing.T) {
	up := newChanging(t)
	nonsense := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello") }))
	t.Cleanup(nonsense.Close)
	crm := exec.Command(testparts.Build(t, "examples/crm/cmd/crm-server"), "-listen", freeAddress(t))
	address := crm.Args[2]
	child := testparts.Start(t, crm)
	eventually(t, "the CRM to listen", func() (string, bool) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err.Error(), false
		}
		return "", conn.Close() == nil
	})
	h := newHouse(t, "", fmt.Sprintf(`
apps:
  - {id: small, url: %q, shared: true}
  - {id: crm, url: "http://%s/mcp", shared: true}
  - {id: mad, url: %q, shared: true}
`, up.url, address, nonsense.URL+"/mcp")).start()
	alice := h.token("alice", "write")
	h.wantOK(h.call(alice, "crm__search", `{"siteId":"site-A","query":"Ada"}`))
	child.Kill()
	a := h.call(alice, "crm__search", `{"siteId":"site-A","query":"Ada"}`)
	if text := string(a.body); !strings.Contains(text, "crm") || a.Result.IsError == (a.Error.Code != 0) {
		t.Errorf("got %d %s; want an error that names the app", a.status, text)
	}
	h.wantOK(h.call(alice, "small__act", act("one")))
	if names := strings.Join(h.list(alice), " "); strings.Contains(names, "mad__") || !strings.Contains(names, "small__act") {
		t.Errorf("got tools %s", names)
	}
	h.wantAuditToHold()
}
