package e2e_test

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

const (
	metaVersion      = "io.modelcontextprotocol/protocolVersion"
	metaCapabilities = "io.modelcontextprotocol/clientCapabilities"
	tasksExtension   = "io.modelcontextprotocol/tasks"
)

// object is a JSON object.
type object = map[string]any

// A taskServer is an MCP server of 2026-07-28 with the tasks extension
// (SEP-2663) and the tools that the conformance suite's scenarios call; no
// official server has them. A plain one has the same tools without tasks: a
// call is answered when it is over.
type taskServer struct {
	url   string
	plain bool

	mu   sync.Mutex
	jobs map[string]*job
}

// A job is a task: an object as tasks/get tells it.
type job struct {
	object
	left object // what the person has still to answer
	then object // what it comes to after that
}

func newTaskServer(t *testing.T, plain bool) *taskServer {
	t.Helper()
	s := &taskServer{plain: plain, jobs: map[string]*job{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL + "/mcp"
	return s
}

// A taskMessage is a request to the server.
type taskMessage struct {
	ID     any
	Method string
	Params struct {
		Name      string
		TaskID    string
		Arguments struct {
			Name    string
			Seconds float64
		}
		InputResponses map[string]struct{ Content object }
		Meta           map[string]any `json:"_meta"`
	}
}

// declared says whether the client can take tasks.
func (m taskMessage) declared() bool {
	capabilities, _ := m.Params.Meta[metaCapabilities].(object)
	extensions, _ := capabilities["extensions"].(object)
	return extensions[tasksExtension] != nil
}

// routed says whether the headers equal the body. The extension wants
// Mcp-Name to be a task's id.
func (m taskMessage) routed(h http.Header) bool {
	return h.Get("Mcp-Protocol-Version") == m.Params.Meta[metaVersion] &&
		h.Get("Mcp-Method") == m.Method &&
		(h.Get("Mcp-Name") == m.Params.Name+m.Params.TaskID || m.Method == "tasks/result" || m.Method == "tasks/list")
}

// A taskFault is a JSON-RPC error with its HTTP status.
type taskFault struct {
	status, code int
	message      string
	data         any
}

func invalid(message string) *taskFault { return &taskFault{400, -32602, message, nil} }

var undeclared = &taskFault{
	400, -32021, "Missing required client capability",
	object{"requiredCapabilities": object{"extensions": object{tasksExtension: object{}}}},
}

func (s *taskServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m taskMessage
	if r.Method != http.MethodPost {
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	result, fault := s.answer(r, m)
	said := object{"jsonrpc": "2.0", "id": m.ID}
	w.Header().Set("Content-Type", "application/json")
	if fault != nil {
		said["error"] = object{"code": fault.code, "message": fault.message, "data": fault.data}
		w.WriteHeader(fault.status)
	} else {
		said["result"] = result
	}
	_ = json.NewEncoder(w).Encode(said)
}

func (s *taskServer) answer(r *http.Request, m taskMessage) (object, *taskFault) {
	if !m.routed(r.Header) {
		return nil, &taskFault{400, -32020, "the headers are not those of the body", nil}
	}
	switch m.Method {
	case "server/discover":
		return object{
			"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "supportedVersions": []string{modern},
			"capabilities": object{"tools": object{}, "extensions": object{tasksExtension: object{}}},
		}, nil
	case "tools/list":
		return object{"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "tools": taskTools()}, nil
	case "tools/call":
		if s.plain {
			return callPlainly(r, m)
		}
		return s.call(r, m)
	case "tasks/get", "tasks/update", "tasks/cancel":
		return s.aboutTask(m)
	default:
		return nil, &taskFault{404, -32601, "Method not found: " + m.Method, nil}
	}
}

func taskTools() []object {
	var tools []object
	for _, name := range []string{"confirm_delete", "failing_job", "greet", "multi_input", "protocol_error_job", "slow_compute", "test_tool_with_task"} {
		tools = append(tools, object{"name": name, "inputSchema": object{"type": "object"}})
	}
	return tools
}

// call answers tools/call. Only the server decides what becomes a task.
func (s *taskServer) call(r *http.Request, m taskMessage) (object, *taskFault) {
	slow := time.Duration(m.Params.Arguments.Seconds * float64(time.Second))
	switch name := m.Params.Name; {
	case name == "greet":
		return textResult("Hello, "+m.Params.Arguments.Name+"!", false), nil
	case name == "slow_compute" && !m.declared():
		select {
		case <-time.After(min(slow, soon)): // who can't take tasks shall not wait for them
		case <-r.Context().Done():
		}
		return textResult("computed", false), nil
	case !m.declared():
		return nil, undeclared
	case name == "slow_compute":
		return s.begin(slow, object{"status": "completed", "result": textResult("computed", false)}), nil
	case name == "failing_job":
		return s.begin(soon, object{"status": "completed", "result": textResult("it failed", true)}), nil
	case name == "protocol_error_job":
		return s.begin(soon, object{"status": "failed", "error": object{"code": -32603, "message": "the server broke"}}), nil
	case name == "confirm_delete":
		return s.beginAsking(object{rand.Text(): asksFor("Delete it?", "confirm")}, "deleted"), nil
	case name == "multi_input":
		return s.beginAsking(object{rand.Text(): asksFor("First?", "name"), rand.Text(): asksFor("Second?", "name")}, "both"), nil
	case name == "test_tool_with_task":
		return s.askThenBegin(m), nil
	default:
		return nil, invalid("Unknown tool: " + name)
	}
}

// callPlainly answers tools/call of a plain server.
func callPlainly(r *http.Request, m taskMessage) (object, *taskFault) {
	switch m.Params.Name {
	case "greet":
		return textResult("Hello, "+m.Params.Arguments.Name+"!", false), nil
	case "slow_compute":
		select {
		case <-time.After(time.Duration(m.Params.Arguments.Seconds * float64(time.Second))):
		case <-r.Context().Done():
		}
		return textResult("computed", false), nil
	case "failing_job":
		return textResult("it failed", true), nil
	case "protocol_error_job":
		return nil, &taskFault{200, -32603, "the server broke", nil}
	default:
		return nil, invalid("Unknown tool: " + m.Params.Name)
	}
}

// soon is how long a quick task works.
const soon = 300 * time.Millisecond

func textResult(text string, isError bool) object {
	return object{"resultType": "complete", "content": []object{{"type": "text", "text": text}}, "isError": isError}
}

func asksFor(message, field string) object {
	return object{"method": "elicitation/create", "params": object{"mode": "form", "message": message, "requestedSchema": object{
		"type": "object", "properties": object{field: object{"type": "string"}}, "required": []string{field},
	}}}
}

// askThenBegin asks before there is a task, and makes one of the answer.
func (s *taskServer) askThenBegin(m taskMessage) object {
	if name, _ := m.Params.InputResponses["user_name"].Content["name"].(string); name != "" {
		return s.begin(0, object{"status": "completed", "result": textResult("Hello, "+name, false)})
	}
	return object{"resultType": "input_required", "inputRequests": object{"user_name": asksFor("Your name?", "name")}}
}

// begin makes a task that works for a while and then comes to an end.
func (s *taskServer) begin(work time.Duration, end object) object {
	j := s.add()
	time.AfterFunc(work, func() { s.change(j, end) })
	return s.told(j, "task")
}

// beginAsking makes a task that soon asks, and ends with the last answer.
func (s *taskServer) beginAsking(questions object, end string) object {
	j := s.add()
	j.left, j.then = questions, object{"status": "completed", "result": textResult(end, false)}
	time.AfterFunc(soon, func() { s.change(j, object{"status": "input_required", "inputRequests": maps.Clone(questions)}) })
	return s.told(j, "task")
}

func (s *taskServer) add() *job {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	j := &job{object: object{
		"taskId": rand.Text(), "status": "working", "createdAt": now, "lastUpdatedAt": now, "ttlMs": 600000, "pollIntervalMs": 100,
	}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs[j.object["taskId"].(string)] = j
	return j
}

// told is a task in an answer.
func (s *taskServer) told(j *job, resultType string) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := maps.Clone(j.object)
	told["resultType"] = resultType
	return told
}

// change changes a task that has not ended.
func (s *taskServer) change(j *job, to object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.change(to)
}

func (j *job) change(to object) {
	if status := j.object["status"]; status != "working" && status != "input_required" {
		return
	}
	delete(j.object, "inputRequests")
	maps.Copy(j.object, to)
	j.object["lastUpdatedAt"] = time.Now().UTC().Format(time.RFC3339Nano)
}

// aboutTask answers what is asked about a task.
func (s *taskServer) aboutTask(m taskMessage) (object, *taskFault) {
	if !m.declared() {
		return nil, undeclared
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[m.Params.TaskID]
	switch {
	case j == nil:
		return nil, invalid("Task not found")
	case m.Method == "tasks/get":
		told := maps.Clone(j.object)
		told["resultType"] = "complete"
		return told, nil
	case m.Method == "tasks/cancel":
		j.change(object{"status": "cancelled"})
	case j.object["status"] == "input_required":
		j.answered(m)
	}
	return object{"resultType": "complete"}, nil
}

// answered takes answers, some or all; unknown ones are ignored.
func (j *job) answered(m taskMessage) {
	for key := range m.Params.InputResponses {
		delete(j.left, key)
	}
	if len(j.left) == 0 {
		j.change(j.then)
		return
	}
	j.change(object{"inputRequests": maps.Clone(j.left)})
}
