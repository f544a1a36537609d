package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/ostiary/ostiary/internal/testparts"
)

// files puts the official filesystem server behind the gateway: reading is
// free, writing needs bob's yes.
func files(t *testing.T) (h *house, folder string) {
	t.Helper()
	folder = t.TempDir()
	command, err := json.Marshal(testparts.Filesystem(t, folder))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "hello.txt"), []byte("hello from the file"), 0o600); err != nil {
		t.Fatal(err)
	}
	return newHouse(t, "", fmt.Sprintf(`
apps:
  - {id: files, name: Files, command: %s, shared: true}
tools:
  - {match: "files:read_*", category: read}
  - {match: "files:list_*", category: read}
  - match: "files:write_file"
    approval: {required: true, default_scope: once, allowed_scopes: [once, session, user], message: "Write {{path}}?", approvers: {roles: [approver], allow_self: false}}
`, command)).start(), folder
}

// TestAPersonIsRefusedAskedAndLetThroughOnce is the main job: a server that
// nobody here wrote, a person who reads freely, asks before a risky call, is
// let through exactly once, and can prove it afterwards.
func TestAPersonIsRefusedAskedAndLetThroughOnce(t *testing.T) {
	for way, approve := range map[string]func(*house, string){
		"in Chromium": approveInChromium,
		"by API":      approveByAPI,
		"by terminal": approveByTerminal,
	} {
		t.Run(way, func(t *testing.T) {
			h, folder := files(t)
			alice := h.token("alice", "write")
			if names := strings.Join(h.list(alice), " "); !strings.Contains(names, "files__read_text_file") {
				t.Fatalf("got tools %q; want files__read_text_file among them", names)
			}
			if got := h.wantOK(h.call(alice, "files__read_text_file", path(folder, "hello.txt"))).text(); !strings.Contains(got, "hello from the file") {
				t.Errorf("read %q", got)
			}

			file := filepath.Join(folder, "new.txt")
			write := writeArgs(file, "first")
			waits := h.call(alice, "files__write_file", write)
			if waits.Result.ResultType != "input_required" {
				t.Fatalf("got %s; want the call to wait for an approval", waits.body)
			}
			if _, err := os.Stat(file); err == nil {
				t.Fatal("the file was written before the yes")
			}
			approve(h, onlyPending(h))
			h.wantOK(h.call(alice, "files__write_file", write))
			if got, err := os.ReadFile(file); err != nil || string(got) != "first" {
				t.Fatalf("got %q, %v; want the file written", got, err)
			}

			for what, args := range map[string]string{"a second use": write, "a changed argument": writeArgs(file, "second")} {
				if a := h.call(alice, "files__write_file", args); a.Result.ResultType != "input_required" {
					t.Errorf("%s: got %s; want to be asked again", what, a.body)
				}
			}
			if got, _ := os.ReadFile(file); string(got) != "first" {
				t.Errorf("the file holds %q", got)
			}
			h.wantAuditToHold()
		})
	}
}

func path(folder, name string) string {
	return fmt.Sprintf(`{"path":%q}`, filepath.Join(folder, name))
}

func writeArgs(file, content string) string {
	return fmt.Sprintf(`{"path":%q,"content":%q}`, file, content)
}

// onlyPending is the id of the one request that waits, as bob sees it.
func onlyPending(h *house) string {
	h.t.Helper()
	return h.waiting(h.signIn("bob").operatorToken("approve"))
}

// waiting is the id of the one request that waits, as the holder of an
// operator token sees it.
func (h *house) waiting(operator string) string {
	h.t.Helper()
	var page struct{ Items []struct{ ID string } }
	status := h.api(operator, "GET", "/approvals?status=pending", nil, &page)
	if status != 200 || len(page.Items) != 1 {
		h.t.Fatalf("got status %d and %d pending requests; want one", status, len(page.Items))
	}
	return page.Items[0].ID
}

func approveByAPI(h *house, id string) {
	h.t.Helper()
	token := h.signIn("bob").operatorToken("approve")
	if status := h.api(token, "POST", "/approvals/"+id+"/decision", map[string]string{"decision": "approve", "scope": "once"}, nil); status != 200 {
		h.t.Fatalf("approve by API: status %d", status)
	}
}

func approveByTerminal(h *house, id string) {
	h.t.Helper()
	env := []string{"OSTIARY_URL=" + h.url, "OSTIARY_TOKEN=" + h.signIn("bob").operatorToken("approve")}
	r := h.try("y once\nq\n", env, "approvals", "watch")
	if r.code != 0 || !strings.Contains(r.out, id+": approved") {
		h.t.Fatalf("approvals watch: %d\n%s%s", r.code, r.out, r.err)
	}
}

func approveInChromium(h *house, id string) {
	h.t.Helper()
	w := h.window()
	w.signIn("bob", "/approvals/"+id)
	w.wantText("new.txt")
	w.do("approve", chromedp.Click(`#scope-once`), chromedp.Click(yesButton))
	w.await("Approved")
}
