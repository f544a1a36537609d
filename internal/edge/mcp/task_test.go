package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/mcp"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	withTasks       = `{"extensions":{"io.modelcontextprotocol/tasks":{}}}`
	withTasksAndURL = `{"elicitation":{"url":{}},"extensions":{"io.modelcontextprotocol/tasks":{}}}`
)

func callForTask(token, name, arguments string) note {
	return declaring(withTasks, token, "tools/call", name, `"name":"`+name+`","arguments":`+arguments)
}

func aboutTask(token, method, id, more string) note {
	return declaring(withTasks, token, method, id, `"taskId":"`+id+`"`+more)
}

// A given is a task as a client sees it.
type given struct {
	ResultType, TaskID, Status, StatusMessage string
	CreatedAt, LastUpdatedAt                  time.Time
	TTLMs, PollIntervalMs                     int64
	InputRequests                             map[string]json.RawMessage
	Result, Error                             json.RawMessage
	Meta                                      map[string]any `json:"_meta"`
}

// text is what the model reads of a result.
func (g given) text() string { return string(g.Result) }

func readTask(t testing.TB, w *httptest.ResponseRecorder) given {
	t.Helper()
	var s struct{ Result given }
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != http.StatusOK || s.Result.TaskID == "" {
		t.Fatalf("got %d %s, %v; want a task", w.Code, w.Body, err)
	}
	return s.Result
}

func (i *instance) taskOf(t testing.TB, n note) string {
	t.Helper()
	got := readTask(t, i.send(t, n))
	if got.ResultType != "task" {
		t.Fatalf("got %+v; want a call that became a task", got)
	}
	return got.TaskID
}

func (i *instance) get(t testing.TB, token, id string) given {
	t.Helper()
	return readTask(t, i.send(t, aboutTask(token, "tasks/get", id, "")))
}

func (i *instance) wantStatus(t testing.TB, id, want string) given {
	t.Helper()
	synctest.Wait()
	got := i.get(t, "alice", id)
	if got.Status != want {
		t.Errorf("got status %s, %s%s; want %s", got.Status, got.Result, got.Error, want)
	}
	return got
}

// follow has an instance hear of changes, and see to tasks, until the bubble
// ends.
func (i *instance) follow(ctx context.Context) {
	go i.db.Watch(ctx)
	go i.handler.Work(ctx)
	synctest.Wait()
}

// tasking runs f in a bubble with a gateway that sees to tasks.
func tasking(t *testing.T, f func(ctx context.Context, t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(c *mcp.Config) { c.Hold = 25 * time.Second })
		ctx, stop := context.WithCancel(t.Context())
		h.follow(ctx)
		f(ctx, t, h)
		stop()
		synctest.Wait()
	})
}

func TestACallThatNeedsAYesIsATaskThatRunsAfterIt(t *testing.T) {
	tasking(t, func(_ context.Context, t *testing.T, h *house) {
		began := time.Now()
		w := h.send(t, callForTask("alice", "crm__delete_contact", `{"id":"1", "big":12345678901234567890}`))
		if waited := time.Since(began); waited != 0 {
			t.Errorf("got an answer after %v; want it at once", waited)
		}
		got, r := readTask(t, w), h.pending(t)[0]
		want := `{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","taskId":"` + got.TaskID + `","status":"working",` +
			`"statusMessage":"crm:delete_contact needs your approval before it runs. Open https://gate.example/approvals/` + r.ID +
			` to decide. Nothing was called yet; after a yes the call is made by itself.",` +
			`"createdAt":"2026-11-21T09:00:00.000Z","lastUpdatedAt":"2026-11-21T09:00:00.000Z","ttlMs":4500000,"pollIntervalMs":2000,"_meta":{"code":"APPROVAL_REQUIRED",`
		if !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("got %s; want %s…", w.Body, want)
		}
		if got.Meta["approval_id"] != r.ID || got.Meta["approval_url"] != "https://gate.example/approvals/"+r.ID || got.Meta["state"] != "pending" {
			t.Errorf("got _meta %v; want that of the step", got.Meta)
		}
		waiting := h.get(t, "alice", got.TaskID)
		if diff := cmp.Diff(got, waiting, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "ResultType" }, cmp.Ignore())); diff != "" || waiting.ResultType != "complete" {
			t.Errorf("got another task a moment later (-made +got), type %q:\n%s", waiting.ResultType, diff)
		}
		if len(h.upstreams.got()) != 0 {
			t.Fatal("got a call before the yes")
		}
		h.decide(t, "approve")
		synctest.Wait()
		w = h.send(t, aboutTask("alice", "tasks/get", got.TaskID, ""))
		want = `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","taskId":"` + got.TaskID + `","status":"completed",` +
			`"createdAt":"2026-11-21T09:00:00.000Z","lastUpdatedAt":"2026-11-21T09:00:00.000Z","ttlMs":4500000,"pollIntervalMs":2000,` +
			`"result":{"content":[{"type":"text","text":"done"}],"huge":12345678901234567890,"resultType":"complete"}}}`
		if w.Body.String() != want {
			t.Errorf("got %s; want %s", w.Body, want)
		}
		calls := h.upstreams.got()
		if len(calls) != 1 || !strings.HasPrefix(calls[0].Params, `{"name":"delete_contact","arguments":{"id":"1", "big":12345678901234567890},"_meta":{`) {
			t.Errorf("got calls %+v; want one, with the client's bytes", calls)
		}
	})
}

