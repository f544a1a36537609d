package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/internal/config"
)

// An inbox is a gateway where requests wait.
type inbox struct {
	mu      sync.Mutex
	waiting []approval.Request // newest first
	said    []string           // "req_1 approve once"
}

func (b *inbox) come(id string, edit ...func(*approval.Request)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := approval.Request{
		ID: id, Status: approval.Pending, Tool: "crm:delete", Subject: "alice", ClientName: "laptop", Risk: "medium",
		Arguments: json.RawMessage(`{"id":"c-1"}`), Scopes: []approval.Scope{approval.Once, approval.Session}, DefaultScope: approval.Once, MaxTTL: 3600,
	}
	for _, e := range edit {
		e(&r)
	}
	b.waiting = slices.Insert(b.waiting, 0, r)
}

func grave(r *approval.Request) { r.Risk = "critical" }

func (b *inbox) leave(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = slices.DeleteFunc(b.waiting, func(r approval.Request) bool { return r.ID == id })
}

func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(map[string]any{"items": b.waiting, "next": ""})
		return
	}
	id := strings.Split(r.URL.Path, "/")[4]
	at := slices.IndexFunc(b.waiting, func(r approval.Request) bool { return r.ID == id })
	if at < 0 {
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, said("already_decided"))
		return
	}
	var a answer
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		panic(err)
	}
	after := b.waiting[at]
	b.waiting = slices.Delete(b.waiting, at, at+1)
	after.Status = map[string]approval.Status{approval.Approve: approval.Approved, approval.Deny: approval.Denied, approval.Block: approval.Denied}[a.Decision]
	b.said = append(b.said, strings.Join(strings.Fields(fmt.Sprint(id, " ", a.Decision, " ", a.Scope, " ", a.Reason)), " "))
	_ = json.NewEncoder(w).Encode(after)
}

// A sitting is somebody at the inbox, step by step.
type sitting struct {
	*inbox
	t         *testing.T
	w         *watcher
	out, errs bytes.Buffer
}

func sit(t *testing.T) *sitting {
	t.Helper()
	s := &sitting{inbox: &inbox{}, t: t}
	server := httptest.NewServer(s.inbox)
	t.Cleanup(server.Close)
	g := newClient(config.Remote{URL: server.URL, Token: "ost_op_x"})
	s.w = newWatcher(&program{ctx: t.Context(), stdout: &s.out, stderr: &s.errs}, g)
	return s
}

