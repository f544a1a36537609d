package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestTheConformanceSuiteSeesTasks is the same for tasks, against a server of
// the test's own that passes all of it: once with its tasks behind the
// gateway, and once without any, where the gateway makes tasks itself of
// calls that wait for a yes.
func TestTheConformanceSuiteSeesTasks(t *testing.T) {
	list := readExpected(t, "testdata/tasks.txt")
	direct := aboutTasks(t, newTaskServer(t, false).url)
	if len(direct.said) > 0 || direct.total() < 44 {
		t.Fatalf("%d checks pass directly, want 44, and some do not: %v", direct.total(), direct.said)
	}
	for whose, address := range map[string]func(*testing.T) string{"the app": tasksOfTheApp, "Ostiary": tasksOfOstiary} {
		t.Run("tasks of "+whose, func(t *testing.T) {
			list.compare(t, crossing{modern, whose}, direct, aboutTasks(t, address(t)))
		})
	}
	list.wantAllUsed(t)
}

func tasksOfTheApp(t *testing.T) string {
	t.Helper()
	return behindFreely(t, fmt.Sprintf("url: %q", newTaskServer(t, false).url))
}

// tasksOfOstiary puts a server without tasks behind a gateway that wants a
// yes for what takes long. Bob gives it every time.
func tasksOfOstiary(t *testing.T) string {
	t.Helper()
	h := newHouse(t, "", fmt.Sprintf(`
apps:
  - {id: every, url: %q, standalone: true}
tools:
  - match: "every:*_*"
    approval: {required: true, default_scope: once, allowed_scopes: [once], approvers: {roles: [approver], allow_self: false}}
`, newTaskServer(t, true).url)).start()
	h.approveAll()
	return h.withToken(h.token("alice", "write")) + "/every/mcp"
}

// approveAll has bob say yes to whatever waits, until the test ends.
func (h *house) approveAll() {
	bob, c := h.signIn("bob").operatorToken("approve", "read"), h.caller()
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var page struct{ Items []struct{ ID string } }
			c.api(bob, http.MethodGet, "/approvals?status=pending", nil, &page)
			for _, request := range page.Items {
				c.approve(bob, request.ID)
			}
			select {
			case <-tick.C:
			case <-over:
				return
			}
		}
	}()
	h.t.Cleanup(func() {
		close(over)
		<-ended
		c.close()
	})
}

// withToken is the gateway for clients that can send no token: who comes this
// way has it.
func (h *house) withToken(tok token) (address string) {
	h.t.Helper()
	target, err := url.Parse(h.url)
	if err != nil {
		h.t.Fatal(err)
	}
	s := httptest.NewServer(readWhole(&httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = target.Host
		r.Out.Header.Set("Authorization", "Bearer "+tok.Token)
	}}))
	h.t.Cleanup(s.Close)
	return s.URL
}

// aboutTasks runs the whole suite, which is quicker than each of the scenarios
// alone, and keeps what it says of tasks.
func aboutTasks(t *testing.T, url string) report {
	t.Helper()
	r := suite(t, url, "--requirements", modern)

	maps.DeleteFunc(r.passed, func(check string, _ int) bool { return !strings.HasPrefix(check, "tasks-") })
	maps.DeleteFunc(r.said, func(check, _ string) bool { return !strings.HasPrefix(check, "tasks-") })
	return r
}