// entriesOf are the kinds and events of what was recorded.
func (b *book) entriesOf() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, e := range b.entries {
		one := string(e.Kind) + " " + e.Event
		if e.Decision != nil {
			one += " " + e.Decision.Effect + " " + string(e.Decision.Reason)
		}
		if e.Upstream != nil {
			one += " " + string(e.Upstream.Status)
		}
		all = append(all, one+" "+string(e.Actor.Subject)+" "+string(e.Actor.Session)+" "+e.Actor.IPClass)
	}
	return all
}

func TestATaskIsRecordedAsAHeldCall(t *testing.T) {
	for _, answer := range []string{"approve", "deny"} {
		var records [2][]string
		for i, make := range []func(token, name, arguments string) note{call, callForTask} {
			tasking(t, func(ctx context.Context, t *testing.T, h *house) {
				done := h.start(ctx, make("alice", "crm__delete_contact", `{}`))
				h.decide(t, answer)
				<-done
				synctest.Wait()
				records[i] = h.book.entriesOf()
			})
		}
		if diff := cmp.Diff(records[0], records[1]); diff != "" || len(records[0]) == 0 {
			t.Errorf("%s: got other entries (-held +task):\n%s", answer, diff)
		}
	}
}

func TestAClientThatShowsLinksIsAskedOnceAndItsAnswerApprovesNothing(t *testing.T) {
	for _, action := range []string{"accept", "decline", "cancel"} {
		tasking(t, func(_ context.Context, t *testing.T, h *house) {
			n := declaring(withTasksAndURL, "alice", "tools/call", "crm__delete_contact", `"name":"crm__delete_contact","arguments":{}`)
			made := readTask(t, h.send(t, n))
			if made.ResultType != "task" || made.Status != "input_required" || made.InputRequests != nil {
				t.Fatalf("got %+v; want a task that requires input, asked for later", made)
			}
			ask := func() given {
				t.Helper()
				return readTask(t, h.send(t, declaring(withTasksAndURL, "alice", "tasks/get", made.TaskID, `"taskId":"`+made.TaskID+`"`)))
			}
			want := `{"method":"elicitation/create","params":{"mode":"url","message":"crm:delete_contact needs your approval before it runs.","url":"https://gate.example/approvals/` + h.pending(t)[0].ID + `"}}`
			if got := ask(); got.Status != "input_required" || len(got.InputRequests) != 1 || string(got.InputRequests["step"]) != want {
				t.Errorf("got %+v; want the link as the one input", got)
			}
			// Who did not declare with this very message that they can show a link is not asked to.
			if got := h.get(t, "alice", made.TaskID); got.Status != "working" || got.InputRequests != nil || !strings.Contains(got.StatusMessage, "/approvals/") {
				t.Errorf("got %+v; want the link in words", got)
			}
			for _, answered := range []string{`{"other":{"action":"accept"}}`, `{"step":{"action":"` + action + `"}}`, `{"step":{"action":"accept"}}`} {
				w := h.send(t, aboutTask("alice", "tasks/update", made.TaskID, `,"inputResponses":`+answered))
				if got := w.Body.String(); got != `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete"}}` {
					t.Errorf("got %s; want an empty acknowledgement", got)
				}
				asked := ask().Status == "input_required"
				if before := strings.Contains(answered, "other"); asked != before {
					t.Errorf("after %s: asked again %v; want %v", answered, asked, before)
				}
			}
			synctest.Wait()
			if len(h.upstreams.got()) != 0 || len(h.pending(t)) != 1 {
				t.Error("got a call, or no question any more; want the answer to approve nothing")
			}
			h.decide(t, "approve")
			h.wantStatus(t, made.TaskID, "completed")
		})
	}
}

