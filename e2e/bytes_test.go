package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// casesEach is how many generated calls go each way from client to upstream.
const casesEach = 300

// manners are those in which upstreams answer.
var manners = []string{"json", "sse", "stdio"}

// TestWhatIsNotOursIsNotChanged sends generated arguments through the
// gateway, has generated results come back, and compares what arrives with
// what was sent, byte for byte: both eras on both sides, over every
// transport.
func TestWhatIsNotOursIsNotChanged(t *testing.T) {
	apps, parrots := "", map[string]*parrot{}
	for _, era := range []string{legacy, modern} {
		for _, manner := range manners {
			app := manner + era[:4]
			parrots[app] = newParrot(t, era, manner)
			parrots[app].tools = definitionsOf(app)
			apps += fmt.Sprintf("  - {id: %s, %s, standalone: true}\n", app, parrots[app].app)
		}
	}
	h := newHouse(t, "sqlite::memory:", "audit: {durability: relaxed}\napps:\n"+apps)
	h.replace("\nauth:\n", "\nauth:\n  mode: public\n  anonymous: {scopes: [\"mcp:read\", \"mcp:write\"], apps: [json2025, sse2025, stdio2025, json2026, sse2026, stdio2026]}\n")
	h.start()
	for app, p := range parrots {
		for _, era := range []string{legacy, modern} {
			t.Run(era+" to "+app, func(t *testing.T) {
				s := &speaker{t: t, url: h.url + "/" + app + "/mcp", era: era}
				s.open()
				s.wantCases(p, casesEach)
				s.wantDefinitions(p)
			})
		}
	}
}

// A line is a message to a child, so a line break between tokens can't go
// there; nothing else is lost with it, and no second message is made of it.
func TestALineBreakBetweenTokensBreaksNoMessage(t *testing.T) {
	p := newParrot(t, legacy, "stdio")
	p.tools = definitionsOf("stdio")[:1]
	s := &speaker{t: t, url: behindFreely(t, p.app), era: legacy}
	s.open()
	p.lay(7, &saying{result: `{"content":[]}`})
	const call = "{\"n\":\n7,\"v\":\r\n[1.0,\r\"\\n\"\n]}"
	_, messages := s.post("say", "{\"jsonrpc\":\"2.0\",\n\"id\":1,\"method\":\"tools/call\",\"params\":{\n\"name\":\"say\",\"arguments\":"+call+"\n}}\n")
	p.mu.Lock()
	defer p.mu.Unlock()
	got := string(p.sayings[7].got["arguments"])
	if tokens := strings.NewReplacer("\r", "", "\n", "", " ", ""); p.sayings[7].times != 1 || tokens.Replace(got) != tokens.Replace(call) {
		t.Errorf("got arguments %q, %d times; want those of %q: %s", got, p.sayings[7].times, call, messages)
	}
}

// definitionsOf are tools with odd definitions, and the one that is called.
func definitionsOf(app string) []string {
	o := newOddity(uint64(len(app)), " \t")
	tools := []string{`{"name":"say","inputSchema":{"type":"object","properties":{"n":{},"v":{}}}}`}
	for i := range 100 {
		tools = append(tools, o.definition(fmt.Sprintf("tool-%03d", i)))
	}
	return tools
}

// A speaker is a client that looks at bytes.
type speaker struct {
	t        *testing.T
	url, era string
	session  string
}

