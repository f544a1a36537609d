package mcp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

func TestAnUpstreamCanNotNameWhatIsSomebodyElses(t *testing.T) {
	h := newHouse(t)
	j := h.jobs()
	j.id = "the same"
	mine := h.taskOf(t, readCall("alice"))
	if again := h.taskOf(t, readCall("alice")); again != mine {
		t.Errorf("got %s and %s for one task of one person", mine, again)
	}
	for _, token := range []string{"bob", "alice2"} {
		w := h.send(t, readCall(token))
		if !strings.Contains(w.Body.String(), `"code":-32603`) || strings.Contains(w.Body.String(), "the same") {
			t.Errorf("%s: got %s; want a task of alice's not passed on", token, w.Body)
		}
	}
	if told := h.told(); len(told) != 0 {
		t.Errorf("got %q; want alice's task left alone", told)
	}
	h.get(t, "alice", mine)
	j.id = "another"
	if w := h.send(t, aboutTask("alice", "tasks/get", mine, "")); !strings.Contains(w.Body.String(), `"code":-32603`) {
		t.Errorf("got %s; want what is said of another task not passed on", w.Body)
	}
}

func TestWhatAnUpstreamMayNotSayOfItsTaskIsNotPassedOn(t *testing.T) {
	ask := func(key, method, params string) string {
		return `"status":"input_required","inputRequests":{"` + key + `":{"method":"` + method + `","params":` + params + `}}`
	}
	const formAsked = `{"mode":"form","message":"m","requestedSchema":{"type":"object"},"x":12345678901234567890}`
	for name, c := range map[string]struct {
		now          string
		capabilities string
		code         int
		want, never  string
	}{
		"what the client declared":            {ask("k", "elicitation/create", formAsked), `{"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}`, 200, formAsked, "their"},
		"what it did not declare":             {ask("k", "elicitation/create", formAsked), withTasks, 400, `"code":-32021`, "their"},
		"what the operator does not allow":    {ask("k", "sampling/createMessage", `{}`), `{"sampling":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}`, 200, `does not allow it to: sampling/createMessage`, "inputRequests"},
		"what no client has":                  {ask("k", "tools/call", `{}`), withTasks, 200, `no client has`, "inputRequests"},
		"questions of a task that works":      {`"status":"working","inputRequests":{"k":{"method":"sampling/createMessage","params":{}}}`, withTasks, 200, `"status":"working"`, "inputRequests"},
		"questions in a result":               {`"status":"completed","result":{"resultType":"input_required","inputRequests":{}}`, withTasks, 200, `"result":{"resultType":"complete"`, "\"input_required\""},
		"a state":                             {`"status":"working","requestState":"s"`, withTasks, 200, `"status":"working"`, "requestState"},
		"the gateway's words":                 {`"status":"completed","_meta":{"dev.ostiary/decision":1,"a":1},"result":{"_meta":{"dev.ostiary/decision":2,"b":2}}`, withTasks, 200, `"_meta":{"b":2}`, "ostiary/decision"},
		"the gateway's words in an error":     {`"status":"failed","error":{"code":1,"message":"m","data":{"_meta":{"dev.ostiary/decision":2,"b":2}}}`, withTasks, 200, `"_meta":{"b":2}`, "ostiary/decision"},
		"no status":                           {`"x":1`, withTasks, 200, `"code":-32603`, "their"},
		"a status that is none":               {`"status":"sleeping"`, withTasks, 200, `"code":-32603`, "sleeping"},
		"two statuses":                        {`"status":"working","status":"completed"`, withTasks, 200, `"code":-32603`, "working"},
		"a status and one that looks like it": {`"status":"working","Status":"completed"`, withTasks, 200, `"code":-32603`, "working"},
		"two ids":                             {`"status":"working","taskId":"other"`, withTasks, 200, `"code":-32603`, "other"},
		"questions that are none":             {`"status":"input_required","inputRequests":[]`, withTasks, 200, `"code":-32603`, "inputRequests"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newAsked(t, upstream.AskElicitation)
			j := h.jobs()
			id := h.taskOf(t, readCall("alice"))
			j.set(c.now)
			w := h.send(t, declaring(c.capabilities, "alice", "tasks/get", id, `"taskId":"`+id+`"`))
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) || strings.Contains(w.Body.String(), c.never) {
				t.Errorf("got %d %s; want %d with %s and without %s", w.Code, w.Body, c.code, c.want, c.never)
			}
		})
	}
}