func TestATaskEndsAsAHeldCallDoes(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(*house)
		status string
		want   string // in what came of it
	}{
		"a no": {func(h *house) { h.decide(h.book.t, "deny") }, "completed", `"code":"APPROVAL_DENIED","approval_url":"https://gate.example/approvals/req_`},
		"silence": {func(h *house) {
			h.clock.move(15 * time.Minute)
			time.Sleep(15 * time.Minute)
		}, "completed", `"code":"APPROVAL_EXPIRED","approval_url":"https://gate.example/approvals/req_`},
		"another definition": {func(h *house) {
			h.relist(h.book.t, "crm", upstream.Lists{Tools: items(`{"name":"delete_contact","description":"and everything else","inputSchema":{"type":"object"}}`)})
			h.decide(h.book.t, "approve")
		}, "completed", `"code":"APPROVAL_EXPIRED"`},
		"a tool that is gone": {func(h *house) {
			h.relist(h.book.t, "crm", upstream.Lists{})
			h.decide(h.book.t, "approve")
		}, "completed", `"code":"APPROVAL_EXPIRED"`},
		"an app that was closed": {func(h *house) {
			h.wallet.change("alice", func(p *ostiary.Principal) { p.Apps = ostiary.Selection{} })
			h.decide(h.book.t, "approve")
		}, "completed", `"code":"AUTHORIZATION_REQUIRED"`},
		"a tier that was lowered": {func(h *house) {
			h.wallet.change("alice", func(p *ostiary.Principal) { p.Tier, p.Scopes = ostiary.TierRead, []string{"mcp:read"} })
			h.decide(h.book.t, "approve")
		}, "failed", `"code":"INSUFFICIENT_SCOPE"`},
	} {
		t.Run(name, func(t *testing.T) {
			tasking(t, func(_ context.Context, t *testing.T, h *house) {
				h.book.t = t
				id := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
				c.end(h)
				got := h.wantStatus(t, id, c.status)
				if all := string(got.Result) + string(got.Error); !strings.Contains(all, c.want) {
					t.Errorf("got %s; want %s", all, c.want)
				}
				if n := len(h.upstreams.got()); n != 0 {
					t.Errorf("got %d calls; want none", n)
				}
			})
		})
	}
}

// change gives the holder of a token other rights.
func (w *wallet) change(token string, edit func(*ostiary.Principal)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := *w.tokens[token]
	edit(&p)
	w.tokens[token] = &p
}

func TestATaskOfWhoIsNobodyAnyMoreIsNotMadeAndToldToNobody(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(*house)
		status int
	}{
		"a revoked token": {func(h *house) { h.wallet.revoke("alice") }, http.StatusUnauthorized},
		"another tenant": {func(h *house) {
			h.wallet.change("alice", func(p *ostiary.Principal) { p.Tenant = "other" })
		}, http.StatusBadRequest},
	} {
		tasking(t, func(_ context.Context, t *testing.T, h *house) {
			id := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
			alice := h.wallet.tokens["alice"]
			c.end(h)
			h.decide(t, "approve")
			synctest.Wait()
			if w := h.send(t, aboutTask("alice", "tasks/get", id, "")); w.Code != c.status || len(h.upstreams.got()) != 0 {
				t.Errorf("%s: got %d %s, %d calls; want %d and none", name, w.Code, w.Body, len(h.upstreams.got()), c.status)
			}
			h.wallet.tokens["alice"] = alice
			if got := h.wantStatus(t, id, "failed"); !strings.Contains(string(got.Error), "token is not good") {
				t.Errorf("%s: got %s; want why", name, got.Error)
			}
		})
	}
}

