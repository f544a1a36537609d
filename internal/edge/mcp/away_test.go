package mcp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/policy"
)

// A job is an upstream that goes on with every call as a task, "their 1",
// "their 2" …, and says of it what the test says.
type job struct {
	mu    sync.Mutex
	n     int
	made  string // members besides resultType and taskId
	now   string
	id    string // what it calls every task instead; "" each its own
	fault string // what it answers about tasks instead; "" none
	err   error
}

const working = `"status":"working","createdAt":"2026-11-21T09:00:00.5Z","lastUpdatedAt":"2026-11-21T09:00:00Z","ttlMs":600000 ,"pollIntervalMs":100,"x-new":18446744073709551615`

const finished = `"status":"completed", "createdAt":"2026-11-21T09:00:00.5Z","lastUpdatedAt":"2026-11-21T09:00:01Z","ttlMs":600000,"result":{"content":[ ],"resultType":"complete","huge":12345678901234567890,"x":"<&>"}`

// jobs has every app go on with calls as tasks.
func (h *house) jobs() *job {
	j := &job{made: working, now: working}
	h.upstreams.mu.Lock()
	h.upstreams.tasks = true
	h.upstreams.mu.Unlock()
	h.upstreams.answers(func(_ context.Context, s sent, _ func([]byte)) (upstream.Reply, error) { return j.answer(s) })
	return j
}

func (j *job) set(now string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.now = now
}

func (j *job) answer(s sent) (upstream.Reply, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	asked, _ := wire.LookupText([]byte(s.Params), "taskId")
	reply := upstream.Reply{Era: wire.Version20260728}
	switch {
	case s.Method == wire.MethodToolsCall:
		j.n++
		asked = fmt.Sprint("their ", j.n)
		if j.id != "" {
			asked = j.id
		}
		reply.Result = []byte(`{"resultType":"task","taskId":"` + asked + `",` + j.made + `}`)
	case j.err != nil:
		return reply, j.err
	case j.fault != "":
		reply.Err = []byte(j.fault)
	case s.Method == wire.MethodTasksGet:
		if j.id != "" {
			asked = j.id
		}
		reply.Result = []byte(`{"taskId":"` + asked + `",` + j.now + `,"resultType":"complete"}`)
	default:
		reply.Result = []byte(`{"resultType":"complete","extra":1}`)
	}
	return reply, nil
}

// asks are the messages about tasks that went upstream.
func (h *house) told() []string {
	var all []string
	for _, s := range h.upstreams.got() {
		if id, ok := wire.LookupText([]byte(s.Params), "taskId"); ok {
			all = append(all, s.Method+" "+id+" "+string(s.Who.Tenant)+"/"+string(s.Who.Subject))
		}
	}
	return all
}

func readCall(token string) note { return callForTask(token, "crm__get_contact", `{"id":"1"}`) }

func TestAnUpstreamsTaskStandsBehindOneOfOurs(t *testing.T) {
	h := newHouse(t)
	j := h.jobs()
	w := h.send(t, readCall("alice"))
	id := readTask(t, w).TaskID
	if want := `{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","taskId":"` + id + `",` + working + `}}`; w.Body.String() != want || strings.Contains(id, "their") {
		t.Errorf("got %s; want the upstream's bytes under an id of ours", w.Body)
	}
	if !h.upstreams.takes {
		t.Error("got a call that takes no task")
	}
	for _, now := range []string{working, finished, finished} {
		j.set(now)
		w = h.send(t, aboutTask("alice", "tasks/get", id, `,"x":12345678901234567890`))
		if want := `{"jsonrpc":"2.0","id":1,"result":{"taskId":"` + id + `",` + now + `,"resultType":"complete"}}`; w.Body.String() != want {
			t.Errorf("got  %s\nwant %s", w.Body, want)
		}
	}
	update := h.send(t, aboutTask("alice", "tasks/update", id, `,"inputResponses":{"k":{"action":"accept","content":{"n":12345678901234567890}}}`))
	cancel := h.send(t, aboutTask("alice", "tasks/cancel", id, ""))
	for _, w := range []string{update.Body.String(), cancel.Body.String()} {
		if w != `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete"}}` {
			t.Errorf("got %s; want an empty acknowledgement", w)
		}
	}
	get := "tasks/get their 1 acme/alice"
	if want := []string{get, get, get, "tasks/update their 1 acme/alice", "tasks/cancel their 1 acme/alice"}; !slices.Equal(h.told(), want) {
		t.Errorf("got %q; want %q", h.told(), want)
	}
	if sent := h.upstreams.got(); !strings.Contains(sent[1].Params, `"x":12345678901234567890`) || !strings.Contains(sent[4].Params, `"inputResponses":{"k":{"action":"accept","content":{"n":12345678901234567890}}}`) {
		t.Errorf("got %+v; want the client's bytes", sent)
	}
}