func (s *sitting) look() {
	s.t.Helper()
	if err := s.w.look(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// begin is a line that somebody types, as they see things now; it is
// entered by enter.
func (s *sitting) begin(text string) typed { return typed{text: text, lone: int(s.w.lone.Load())} }

func (s *sitting) enter(line typed) { s.w.obey(s.t.Context(), line) }

func (s *sitting) types(text string) { s.enter(s.begin(text)) }

func (s *sitting) want(answers ...string) {
	s.t.Helper()
	if !slices.Equal(s.said, answers) {
		s.t.Errorf("answered %q; want %q\nshown:\n%s%s", s.said, answers, &s.out, &s.errs)
	}
}

// Each story tells what came, went and was typed in which order, and what
// must have been answered at the end.
func TestAnAnswerIsForWhatItsWriterSaw(t *testing.T) {
	for what, story := range map[string]struct {
		tell func(s *sitting)
		want []string
	}{
		"the only one": {func(s *sitting) { s.come("req_1"); s.look(); s.types("y") }, []string{"req_1 approve"}},
		"one by one": {func(s *sitting) {
			s.come("req_1")
			s.look()
			s.types("n because")
			s.come("req_2")
			s.look()
			s.types("y once")
		}, []string{"req_1 deny because", "req_2 approve once"}},
		"the one that is left": {func(s *sitting) {
			s.come("req_1")
			s.come("req_2")
			s.look()
			s.types("2 y")
			s.types("y")
		}, []string{"req_2 approve", "req_1 approve"}},
		"by number and by id": {func(s *sitting) {
			s.come("req_1")
			s.come("req_2")
			s.come("req_3")
			s.look()
			s.types("req_2 n")
			s.types("#3 block no more")
			s.types("1 y session")
		}, []string{"req_2 deny", "req_3 block no more", "req_1 approve session"}},
		"two wait": {func(s *sitting) {
			s.come("req_1")
			s.come("req_2")
			s.look()
			s.types("y")
			s.types("n")
			s.types("s")
		}, nil},
		"another came while it was typed": {func(s *sitting) {
			s.come("req_1")
			s.look()
			line := s.begin("y")
			s.come("req_2")
			s.look()
			s.enter(line)
		}, nil},
		"another came before it was entered": {func(s *sitting) { s.come("req_1"); s.look(); s.come("req_2"); s.look(); s.types("y") }, nil},
		"another took its place": {func(s *sitting) {
			s.come("req_1")
			s.look()
			line := s.begin("y")
			s.leave("req_1")
			s.come("req_2")
			s.look()
			s.enter(line)
		}, nil},
		"another took its place before it was entered": {func(s *sitting) {
			s.come("req_1")
			s.look()
			s.leave("req_1")
			s.look()
			s.come("req_2")
			s.look()
			s.types("y")
		}, nil},
		"another came and went": {func(s *sitting) {
			s.come("req_1")
			s.look()
			s.come("req_2")
			s.look()
			s.leave("req_2")
			s.look()
			s.types("y")
		}, nil},
		"another came and went while it was typed": {func(s *sitting) {
			s.come("req_1")
			s.look()
			line := s.begin("y")
			s.come("req_2")
			s.look()
			s.leave("req_2")
			s.look()
			s.enter(line)
		}, nil},
		"typed before anything came": {func(s *sitting) { line := s.begin("y"); s.come("req_1"); s.look(); s.enter(line) }, nil},
		"typed twice": {func(s *sitting) {
			s.come("req_1")
			s.look()
			first, second := s.begin("y"), s.begin("y")
			s.enter(first)
			s.come("req_2")
			s.look()
			s.enter(second)
		}, []string{"req_1 approve"}},
		"after a refusal one sees clear": {func(s *sitting) {
			s.come("req_1")
			s.look()
			s.leave("req_1")
			s.come("req_2")
			s.look()
			s.types("y")
			s.types("y")
		}, []string{"req_2 approve"}},
		"it is over": {func(s *sitting) {
			s.come("req_1")
			s.look()
			s.leave("req_1")
			s.types("y")
			s.look()
			s.types("y")
		}, nil},
		"nothing waits": {func(s *sitting) { s.look(); s.types("y"); s.types("1 y"); s.types("") }, nil},
		"no such request": {func(s *sitting) {
			s.come("req_1")
			s.look()
			s.types("2 y")
			s.types("0 y")
			s.types("req_2 y")
			s.types("-1 y")
		}, nil},
		"no such answer": {func(s *sitting) {
			s.come("req_1")
			s.look()
			s.types("1 yes")
			s.types("ok")
			s.types("y always")
			s.types("y 100ms")
		}, nil},
		"a number is of one request": {func(s *sitting) {
			s.come("req_1")
			s.look()
			s.types("1 y")
			s.come("req_2")
			s.look()
			s.types("1 y")
			s.types("2 y")
		}, []string{"req_1 approve", "req_2 approve"}},
		"a serious yes, confirmed":  {func(s *sitting) { s.come("req_1", grave); s.look(); s.types("y once"); s.types("yes") }, []string{"req_1 approve once"}},
		"a serious yes, by number":  {func(s *sitting) { s.come("req_1", grave); s.come("req_2"); s.look(); s.types("1 y"); s.types("yes") }, []string{"req_1 approve"}},
		"a serious yes, not so":     {func(s *sitting) { s.come("req_1", grave); s.look(); s.types("y"); s.types("y"); s.types("yes") }, nil},
		"a serious yes, left blank": {func(s *sitting) { s.come("req_1", grave); s.look(); s.types("y"); s.types(""); s.types("yes") }, nil},
		"a serious yes, and another": {func(s *sitting) {
			s.come("req_1", grave)
			s.come("req_2")
			s.look()
			s.types("1 y")
			s.types("2 y") // swallowed: it is no confirmation
			s.types("yes")
		}, nil},
		"a serious yes, while others come": {func(s *sitting) {
			s.come("req_1", grave)
			s.look()
			s.types("y")
			s.come("req_2", grave)
			s.look()
			s.types("yes")
		}, []string{"req_1 approve"}},
		"a serious no": {func(s *sitting) { s.come("req_1", grave); s.look(); s.types("n") }, []string{"req_1 deny"}},
	} {
		t.Run(what, func(t *testing.T) {
			s := sit(t)
			story.tell(s)
			s.want(story.want...)
		})
	}
}

// What is shown says which number it has, and everything that must be known.
func TestARequestIsShownWhole(t *testing.T) {
	s := sit(t)
	s.come("req_1", func(r *approval.Request) { r.Message, r.Site = "Delete contact “c-1”?\x1b[2J", "site-A" })
	s.look()
	s.look()
	for _, want := range []string{"#1 req_1", "Delete contact “c-1”?", "crm:delete", "alice", "site-A", `id = "c-1"`, "once session"} {
		if strings.Count(s.out.String(), want) != 1 {
			t.Errorf("%q is not there once in\n%s", want, &s.out)
		}
	}
	if strings.ContainsRune(s.out.String(), 0x1b) {
		t.Errorf("shows %q", &s.out)
	}
	s.leave("req_1")
	s.look()
	if !strings.Contains(s.out.String(), "#1 req_1 waits no longer") {
		t.Errorf("does not say that it is over:\n%s", &s.out)
	}
}

// A line is for what was there when it was entered, however late it is read.
func TestALineKnowsWhatItsWriterSaw(t *testing.T) {
	s := sit(t)
	in, keyboard := io.Pipe()
	lines := s.w.lines(in)
	next := func(text string) typed {
		_, _ = keyboard.Write([]byte(text + "\n"))
		return <-lines
	}
	if got := next("y"); got.lone != 0 {
		t.Errorf("before anything came: got %d; want none", got.lone)
	}
	s.come("req_1")
	s.look()
	if got := next("y"); got.lone != 1 || got.text != "y" {
		t.Errorf("with one there: got %+v; want 1", got)
	}
	s.come("req_2")
	s.look()
	if got := next("y"); got.lone != 0 {
		t.Errorf("with two there: got %d; want none", got.lone)
	}
	go func() { _, _ = keyboard.Write([]byte(strings.Repeat("x", 1<<20))) }()
	if got := <-lines; got.err == nil {
		t.Errorf("an endless line: got %.20q; want an error", got.text)
	}
	_ = in.Close()
	if _, more := <-lines; more {
		t.Error("the lines go on after an error")
	}
}

func TestWatchingEndsWithItsInput(t *testing.T) {
	for input, want := range map[string]struct {
		code int
		said []string
	}{
		"":              {0, nil},
		"q\n":           {0, nil},
		"y\n":           {0, []string{"req_1 approve"}},
		"1 y once\nq\n": {0, []string{"req_1 approve once"}},
		"1 y\n1 y":      {0, []string{"req_1 approve"}},
	} {
		b := &inbox{}
		b.come("req_1")
		server := httptest.NewServer(b)
		r := tryIn(t, []string{"OSTIARY_URL=" + server.URL, "OSTIARY_TOKEN=ost_op_x"}, input, "approvals", "watch")
		server.Close()
		if r.code != want.code || !slices.Equal(b.said, want.said) {
			t.Errorf("%q: got %d, answered %q; want %+v\n%s%s", input, r.code, b.said, want, r.out, r.err)
		}
	}
}

func TestAnAnswerReachesNoFurtherThanItSays(t *testing.T) {
	for line, want := range map[string]answer{
		"y":             {Decision: "approve"},
		"y once":        {Decision: "approve", Scope: "once"},
		"y 10m":         {Decision: "approve", Scope: "time_limited", TTL: 600},
		"y session 10m": {Decision: "approve", Scope: "session", TTL: 600},
		"y 10m session": {Decision: "approve", Scope: "session", TTL: 600},
		"n not now":     {Decision: "deny", Reason: "not now"},
		"block":         {Decision: "block"},
	} {
		if got, err := parseAnswer(strings.Fields(line)); err != nil || got != want {
			t.Errorf("%q: got %+v (%v); want %+v", line, got, err, want)
		}
	}
	for _, line := range []string{"y 0s", "y -1m", "y 999ms", "y tomorrow", "Y", "no"} {
		if got, err := parseAnswer(strings.Fields(line)); err == nil {
			t.Errorf("%q: got %+v; want it refused", line, got)
		}
	}
}

func TestATimeThatIsTooShortIsWrongUsage(t *testing.T) {
	b := &inbox{}
	b.come("req_1")
	server := httptest.NewServer(b)
	defer server.Close()
	env := []string{"OSTIARY_URL=" + server.URL, "OSTIARY_TOKEN=ost_op_x"}
	for _, ttl := range []string{"500ms", "-1h"} {
		if r := tryIn(t, env, "", "approvals", "approve", "req_1", "--ttl="+ttl); r.code != exitUsage {
			t.Errorf("--ttl=%s: got %d, %s; want 2", ttl, r.code, r.err)
		}
	}
	if r := tryIn(t, env, "", "approvals", "approve", "req_1", "--ttl=1s"); r.code != 0 {
		t.Errorf("--ttl=1s: got %d, %s", r.code, r.err)
	}
}