func TestWhatAnAppAnswersIsKeptByteForByte(t *testing.T) {
	for name, c := range map[string]struct {
		reply  upstream.Reply
		err    error
		status string
		want   string
		end    audit.Status
	}{
		"a tool's error": {
			reply:  upstream.Reply{Result: []byte(`{"content":[ ],"isError":true,"x":"<&>\u2028"}`), Era: wire.Version20251125},
			status: "completed", want: `{"content":[ ],"isError":true,"x":"<&>\u2028","resultType":"complete"}`, end: audit.StatusError,
		},
		"a protocol error": {
			reply:  upstream.Reply{Err: []byte(`{"code":-32050, "message":"broken <&>","data":18446744073709551615}`)},
			status: "failed", want: `{"code":-32050, "message":"broken <&>","data":18446744073709551615}`, end: audit.StatusError,
		},
		"nothing, and it was sent":  {err: errors.New("broken"), status: "completed", want: "is not known", end: audit.StatusUnknown},
		"nothing, and nothing sent": {err: upstream.Unsent(errors.New("broken")), status: "completed", want: "Nothing was called", end: audit.StatusNotSent},
	} {
		t.Run(name, func(t *testing.T) {
			tasking(t, func(_ context.Context, t *testing.T, h *house) {
				h.upstreams.answers(func(context.Context, sent, func([]byte)) (upstream.Reply, error) { return c.reply, c.err })
				id := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
				h.decide(t, "approve")
				got := h.wantStatus(t, id, c.status)
				if all := string(got.Result) + string(got.Error); !strings.Contains(all, c.want) {
					t.Errorf("got %s; want %s", all, c.want)
				}
				if all := h.book.outcomes(); len(all) != 1 || all[0] != c.end {
					t.Errorf("got outcomes %v; want %s", all, c.end)
				}
			})
		})
	}
}

func TestATaskIsNobodyElsesAndLooksAsIfItWereNotThere(t *testing.T) {
	for name, c := range map[string]struct {
		token string
		path  string
		turn  func(h *house)
	}{
		"another person":    {token: "bob"},
		"another session":   {token: "alice2"},
		"another endpoint":  {token: "alice", path: "/crm/mcp"},
		"after its time":    {token: "alice", turn: func(h *house) { h.clock.move(4500 * time.Second) }},
		"in another tenant": {token: "alice", turn: func(h *house) { h.wallet.change("alice", func(p *ostiary.Principal) { p.Tenant = "other" }) }},
		"of a tool that is hidden by now": {token: "alice", turn: func(h *house) {
			h.wallet.change("alice", func(p *ostiary.Principal) { p.Roles = nil })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tasking(t, func(_ context.Context, t *testing.T, h *house) {
				h.wallet.change("alice", func(p *ostiary.Principal) { p.Roles = []string{"eraser"} })
				id := h.taskOf(t, callForTask("alice", "crm__erase_all", `{}`))
				h.decide(t, "approve")
				h.wantStatus(t, id, "completed")
				if c.turn != nil {
					c.turn(h)
				}
				for method, more := range map[string]string{"tasks/get": "", "tasks/update": `,"inputResponses":{}`, "tasks/cancel": ""} {
					theirs, none := aboutTask(c.token, method, id, more), aboutTask(c.token, method, "tsk_nobody", more)
					theirs.path, none.path = c.path, c.path
					got, want := h.send(t, theirs), h.send(t, none)
					if got.Code != http.StatusBadRequest || got.Body.String() != strings.ReplaceAll(want.Body.String(), "tsk_nobody", id) || !strings.Contains(got.Body.String(), "-32602") {
						t.Errorf("%s: got %d %s; want the bytes for what is not there, %s", method, got.Code, got.Body, want.Body)
					}
				}
			})
		})
	}
}