func TestTheEndOfAnUpstreamsTaskIsRecordedOnceWhenItIsKnown(t *testing.T) {
	for now, want := range map[string]audit.Status{
		finished: audit.StatusOK,
		`"status":"completed","result":{"content":[],"isError":true}`:        audit.StatusError,
		`"status":"failed","error":{"code":-32603,"message":"it is broken"}`: audit.StatusError,
		`"status":"cancelled"`: audit.StatusError,
	} {
		h := newHouse(t)
		j := h.jobs()
		id := h.taskOf(t, readCall("alice"))
		h.get(t, "alice", id)
		j.set(now)
		other := h.another(t)
		for _, i := range []*instance{h.instance, other, h.instance} {
			i.get(t, "alice", id)
		}
		var calls []string
		for _, e := range h.book.entries {
			if e.Kind == audit.KindIntent || e.Kind == audit.KindOutcome {
				one := string(e.Kind) + " " + e.Event + " " + e.Target + " " + string(e.Actor.Subject)
				if e.Upstream != nil {
					one += " " + string(e.Upstream.Status)
				}
				calls = append(calls, one)
			}
			if e.CallID != h.book.entries[0].CallID {
				t.Errorf("got call %s; want all under %s", e.CallID, h.book.entries[0].CallID)
			}
		}
		if want := []string{"intent   alice", "outcome entrusted " + id + " alice ok", "outcome  " + id + " alice " + string(want)}; !slices.Equal(calls, want) {
			t.Errorf("got %q; want %q", calls, want)
		}
	}
}

func TestAnUpdateOfAnUpstreamsTaskIsARoundOfItsCall(t *testing.T) {
	h := newHouse(t)
	h.jobs()
	id := h.taskOf(t, readCall("alice"))
	for range 2 {
		h.send(t, aboutTask("alice", "tasks/update", id, `,"inputResponses":{}`))
	}
	var intents []string
	for _, e := range h.book.entries {
		if e.Kind == audit.KindIntent {
			intents = append(intents, string(e.CallID)+" "+e.Detail["round"])
		}
	}
	call := string(h.book.entries[0].CallID)
	if want := []string{call + " ", call + " 2", call + " 3"}; !slices.Equal(intents, want) || len(h.book.outcomes()) != 3 {
		t.Errorf("got intents %q and %d outcomes; want %q, each with its outcome", intents, len(h.book.outcomes()), want)
	}
}

