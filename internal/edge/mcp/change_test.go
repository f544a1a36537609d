package mcp_test

import (
	"context"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/store"
)

// hearing opens a stream of each era for everybody named, lets something
// happen, and returns which lists each was told of: "tools" or "tools prompts".
func (h *house) hearing(t *testing.T, happens func(), who ...string) map[string]string {
	t.Helper()
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	older, newer := map[string]<-chan *httptest.ResponseRecorder{}, map[string]<-chan *httptest.ResponseRecorder{}
	for _, token := range who {
		older[token] = h.start(ctx, note{method: "GET", token: token, header: h.begin(t, token, "2025-11-25", `{}`).header})
		newer[token] = h.start(ctx, stateless(token, "subscriptions/listen", "", `"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true}`))
	}
	happens()
	time.Sleep(time.Second)
	synctest.Wait()
	hangUp()
	told := map[string]string{}
	for _, token := range who {
		told[token] = lists((<-older[token]).Body.String())
		if got := lists((<-newer[token]).Body.String()); got != told[token] {
			t.Errorf("%s was told of %q in 2025 and %q in 2026; want the same", token, told[token], got)
		}
	}
	return told
}

var ofLists = regexp.MustCompile(`"notifications/(\w+)/list_changed"`)

func lists(body string) string {
	var all []string
	for _, m := range ofLists.FindAllStringSubmatch(body, -1) {
		all = append(all, m[1])
	}
	return strings.Join(all, " ")
}

func want(t *testing.T, got, want map[string]string) {
	t.Helper()
	for who, lists := range want {
		if got[who] != lists {
			t.Errorf("%s was told of %q; want %q", who, got[who], lists)
		}
	}
}

func TestWhoseRightsChangeIsToldAndNobodyElse(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		want(t, h.hearing(t, func() { h.mayNotAnyMore(t) }, "accountant", "alice", "bob"),
			map[string]string{"accountant": "tools prompts resources", "alice": "", "bob": ""})
	})
}

func TestWhatIsHiddenFromACallerChangesNothingForThem(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		happens := func() {
			with := crmLists()
			with.Subscribes = true
			with.Tools[3].Raw = []byte(strings.Replace(string(with.Tools[3].Raw), `"name":"payroll"`, `"name":"payroll","description":"new"`, 1))
			h.relist(t, "crm", with) // and the salaries are gone
		}
		want(t, h.hearing(t, happens, "accountant", "alice"), map[string]string{"accountant": "tools resources", "alice": ""})
	})
}

func TestTemplatesAreResourcesToo(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		happens := func() {
			h.relist(t, "notes", upstream.Lists{
				Resources: items(`{"uri":"notes://all","name":"all"}`), Templates: items(`{"uriTemplate":"notes://{id}","name":"one"}`),
			})
		}
		want(t, h.hearing(t, happens, "alice"), map[string]string{"alice": "resources"})
	})
}

func TestAnAcceptedDefinitionIsToldOf(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		relist := func(description string) {
			h.relist(t, "pinned", upstream.Lists{Tools: items(`{"name":"look","description":"` + description + `","inputSchema":{"type":"object"}}`)})
		}
		accept := func() {
			if err := h.catalogue.Accept(t.Context(), "pinned:look", ostiary.Digest{}, audit.Actor{Subject: "root"}); err != nil {
				t.Fatal(err)
			}
		}
		want(t, h.hearing(t, func() { relist("first") }, "alice"), map[string]string{"alice": ""})
		want(t, h.hearing(t, accept, "alice"), map[string]string{"alice": "tools"})
		want(t, h.hearing(t, func() { relist("second") }, "alice"), map[string]string{"alice": ""}) // shown as it was
		want(t, h.hearing(t, accept, "alice"), map[string]string{"alice": "tools"})
	})
}

func TestADecisionMadeAgainWithTheSameAnswerIsNoNews(t *testing.T) {
	telling(t, func(t *testing.T, h *house) {
		h.wallet.public = person("", "")
		h.wallet.public.Anonymous = true
		bump := func() {
			var tx store.Tx
			h.epochs.BumpDeployment(&tx)
			if _, err := h.db.Commit(t.Context(), tx); err != nil {
				t.Fatal(err)
			}
		}
		want(t, h.hearing(t, bump, "alice", ""), map[string]string{"alice": "", "": ""})
		something := func() {
			h.relist(t, "notes", upstream.Lists{Tools: items(`{"name":"get_1","inputSchema":{"type":"object"}}`), Resources: items(`{"uri":"notes://all","name":"all"}`)})
		}
		want(t, h.hearing(t, something, "alice", ""), map[string]string{"alice": "tools", "": "tools"})
	})
}