func TestTasksAreForClientsThatDeclareThem(t *testing.T) {
	h := newHouse(t)
	id := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
	wrong := aboutTask("alice", "tasks/get", id, "")
	wrong.header["Mcp-Name"] = "tsk_other"
	for name, c := range map[string]struct {
		note note
		code int
		want string
	}{
		"get without declaring":      {stateless("alice", "tasks/get", id, `"taskId":"`+id+`"`), 400, `"code":-32021,"message":"Missing required client capability","data":{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}`},
		"update without declaring":   {stateless("alice", "tasks/update", id, `"taskId":"`+id+`","inputResponses":{}`), 400, `"code":-32021`},
		"cancel without declaring":   {stateless("alice", "tasks/cancel", id, `"taskId":"`+id+`"`), 400, `"code":-32021`},
		"declared as something else": {declaring(`{"extensions":{"io.modelcontextprotocol/tasks":true}}`, "alice", "tasks/get", id, `"taskId":"`+id+`"`), 400, `"code":-32021`},
		"declared":                   {aboutTask("alice", "tasks/get", id, ""), 200, `"taskId":"` + id + `"`},
		"another id in header":       {wrong, 400, `"code":-32020`},
		"no id":                      {declaring(withTasks, "alice", "tasks/get", "", ""), 400, `-3202`},
		"no responses":               {aboutTask("alice", "tasks/update", id, ""), 400, `"code":-32602`},
		"tasks/list":                 {declaring(withTasks, "alice", "tasks/list", "", ""), 404, `"code":-32601`},
		"tasks/result":               {aboutTask("alice", "tasks/result", id, ""), 404, `"code":-32601`},
		"a call without":             {call("alice", "crm__delete_contact", `{}`), 200, `"isError":true`},
		"a prompt":                   {declaring(withTasks, "alice", "prompts/get", "crm__greet", `"name":"crm__greet"`), 200, `"resultType":"complete"`},
		"a call that needs no yes":   {callForTask("alice", "crm__get_contact", `{}`), 200, `"resultType":"complete"`},
	} {
		if w := h.send(t, c.note); w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: got %d %s; want %d and %s", name, w.Code, w.Body, c.code, c.want)
		}
	}
	session := h.begin(t, "alice", "2025-11-25", withTasks)
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":2,"method":"tasks/get","params":{"taskId":"` + id + `"}}`,
		`{"jsonrpc":"2.0","id":2,"method":"tasks/cancel","params":{"taskId":"` + id + `"}}`,
	} {
		if w := h.send(t, session.with(body)); !strings.Contains(w.Body.String(), `"code":-32601`) {
			t.Errorf("got %s in a session; want no such method", w.Body)
		}
	}
	w := h.send(t, session.with(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"crm__delete_contact","arguments":{}}}`))
	if strings.Contains(w.Body.String(), "taskId") {
		t.Errorf("got %s in a session; want no task", w.Body)
	}
}

func TestEqualTasksAreOneExecution(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		first := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		held := h.start(ctx, call("alice", "crm__delete_contact", `{}`))
		newest := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
		synctest.Wait()
		if n := len(h.pending(t)); n != 1 {
			t.Fatalf("got %d requests; want one", n)
		}
		h.decide(t, "approve")
		if got := read(t, (<-held).Body); got.reason() != "superseded" {
			t.Errorf("got %q of the held call; want superseded", got.reason())
		}
		if got := h.wantStatus(t, first, "completed"); !strings.Contains(got.text(), `"code":"SUPERSEDED"`) {
			t.Errorf("got %s of the first; want superseded", got.Result)
		}
		if got := h.wantStatus(t, newest, "completed"); !strings.Contains(got.text(), "done") || len(h.upstreams.got()) != 1 {
			t.Errorf("got %s, %d calls; want the newest to go through alone", got.Result, len(h.upstreams.got()))
		}
	})
}

func TestEqualTasksOfTwoInstancesAreOneExecution(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		other := h.another(t)
		other.follow(ctx)
		var ids []string
		for _, i := range []*instance{h.instance, other, h.instance, other} {
			ids = append(ids, i.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`)))
		}
		h.decide(t, "approve")
		ran := 0
		for _, id := range ids {
			got := other.wantStatus(t, id, "completed")
			if strings.Contains(got.text(), "done") {
				ran++
			} else if !strings.Contains(got.text(), `"code":"SUPERSEDED"`) {
				t.Errorf("got %s; want superseded", got.Result)
			}
		}
		if n := len(h.upstreams.got()); ran != 1 || n != 1 {
			t.Errorf("got %d tasks done and %d calls; want one", ran, n)
		}
	})
}

func (w view) Absent(ctx context.Context, subject ostiary.Subject, session ostiary.SessionID, _ netip.Addr) (*ostiary.Principal, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.tokens {
		if p.Subject == subject && p.Session == session {
			return w.at(ctx, p)
		}
	}
	return nil, identity.ErrInvalidToken
}