func TestAClientThatTakesNoTaskIsNotGivenOne(t *testing.T) {
	h := newHouse(t)
	j := h.jobs()
	session := h.begin(t, "alice", "2025-11-25", withTasks)
	for name, n := range map[string]note{
		"undeclared": call("alice", "crm__get_contact", `{}`),
		"a session":  session.with(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crm__get_contact","arguments":{}}}`),
		"a prompt":   declaring(withTasks, "alice", "prompts/get", "crm__greet", `"name":"crm__greet"`),
	} {
		h.upstreams.answers(func(_ context.Context, s sent, _ func([]byte)) (upstream.Reply, error) {
			s.Method = wire.MethodToolsCall // it makes a task of everything
			return j.answer(s)
		})
		w := h.send(t, n)
		if h.upstreams.takes || strings.Contains(w.Body.String(), "taskId") || !strings.Contains(w.Body.String(), `"code":-32603`) {
			t.Errorf("%s: got %s, takes %v; want no task", name, w.Body, h.upstreams.takes)
		}
	}
	h.jobs()
	h.upstreams.tasks = false // nor is it told to who has none
	if w := h.send(t, readCall("alice")); h.upstreams.takes || strings.Contains(w.Body.String(), "taskId") {
		t.Errorf("got %s of an app without tasks", w.Body)
	}
}

func TestAnUpstreamsTaskIsNobodyElses(t *testing.T) {
	h := newHouse(t)
	h.jobs()
	h.wallet.public = &ostiary.Principal{Anonymous: true, Tier: ostiary.TierWrite, Scopes: []string{"mcp:write"}, Apps: ostiary.Selection{All: true}, Tools: ostiary.Selection{All: true}, Resources: []string{"*"}}
	id := h.taskOf(t, readCall("alice"))
	for name, c := range map[string]struct{ token, path string }{
		"another person":   {"bob", ""},
		"another session":  {"alice2", ""},
		"another endpoint": {"alice", "/crm/mcp"},
		"nobody":           {"", ""},
	} {
		for method, more := range map[string]string{"tasks/get": "", "tasks/update": `,"inputResponses":{}`, "tasks/cancel": ""} {
			theirs, none := aboutTask(c.token, method, id, more), aboutTask(c.token, method, "their 1", more)
			theirs.path, none.path = c.path, c.path
			got, want := h.send(t, theirs), h.send(t, none)
			if got.Code != http.StatusBadRequest || got.Body.String() != strings.ReplaceAll(want.Body.String(), "their 1", id) {
				t.Errorf("%s, %s: got %d %s; want the bytes for what is not there", name, method, got.Code, got.Body)
			}
		}
	}
	if told := h.told(); len(told) != 0 {
		t.Errorf("got %q upstream; want nothing", told)
	}
	// Who signed in nowhere has tasks, too, known by their ids alone.
	anonymous := h.taskOf(t, readCall(""))
	h.get(t, "", anonymous)
	if w := h.send(t, aboutTask("bob", "tasks/get", anonymous, "")); w.Code != http.StatusBadRequest {
		t.Errorf("got %d %s; want nothing told to bob", w.Code, w.Body)
	}
}

func TestWhoMayNotCallAnyMoreHearsNothingOfAnUpstreamsTask(t *testing.T) {
	change := func(edit func(*ostiary.Principal)) func(*house) {
		return func(h *house) { h.wallet.change("alice", edit) }
	}
	for name, c := range map[string]struct {
		lower func(*house)
		code  int
		want  string
	}{
		"a closed app":    {change(func(p *ostiary.Principal) { p.Apps = ostiary.Selection{} }), 200, `"code":"AUTHORIZATION_REQUIRED"`},
		"another consent": {change(func(p *ostiary.Principal) { p.Tools = ostiary.Selection{IDs: []string{"crm:export"}} }), 200, `"code":"TOOL_NOT_CONSENTED"`},
		"a lowered tier":  {change(func(p *ostiary.Principal) { p.Tier, p.Scopes = ostiary.TierRead, []string{"mcp:read"} }), 403, `"code":"INSUFFICIENT_SCOPE"`},
		"a lost site":     {change(func(p *ostiary.Principal) { p.Sites = []ostiary.Site{"site-B"} }), 200, `"code":"SITE_NOT_ALLOWED"`},
		"a revoked token": {func(h *house) { h.wallet.revoke("alice") }, 401, `token is not good`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			j := h.jobs()
			id := h.taskOf(t, callForTask("alice", "crm__move_contact", `{"siteId":"site-A"}`))
			j.set(finished)
			h.send(t, aboutTask("alice", "tasks/update", id, `,"inputResponses":{}`)) // which goes through before
			h.get(t, "alice", id)
			before := len(h.told())
			c.lower(h)
			for _, n := range []note{aboutTask("alice", "tasks/get", id, ""), aboutTask("alice", "tasks/update", id, `,"inputResponses":{}`)} {
				if w := h.send(t, n); w.Code != c.code || !strings.Contains(w.Body.String(), c.want) || strings.Contains(w.Body.String(), "huge") {
					t.Errorf("got %d %s; want %d and %s", w.Code, w.Body, c.code, c.want)
				}
			}
			if after := len(h.told()); before != 2 || after != before {
				t.Errorf("got %d messages upstream, then %d; want 2 and no more", before, after)
			}
		})
	}
}