func (s *speaker) open() {
	s.t.Helper()
	if s.era == modern {
		return
	}
	header, _ := s.post("", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"e2e","version":"1"}}}`)
	s.session = header.Get("Mcp-Session-Id")
}

// post sends one message and returns the header and the messages of the
// answer.
func (s *speaker) post(name, body string) (http.Header, []string) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	var m struct{ Method string }
	_ = json.Unmarshal([]byte(body), &m)
	for key, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		"Mcp-Session-Id": s.session, "Mcp-Method": m.Method, "Mcp-Name": name, "MCP-Protocol-Version": s.era,
	} {
		if value != "" && (m.Method != "initialize" || !strings.HasPrefix(key, "M")) {
			r.Header.Set(key, value)
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return resp.Header, []string{string(text)}
	}
	return resp.Header, eventsOf(string(text))
}

// eventsOf reads a stream's data, as the standard says: lines are joined by
// a line feed.
func eventsOf(stream string) []string {
	var messages, lines []string
	for line := range strings.SplitSeq(stream, "\n") {
		data, isData := strings.CutPrefix(line, "data: ")
		switch {
		case isData:
			lines = append(lines, data)
		case line == "" && lines != nil:
			messages, lines = append(messages, strings.Join(lines, "\n")), nil
		}
	}
	return messages
}

// meta are the members of _meta that an era wants.
func (s *speaker) meta() string {
	if s.era == modern {
		return `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}`
	}
	return ""
}

// wantCases makes so many calls, several at a time.
func (s *speaker) wantCases(p *parrot, cases int) {
	s.t.Helper()
	var wait sync.WaitGroup
	const callers = 4
	for first := range callers {
		wait.Go(func() {
			for n := first; n < cases && !s.t.Failed(); n += callers {
				s.wantCase(p, n)
			}
		})
	}
	wait.Wait()
}

// oddIDs may be a client's ids of requests.
var oddIDs = []string{`1`, `-1`, `9007199254740993`, `"1"`, `"😀"`, `"\u0031"`, `"` + "\u2028" + `"`, `"a\/b"`, `""`}

// wantCase makes call n. What it is like follows from n and the two eras.
func (s *speaker) wantCase(p *parrot, n int) {
	space := " \t\r\n"
	if p.manner == "stdio" {
		space = " \t" // a line is a message there
	}
	o := newOddity(uint64(n)<<8|uint64(len(p.manner)), space)
	arguments := o.object(3, []string{fmt.Sprintf(`"n":%d`, n), `"v":` + o.anything(60)})
	extra := `"x-odd":` + o.anything(60)
	meta := []string{`"example.com/odd":` + o.anything(50)}
	if own := s.meta(); own != "" {
		meta = append(meta, own)
	}
	want := &saying{}
	withProgress := n%5 == 0 && p.manner != "json"
	if p.manner == "sse" || withProgress {
		o.space = strings.ReplaceAll(o.space, "\r", "") // in events, a carriage return becomes a line feed
	}
	if withProgress {
		meta = append(meta, `"progressToken":`+pick(o, oddIDs[:3]))
		want.progress = `"progress":` + pick(o, oddNumbers) + `,"x":` + o.anything(50)
	}
	want.result = o.upstreams(p.era)
	if n%11 == 3 {
		want.result, want.fault = "", `{"message":`+o.text()+`,"code":-32099,"data":`+o.anything(60)+`}`
	}
	p.lay(n, want)
	id := pick(o, oddIDs)
	_, messages := s.post("say", "{"+o.gap()+`"id":`+id+`,"method":"tools/call","jsonrpc":"2.0","params":`+o.object(1, []string{
		`"name":"say"`, `"arguments":` + arguments, extra, `"_meta":{` + strings.Join(meta, ",") + "}",
	})+"}")
	s.wantHeard(n, p, arguments, extra, meta[0])
	s.wantSaid(n, p, id, messages)
}

// upstreams is a result as an upstream of an era gives it.
func (o oddity) upstreams(era string) string {
	if era == modern {
		return o.result(400, `"resultType":"complete"`)
	}
	return o.result(400)
}

// wantHeard wants the upstream to have got what was sent.
func (s *speaker) wantHeard(n int, p *parrot, arguments, extra, meta string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.sayings[n]
	if got.times != 1 {
		s.t.Errorf("call %d came %d times, %q", n, got.times, arguments)
	}
	var metas parrotParams
	_ = json.Unmarshal(got.got["_meta"], &metas)
	for what, pair := range map[string][2]string{
		"arguments": {string(got.got["arguments"]), arguments},
		"x-odd":     {`"x-odd":` + string(got.got["x-odd"]), extra},
		"_meta":     {`"example.com/odd":` + string(metas["example.com/odd"]), meta},
	} {
		if pair[0] != pair[1] {
			s.t.Errorf("call %d: %s changed on the way (-sent +came):\n%s", n, what, cmp.Diff(pair[1], pair[0]))
		}
	}
}

// wantSaid wants the client to have got what the upstream said.
func (s *speaker) wantSaid(n int, p *parrot, id string, messages []string) {
	p.mu.Lock()
	want := *p.sayings[n]
	p.mu.Unlock()
	if want.progress != "" {
		if len(messages) < 2 || !strings.HasSuffix(messages[0], want.progress+"}}") {
			s.t.Errorf("call %d: got %q; want a note of progress that ends in %s", n, messages, want.progress)
		}
	}
	var last parrotAnswer
	if err := json.Unmarshal([]byte(messages[len(messages)-1]), &last); err != nil {
		s.t.Errorf("call %d: %v in %q", n, err, messages)
		return
	}
	result := string(last.Result)
	if s.era == modern && p.era != modern {
		result = strings.Replace(result, `,"resultType":"complete"`, "", 1) // which older upstreams leave out
	}
	if string(last.ID) != id || result != want.result || string(last.Error) != want.fault {
		s.t.Errorf("call %d changed on the way back (-said +came):\n%s%s%s", n,
			cmp.Diff(id, string(last.ID)), cmp.Diff(want.result, result), cmp.Diff(want.fault, string(last.Error)))
	}
}

type parrotAnswer struct{ ID, Result, Error json.RawMessage }

// wantDefinitions wants every definition as the upstream gave it.
func (s *speaker) wantDefinitions(p *parrot) {
	s.t.Helper()
	meta := ""
	if s.era == modern {
		meta = `,"params":{"_meta":{` + s.meta() + `}}`
	}
	_, messages := s.post("", `{"jsonrpc":"2.0","id":1,"method":"tools/list"`+meta+`}`)
	var list struct {
		Result struct{ Tools []json.RawMessage }
	}
	if err := json.Unmarshal([]byte(messages[0]), &list); err != nil || len(list.Result.Tools) != len(p.tools) {
		s.t.Fatalf("got %d tools (%v), want %d: %s", len(list.Result.Tools), err, len(p.tools), cut(messages[0]))
	}
	for i, tool := range list.Result.Tools { // sorted by name: say comes before the others
		if string(tool) != p.tools[i] {
			s.t.Errorf("a definition changed (-upstream +client):\n%s", cmp.Diff(p.tools[i], string(tool)))
		}
	}
}
