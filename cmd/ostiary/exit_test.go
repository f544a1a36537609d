package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/config"
)

// A gateway that answers every request with the same.
func answering(t *testing.T, status int, body string) []string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return []string{"OSTIARY_URL=" + s.URL, "OSTIARY_TOKEN=ost_op_x"}
}

func said(code string) string { return `{"error":{"code":"` + code + `","message":"No."}}` }

func TestTheExitCodeTellsWhatTheGatewaySaid(t *testing.T) {
	for what, c := range map[string]struct {
		status int
		body   string
		code   int
	}{
		"done":                     {200, `{"items":[]}`, exitDone},
		"a value that can't be":    {422, said("invalid_id"), exitUsage},
		"a request that can't be":  {400, said("invalid_request"), exitUsage},
		"a token that is none":     {401, said("invalid_token"), exitNot},
		"a right that is missing":  {403, said("forbidden"), exitNot},
		"what is not there":        {404, said("not_found"), exitNot},
		"what stands against it":   {409, said("exists"), exitNot},
		"a gateway without a disk": {503, said("unavailable"), exitUnreachable},
		"somebody else's error":    {404, "<html>", exitUnreachable},
		"somebody else's page":     {200, "<html>", exitUnreachable},
		"a way to somewhere else":  {302, "", exitUnreachable},
	} {
		t.Run(what, func(t *testing.T) {
			if r := tryIn(t, answering(t, c.status, c.body), "", "users", "list"); r.code != c.code || (r.code == 0) != (r.err == "") {
				t.Errorf("got %d, %s; want %d", r.code, r.err, c.code)
			}
		})
	}
}

func TestWhatCanBeNoGatewayOrTokenIsWrongUsage(t *testing.T) {
	for _, settings := range [][]string{
		{"OSTIARY_URL=localhost:8080", "OSTIARY_TOKEN=ost_op_x"},
		{"OSTIARY_URL=ftp://localhost", "OSTIARY_TOKEN=ost_op_x"},
		{"OSTIARY_URL=http://", "OSTIARY_TOKEN=ost_op_x"},
		{"OSTIARY_URL=http://[::1", "OSTIARY_TOKEN=ost_op_x"},
		{"OSTIARY_URL=http://127.0.0.1:1", "OSTIARY_TOKEN=ost_op_x\n"},
		{"OSTIARY_URL=http://127.0.0.1:1"},
		{},
	} {
		if r := tryIn(t, settings, "", "users", "list"); r.code != exitUsage {
			t.Errorf("%q: got %d, %s; want 2", settings, r.code, r.err)
		}
	}
}

// What could not be told was not done, whoever asks.
func TestOutputThatCannotBeWrittenIsNoticed(t *testing.T) {
	full := &output{Writer: refusing{}}
	p := &program{stdout: full, stderr: &strings.Builder{}}
	p.say("it was all for nothing")
	for what, err := range map[string]error{"done": nil, "the same": full.err} {
		if code := p.end(err, full); code != exitUnreachable {
			t.Errorf("%s: got %d; want 3", what, code)
		}
	}
	if code := p.end(errors.New("the log does not hold"), full); code != exitNot {
		t.Errorf("a failure of another kind: got %d; want its own", code)
	}
	file, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		return // no such device on this system
	}
	defer file.Close()
	for _, args := range [][]string{{"version"}, {"version", "--json"}, {"config", "init"}, {"config", "schema"}, {"--help"}, {"users", "--help"}} {
		p := &program{ctx: t.Context(), stdout: file, stderr: &strings.Builder{}}
		if code := p.run(args); code != exitUnreachable {
			t.Errorf("ostiary %v > /dev/full: got %d; want 3", args, code)
		}
	}
}

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errors.New("no room") }

// Nothing that somebody else wrote steers the terminal, whichever way it
// comes; and the lines of our own reports stay lines.
func TestErrorsAreShownNotObeyed(t *testing.T) {
	const evil = "\x1b[2J\u202e\u009b2J"
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad"+evil+".yaml")
	text := "server: {\"" + "\\e[2J\u202e" + "\": 1}\naudit: {durability: \"" + `\e]0;x\a` + "\"}\n"
	if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	hostile, err := json.Marshal(map[string]any{"error": map[string]string{"code": "x", "message": evil}})
	if err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]ran{
		"a configuration":     try(t, "", "config", "validate", bad),
		"a missing file":      try(t, "", "serve", "-c", filepath.Join(dir, evil)),
		"an argument":         try(t, "", "no"+evil),
		"an option":           try(t, "", "users", "list", "--"+evil),
		"a gateway's words":   tryIn(t, answering(t, 409, string(hostile)), "", "users", "list"),
		"a name":              tryIn(t, answering(t, 204, ""), "", "tokens", "revoke", evil),
		"an id in a question": try(t, "no\n", "users", "delete", evil),
	} {
		if all := r.out + r.err; strings.ContainsAny(all, "\x1b\u202e\u009b\a") || all == "" {
			t.Errorf("%s: printed %q", what, all)
		}
	}
	var problems config.Problems
	if _, err := config.Load(bad, nil); !errors.As(err, &problems) || len(problems) < 2 {
		t.Fatalf("the file has %v; want several problems", problems)
	}
	if r := try(t, "", "config", "validate", bad); strings.Count(r.err, "\n") != len(problems) {
		t.Errorf("%d problems are told as\n%s", len(problems), r.err)
	}
}