func TestATaskThatCanNotBeReadIsNotGiven(t *testing.T) {
	for name, made := range map[string]string{
		"no status":    `"x":1`,
		"two ids":      `"status":"working","taskId":"other"`,
		"an older one": `"task":{"taskId":"x"}`,
	} {
		h := newHouse(t)
		j := h.jobs()
		j.made = made
		w := h.send(t, readCall("alice"))
		if !strings.Contains(w.Body.String(), `"code":-32603`) || strings.Contains(w.Body.String(), "their") {
			t.Errorf("%s: got %s; want it not passed on", name, w.Body)
		}
		if got := h.book.outcomes(); len(got) != 1 {
			t.Errorf("%s: got outcomes %v; want one", name, got)
		}
	}
	h := newHouse(t)
	j := h.jobs()
	j.id = strings.Repeat("x", 1025)
	if w := h.send(t, readCall("alice")); !strings.Contains(w.Body.String(), `"code":-32603`) {
		t.Errorf("got %s for an id without end", w.Body)
	}
	j.id, j.made = "", working+`,"inputRequests":{},"requestState":"s","_meta":{"dev.ostiary/decision":1}`
	if w := h.send(t, readCall("alice")); !strings.Contains(w.Body.String(), `"resultType":"task"`) || strings.Contains(w.Body.String(), "inputRequests") || strings.Contains(w.Body.String(), "requestState") || strings.Contains(w.Body.String(), "decision") {
		t.Errorf("got %s; want the task without what it may not have", w.Body)
	}
}

func TestAnUpstreamsTaskIsKnownForItsTime(t *testing.T) {
	const week = 7 * 24 * time.Hour
	for ttl, c := range map[string]struct {
		said string
		kept time.Duration
	}{
		`600000`: {`600000`, 10 * time.Minute}, `0`: {`0`, time.Minute}, `-5`: {`-5`, time.Minute}, `1.5`: {`1.5`, time.Minute},
		`null`: {`604800000`, week}, `"x"`: {`604800000`, week}, `1e300`: {`604800000`, week}, `1e999`: {`604800000`, week},
		`99999999999999999999`: {`604800000`, week}, `604800000`: {`604800000`, week},
	} {
		t.Run(ttl, func(t *testing.T) {
			h := newHouse(t)
			j := h.jobs()
			j.made = strings.Replace(working, "600000 ", ttl, 1)
			j.now = j.made
			w := h.send(t, readCall("alice"))
			id := readTaskID(t, w.Body.Bytes())
			h.clock.move(c.kept - time.Millisecond)
			got := h.send(t, aboutTask("alice", "tasks/get", id, ""))
			for _, said := range []string{w.Body.String(), got.Body.String()} {
				if !strings.Contains(said, `"ttlMs":`+c.said+`,`) {
					t.Errorf("got %s; want ttlMs %s", said, c.said)
				}
			}
			h.clock.move(time.Millisecond)
			if w := h.send(t, aboutTask("alice", "tasks/get", id, "")); w.Code != http.StatusBadRequest {
				t.Errorf("got %d %s after its time; want it unknown", w.Code, w.Body)
			}
		})
	}
}

func readTaskID(t *testing.T, body []byte) string {
	t.Helper()
	id, ok := wire.LookupText(body, "result", "taskId")
	if !ok {
		t.Fatalf("got %s; want a task", body)
	}
	return id
}
