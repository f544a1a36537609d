package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A canary is a secret that was planted.
type canary struct{ what, secret string }

const (
	secretArgument = "canary-argument-5fX2"
	secretHeader   = "canary-header-9Qa7" // of every request to the upstream
	secretGuess    = "canary-password-3Lm1"
	secretForgery  = "canary0Forged"
)

// TestNoSecretIsFoundAnywhere plants secrets in a run with the most talkative
// log, through refusals, failures and a kill, and looks for them in every
// file that the gateway keeps, in its output, and in what it answers.
func TestNoSecretIsFoundAnywhere(t *testing.T) {
	p := plant(t)
	p.callAndBeRefused()
	p.useGoneToken()
	p.guessPassword()
	p.export()
	notes := p.path("storage/checkpoints.txt")
	eventually(t, "a checkpoint outside of storage", func() (string, bool) {
		text, err := os.ReadFile(notes)
		return fmt.Sprint(string(text), err), len(text) > 0
	})
	p.child.Kill()
	p.readFiles()
	search(t, p.places, p.canaries)
	// The search would find what is there to be found.
	for place, word := range map[string]string{"output": "spy:read", "ostiary.db": "SQLite format 3", "export": "spy:write"} {
		if !bytes.Contains(p.places[place], []byte(word)) {
			t.Errorf("%s does not hold %q, so the search has looked at something else", place, word)
		}
	}
}

// A plantation is a gateway whose users have secrets, and all it has said.
type plantation struct {
	*house
	spy         *spy
	calls       *caller
	maker       *tokenMaker
	agent, gone token
	approver    string
	operator    string
	canaries    []canary
	places      map[string][]byte
}

func plant(t *testing.T) *plantation {
	t.Helper()
	p := &plantation{spy: newSpy(t), places: map[string][]byte{}}
	app := strings.Replace(p.spy.app("1s"), "shared: true", "shared: true, headers: {X-Key: "+secretHeader+"}", 1)
	p.house = newHouse(t, "", app+"logging: {level: debug}\n")
	if err := os.Mkdir(p.path("storage"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ostiary.db", "ostiary.key"} {
		p.replace(p.path(name), p.path("storage/"+name))
	}
	p.replace("\nauth:", "\naudit: {file: "+p.path("storage/checkpoints.txt")+", checkpoint_interval: 1s}\nauth:")
	p.start()
	p.calls = p.caller()
	t.Cleanup(p.calls.close)
	p.maker = p.signIn("alice").tokenMaker()
	p.agent, _, _ = p.maker.make(p.url, "agent")
	p.gone, _, _ = p.maker.make(p.url, "gone")
	p.approver, p.operator = p.signIn("bob").operatorToken("approve", "read"), p.signIn("root").operatorToken("admin", "read")
	p.canaries = []canary{
		{"an argument", secretArgument},
		{"an upstream's header", secretHeader},
		{"a wrong password", secretGuess},
		{"a password", password},
		{"a token", p.agent.Token},
		{"a revoked token", p.gone.Token},
		{"a forged token", secretForgery},
		{"an operator's token", p.operator},
		{"an approver's token", p.approver},
		{"a form token", p.maker.csrf},
	}
	return p
}

// call calls a tool with a secret argument.
func (p *plantation) call(token, tool string) answer {
	_, a := p.calls.callWith(token, tool, fmt.Sprintf(`{"id":"x","note":%q}`, secretArgument))
	p.keep(string(a.body))
	return a
}

func (p *plantation) keep(answer string) {
	p.places[fmt.Sprint("answer ", len(p.places)+1)] = []byte(answer)
}

func (p *plantation) callAndBeRefused() {
	p.t.Helper()
	p.call(p.agent.Token, freely)
	p.call(p.agent.Token, "spy:nothing_like_it")
	p.call("ost_pat_"+secretForgery+strings.Repeat("0", 49-len(secretForgery)), freely)
	request := p.call(p.agent.Token, onceOnly).Result.Meta.ApprovalID
	if status, text := p.calls.approve(p.approver, request); status != http.StatusOK {
		p.t.Fatalf("the yes was answered %d %s", status, text)
	}
	p.call(p.agent.Token, onceOnly)
	for _, manner := range nasty {
		p.spy.behave(manner)
		p.call(p.agent.Token, freely)
	}
	p.spy.behave(nil)
}

func (p *plantation) useGoneToken() {
	p.t.Helper()
	if status, text := p.calls.api(p.operator, http.MethodDelete, "/tokens/"+p.gone.ID, nil, nil); status != http.StatusNoContent {
		p.t.Fatalf("revoking a token was answered %d %s", status, text)
	}
	p.call(p.gone.Token, freely)
}

func (p *plantation) guessPassword() {
	p.t.Helper()
	form := url.Values{"username": {"alice"}, "password": {secretGuess}, "csrf": {p.maker.browser.csrf("/login")}}
	status, page := p.maker.send("/login", form)
	if status < 400 {
		p.t.Errorf("a wrong password was answered %d %s", status, page)
	}
	p.keep(strings.ReplaceAll(page, p.maker.csrf, "")) // its own page is where a form token belongs
}

func (p *plantation) export() {
	p.t.Helper()
	status, text := p.calls.api(p.operator, http.MethodGet, "/audit/export", nil, nil)
	if status != http.StatusOK {
		p.t.Fatalf("the export was answered %d %s", status, text)
	}
	p.places["export"] = []byte(text)
}

// readFiles reads the output and every file that the gateway has written.
func (p *plantation) readFiles() {
	p.t.Helper()
	p.places["output"] = []byte(p.child.Output())
	files, err := filepath.Glob(p.path("storage/*"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			p.t.Fatal(err)
		}
		p.places[filepath.Base(file)] = text
	}
}

func search(t *testing.T, places map[string][]byte, canaries []canary) {
	t.Helper()
	for place, text := range places {
		for _, c := range canaries {
			if len(c.secret) < 8 {
				t.Fatalf("%s was not planted: %q", c.what, c.secret)
			}
			if at := bytes.Index(text, []byte(c.secret)); at >= 0 {
				t.Errorf("%s stands in %s: …%s…", c.what, place, text[max(0, at-80):min(len(text), at+len(c.secret)+20)])
			}
		}
	}
}