func TestANoEndsWhatAYesBegan(t *testing.T) {
	for _, how := range []string{"block", "revoke"} {
		tasking(t, func(_ context.Context, t *testing.T, h *house) {
			h.jobs()
			id := h.taskOf(t, callForTask("alice", "crm__delete_contact", `{}`))
			r, err := h.approvals.Decide(t.Context(), h.pending(t)[0].ID, h.decider("alice"), approval.Answer{Decision: approval.Approve, Scope: approval.Session}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			h.wantStatus(t, id, "working")
			update := func() string {
				return h.send(t, aboutTask("alice", "tasks/update", id, `,"inputResponses":{}`)).Body.String()
			}
			if got := update(); !strings.Contains(got, `"result":{"resultType":"complete"}`) {
				t.Fatalf("got %s; want it to go on", got)
			}
			if how == "block" {
				h.upstreams.answers(nil)
				h.send(t, callForTask("alice2", "crm__delete_contact", `{}`))
				if _, err := h.approvals.Decide(t.Context(), h.pending(t)[0].ID, h.decider("alice"), approval.Answer{Decision: approval.Block}, time.Hour); err != nil {
					t.Fatal(err)
				}
			} else if _, err := h.approvals.Revoke(t.Context(), r.GrantID, approval.Revoker{Source: "user"}, ""); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			h.jobs()
			before := len(h.told())
			if got := update(); !strings.Contains(got, `"code":"APPROVAL_DENIED"`) || len(h.told()) != before {
				t.Errorf("%s: got %s; want no more input passed on", how, got)
			}
			// What a yes let begin is told of after it has ended, but not against a no.
			w := h.send(t, aboutTask("alice", "tasks/get", id, ""))
			if told := w.Code == http.StatusOK && strings.Contains(w.Body.String(), `"status":"working"`); told != (how == "revoke") {
				t.Errorf("%s: got %d %s", how, w.Code, w.Body)
			}
		})
	}
}

func TestAYesAndAnUpstreamsTaskAreOneTask(t *testing.T) {
	tasking(t, func(_ context.Context, t *testing.T, h *house) {
		j := h.jobs()
		made := readTask(t, h.send(t, callForTask("alice", "crm__delete_contact", `{}`)))
		h.decide(t, "approve")
		got := h.wantStatus(t, made.TaskID, "working")
		if !got.CreatedAt.Equal(made.CreatedAt) || got.TTLMs != made.TTLMs || got.PollIntervalMs != 100 || len(h.told()) != 1 {
			t.Errorf("got %+v after %+v; want the same task, in the upstream's words", got, made)
		}
		j.set(finished)
		if got := h.wantStatus(t, made.TaskID, "completed"); !strings.Contains(got.text(), `"huge":12345678901234567890`) {
			t.Errorf("got %s; want the upstream's result", got.Result)
		}
		if got := h.book.outcomes(); len(got) != 2 || got[1] != audit.StatusOK {
			t.Errorf("got outcomes %v; want that it was taken on, and that it ended", got)
		}
		h.silence() // nobody takes over what an app goes on with
		h.wantStatus(t, made.TaskID, "completed")
		if n := j.n; n != 1 {
			t.Errorf("got %d calls; want one", n)
		}
	})
}

func TestATaskThatNeverEndsIsRecordedAsNotKnown(t *testing.T) {
	tasking(t, func(ctx context.Context, t *testing.T, h *house) {
		j := h.jobs()
		j.made = strings.Replace(working, "600000 ", "null", 1)
		j.now = j.made
		h.another(t).follow(ctx)
		id := h.taskOf(t, readCall("alice"))
		for range 6 {
			h.clock.move(24 * time.Hour)
			time.Sleep(10 * time.Second)
			h.wantStatus(t, id, "working")
		}
		h.clock.move(25 * time.Hour)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := h.book.outcomes(); len(got) != 2 || got[1] != audit.StatusUnknown {
			t.Errorf("got outcomes %v; want that nobody knows, once over two instances", got)
		}
	})
}

func TestWhatAnUpstreamForgotIsUnknownAndRecorded(t *testing.T) {
	h := newHouse(t)
	j := h.jobs()
	id := h.taskOf(t, readCall("alice"))
	j.err = errors.New("broken")
	if w := h.send(t, aboutTask("alice", "tasks/get", id, "")); !strings.Contains(w.Body.String(), `"code":-32603`) || len(h.book.outcomes()) != 1 {
		t.Errorf("got %s, outcomes %v; want to be told to ask later", w.Body, h.book.outcomes())
	}
	j.err, j.fault = nil, `{"code":-32050,"message":"busy","data":18446744073709551615}`
	if w := h.send(t, aboutTask("alice", "tasks/get", id, "")); !strings.Contains(w.Body.String(), j.fault) {
		t.Errorf("got %s; want the upstream's error", w.Body)
	}
	j.fault = ""
	h.get(t, "alice", id)
	j.fault = `{"code":-32602,"message":"no their 1"}`
	for range 2 {
		for method, more := range map[string]string{"tasks/get": "", "tasks/update": `,"inputResponses":{}`, "tasks/cancel": ""} {
			w := h.send(t, aboutTask("alice", method, id, more))
			if want := `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown task: ` + id + `"}}`; w.Body.String() != want {
				t.Errorf("%s: got %s; want %s", method, w.Body, want)
			}
		}
	}
	ends := 0
	for _, e := range h.book.entries {
		if e.Kind == audit.KindOutcome && e.Target == id && e.Event == "" {
			ends++
		}
	}
	if ends != 1 {
		t.Errorf("got %d ends recorded; want one", ends)
	}
}

func TestOfManyUpstreamTasksAsManyAreOpenAsMay(t *testing.T) {
	h := newHouse(t)
	j := h.jobs()
	var ids []string
	for range 64 {
		ids = append(ids, h.taskOf(t, readCall("alice")))
	}
	h.upstreams.takes = true
	w := h.send(t, readCall("alice"))
	if h.upstreams.takes || strings.Contains(w.Body.String(), `"taskId"`) {
		t.Errorf("got %s; want it not offered to make a task", w.Body)
	}
	h.taskOf(t, readCall("bob"))
	j.set(finished)
	h.get(t, "alice", ids[0])
	h.taskOf(t, readCall("alice"))
	h.get(t, "alice", ids[0]) // what ended is told still
}

func TestAnUpdateThatNeedsAYesByNowIsToldSoInWords(t *testing.T) {
	h := newHouse(t)
	h.jobs()
	id := h.taskOf(t, readCall("alice"))
	stricter, err := policy.Compile(policy.Config{Entries: append(rules(), policy.Entry{Match: "crm:get_*", Approval: &policy.Approval{
		Required: true, DefaultScope: "session", Scopes: []string{"session"}, MaxTTL: time.Hour, Risk: policy.RiskHigh,
	}})})
	if err != nil {
		t.Fatal(err)
	}
	h.rules = stricter
	other := h.another(t)
	update := declaring(withTasksAndURL, "alice", "tasks/update", id, `"taskId":"`+id+`","inputResponses":{}`)
	if w := other.send(t, update); !strings.Contains(w.Body.String(), `"code":"APPROVAL_REQUIRED"`) || strings.Contains(w.Body.String(), "input_required") || len(h.told()) != 0 {
		t.Errorf("got %s, %q upstream; want to be told in words, and nothing passed on", w.Body, h.told())
	}
	r := h.pending(t)[0]
	if _, err := h.approvals.Decide(t.Context(), r.ID, h.decider("alice"), approval.Answer{Decision: approval.Approve}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if w := other.send(t, update); !strings.Contains(w.Body.String(), `{"resultType":"complete"}`) || len(h.told()) != 1 {
		t.Errorf("got %s, %q upstream; want it passed on after the yes", w.Body, h.told())
	}
}
