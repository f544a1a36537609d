package mcp_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
)

// hear opens a stream that tells of tasks; said returns its messages at the
// end.
func (h *house) hear(ctx context.Context, capabilities, token, ids string) (said func() []string) {
	done := h.start(ctx, declaring(capabilities, token, "subscriptions/listen", "", `"notifications":{"taskIds":`+ids+`}`))
	return func() []string {
		var all []string
		for line := range strings.Lines((<-done).Body.String()) {
			if message, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok {
				all = append(all, message)
			}
		}
		return all
	}
}

func TestAStreamTellsOfATaskWhatTasksGetWouldSay(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		id := h.taskOf(t, declaring(withTasksAndURL, "alice", "tools/call", "crm__delete_contact", `"name":"crm__delete_contact","arguments":{}`))
		listening, leave := context.WithCancel(ctx)
		said := h.hear(listening, withTasksAndURL, "alice", `["`+id+`","`+id+`"]`)
		synctest.Wait()
		var want []string
		note := func() {
			t.Helper()
			synctest.Wait()
			w := h.send(t, declaring(withTasksAndURL, "alice", "tasks/get", id, `"taskId":"`+id+`"`))
			details := strings.TrimSuffix(strings.TrimPrefix(w.Body.String(), `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete",`), "}}")
			want = append(want, details)
		}
		note() // as it was found
		h.send(t, aboutTask("alice", "tasks/update", id, `,"inputResponses":{"step":{"action":"accept"}}`))
		note()
		h.decide(t, "approve")
		note()
		leave()
		got := said()
		if want := `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1},"notifications":{"taskIds":["` + id + `"]}}}`; len(got) == 0 || got[0] != want {
			t.Fatalf("got %q first; want %s", got, want)
		}
		var told []string
		for _, m := range got[1:] {
			params, ok := strings.CutPrefix(m, `{"jsonrpc":"2.0","method":"notifications/tasks","params":{`)
			if !ok || !strings.Contains(params, `"io.modelcontextprotocol/subscriptionId":1`) {
				t.Errorf("got %s; want a notification with the id of the subscription", m)
			}
			params = strings.Replace(params, `,"_meta":{"io.modelcontextprotocol/subscriptionId":1}`, "", 1)
			params = strings.Replace(params, `,"io.modelcontextprotocol/subscriptionId":1`, "", 1)
			told = append(told, strings.TrimSuffix(params, "}}"))
		}
		// A moment under way, after the yes, may be told of or not.
		told = slices.DeleteFunc(told, func(s string) bool { return strings.Contains(s, `"status":"working"`) && !strings.Contains(s, "_meta") })
		if !slices.Equal(told, want) {
			t.Errorf("got\n%s\nwant what tasks/get said\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestAStreamTellsOfOnesOwnTasksOnlyAndAsLongAsOneMayKnow(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		h.wallet.change("alice", func(p *ostiary.Principal) { p.Roles = []string{"eraser"} })
		id := h.taskOf(t, callForTask("alice", "crm__erase_all", `{}`))
		listening, leave := context.WithCancel(ctx)
		mine := h.hear(listening, withTasks, "alice", `["`+id+`","tsk_nobody"]`)
		others := []func() []string{
			h.hear(listening, withTasks, "bob", `["`+id+`"]`),
			h.hear(listening, withTasks, "alice2", `["`+id+`"]`),
		}
		synctest.Wait()
		h.wallet.change("alice", func(p *ostiary.Principal) { p.Roles = nil })
		time.Sleep(2 * time.Second) // until the stream asks again who is there
		h.decide(t, "approve")
		synctest.Wait()
		leave()
		got := mine()
		if len(got) != 2 || !strings.Contains(got[0], `{"taskIds":["`+id+`"]}`) || !strings.Contains(got[1], `"status":"working"`) {
			t.Errorf("got %q; want the task as it was, and nothing once it was hidden", got)
		}
		for _, said := range others {
			if got := said(); len(got) != 1 || strings.Contains(got[0], "taskIds") {
				t.Errorf("got %q; want nothing granted, and nothing told", got)
			}
		}
	})
}

func TestOnlyClientsWithTasksHearOfThem(t *testing.T) {
	tasking(t, func(_ context.Context, t *testing.T, h *house) {
		for name, c := range map[string]struct {
			capabilities, ids, want string
		}{
			"undeclared": {"{}", `["tsk_x"]`, `"code":-32021,"message":"Missing required client capability","data":{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}`},
			"no list":    {withTasks, `"tsk_x"`, `"code":-32602`},
			"no ids":     {withTasks, `[1]`, `"code":-32602`},
			"too many":   {withTasks, "[" + strings.Repeat(`"tsk_x",`, 200) + `"tsk_x"]`, `"code":-32602`},
		} {
			w := h.send(t, declaring(c.capabilities, "alice", "subscriptions/listen", "", `"notifications":{"taskIds":`+c.ids+`}`))
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%s: got %d %s; want 400 and %s", name, w.Code, w.Body, c.want)
			}
		}
	})
}