func TestJSONHasNothingThatATerminalObeys(t *testing.T) {
	const evil = "a\x1b\x7f\u009b\u202e\u2066\u200b\U000e0041z\t\"ü✓"
	for what, write := range map[string]func(*strings.Builder) error{
		"indented": func(b *strings.Builder) error { return printJSON(b, map[string]string{evil: evil}) },
		"a line":   func(b *strings.Builder) error { return printLine(b, map[string]string{evil: evil}) },
		"in parts": func(b *strings.Builder) error {
			w := &plainWriter{Writer: b}
			raw := fmt.Sprintf("{%s:%s}\n", quote(t, evil), quote(t, evil))
			for i := range len(raw) {
				if _, err := w.Write([]byte{raw[i]}); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			var b strings.Builder
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(b.String(), "\x1b\x7f\u009b\u202e\u2066\u200b\U000e0041\t") {
				t.Errorf("wrote %q", b.String())
			}
			var got map[string]string
			if err := json.Unmarshal([]byte(b.String()), &got); err != nil || got[evil] != evil {
				t.Errorf("read back %q (%v); want the same", got, err)
			}
		})
	}
}

func quote(t *testing.T, s string) string {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestNoItemsAreAnEmptyListInJSON(t *testing.T) {
	nothing := answering(t, 200, `{"items":null,"next":""}`)
	for _, args := range [][]string{{"users", "list"}, {"tokens", "list"}, {"grants", "list"}, {"tools", "list"}, {"approvals", "list"}} {
		if r := tryIn(t, nothing, "", append(args, "--json")...); r.out != "[]\n" {
			t.Errorf("ostiary %v --json printed %q (%s); want []", args, r.out, r.err)
		}
	}
	file := storageOf(t)
	if r := try(t, "", "users", "add", "dora", "--no-password", "-c", file); r.code != 0 {
		t.Fatal(r.err)
	}
	for _, args := range [][]string{{"tokens", "list"}, {"grants", "list"}, {"tokens", "list", "--subject", "nobody"}} {
		if r := try(t, "", append(args, "--json", "-c", file)...); r.out != "[]\n" {
			t.Errorf("ostiary %v --json -c FILE printed %q (%s); want []", args, r.out, r.err)
		}
	}
	for _, args := range [][]string{{"users", "list"}, {"keys", "list"}, {"audit", "verify"}} {
		if r := try(t, "", append(args, "--json", "-c", file)...); r.code != 0 || strings.Contains(r.out, "null") {
			t.Errorf("ostiary %v --json -c FILE printed %s (%s); want no null", args, r.out, r.err)
		}
	}
}

func TestAKeyOrCheckpointThatSaysNothingIsWrongUsage(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty, nonsense := file("empty", "\n"), file("nonsense", "nonsense")
	for what, args := range map[string][]string{
		"a key that is missing":          {"--public-key", filepath.Join(dir, "none")},
		"a key that is a folder":         {"--public-key", dir},
		"a key that is empty":            {"--public-key", empty},
		"a key that is nonsense":         {"--public-key", nonsense},
		"a checkpoint that is missing":   {"--checkpoint", filepath.Join(dir, "none")},
		"a checkpoint that is empty":     {"--checkpoint", empty},
		"an export that is missing":      {"--export", filepath.Join(dir, "none")},
		"neither export nor storage":     {},
		"both of them":                   {"--export", nonsense, "-c", nonsense},
		"a configuration that is none":   {"-c", nonsense},
		"a configuration that is absent": {"-c", filepath.Join(dir, "none")},
	} {
		t.Run(what, func(t *testing.T) {
			if len(args) == 2 && args[0] != "-c" && args[0] != "--export" {
				args = append(args, "--export", nonsense)
			}
			if r := try(t, "", append([]string{"audit", "verify"}, args...)...); r.code != exitUsage || r.err == "" {
				t.Errorf("got %d, %s; want 2", r.code, r.err)
			}
		})
	}
	// Its positive twin: what can be read, and does not hold.
	if r := try(t, "", "audit", "verify", "--export", nonsense, "--public-key", file("key", "ostiary-audit+f8c36049+AVYV+uRaS7VEg1zBZ8knV8afNGiXO6l8uqKiaJQYlM5X\n")); r.code != exitNot {
		t.Errorf("an export that is nonsense, and a good key: got %d, %s; want 1", r.code, r.err)
	}
}
