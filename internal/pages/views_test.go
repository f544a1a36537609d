package pages_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/internal/pages"
)

func TestIdenticalRequestsAreGrouped(t *testing.T) {
	groups := sampleInbox().Groups()
	var got [][]string
	for _, g := range groups {
		var ids []string
		for _, r := range g.Requests {
			ids = append(ids, r.ID)
		}
		got = append(got, ids)
	}
	if diff := cmp.Diff([][]string{{"req_1", "req_2"}, {"req_3"}}, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

func TestRequestsThatDifferAnywhereAreNotGrouped(t *testing.T) {
	for name, change := range map[string]func(*pages.Request){
		"arguments": func(r *pages.Request) { r.ArgumentsDigest = "other" },
		"tool":      func(r *pages.Request) { r.Tool = "other" },
		"app":       func(r *pages.Request) { r.App = "other" },
		"site":      func(r *pages.Request) { r.Site = "other" },
		"message":   func(r *pages.Request) { r.Message = "other" },
	} {
		other := sampleRequest()
		change(&other)
		if got := len((pages.Inbox{Waiting: []pages.Request{sampleRequest(), other}}).Groups()); got != 2 {
			t.Errorf("%s: got %d groups, want 2", name, got)
		}
	}
}

func TestTheInboxLeadsToEachRequestAndTakesBack(t *testing.T) {
	p := render(t, sampleInbox())
	for _, id := range []string{"req_1", "req_2", "req_3", "req_4", "req_5", "req_6"} {
		p.one("a", "href", "/approvals/"+id)
	}
	p.wantWords("3 requests wait for your answer.", "Asked 2 times", "Waits for somebody else", "suspended: the tool has changed", "until 6 May 2026, 15:05 UTC.", "used 3 ×", "not from this agent")
	var revocable []string
	for _, form := range p.all("form", "action", "/approvals") {
		f := fields(form)
		revocable = append(revocable, f["id"][0]+" "+f["action"][0])
	}
	if diff := cmp.Diff([]string{"grt_1 revoke", "grt_2 revoke"}, revocable); diff != "" {
		t.Errorf("revocable (-want +got):\n%s", diff)
	}
	if got := words(p.one("title", "", "")); !strings.HasPrefix(got, "(3) Approvals") {
		t.Errorf("got title %q", got)
	}
	render(t, pages.Inbox{}).wantWords("Nothing waits for your answer.")
}

func TestTheInboxAnnouncesItselfAndListensForChanges(t *testing.T) {
	p := render(t, sampleInbox())
	if got := attr(p.one("p", "id", "sum"), "role"); got != "status" {
		t.Errorf("got role %q, want status", got)
	}
	before := attr(p.one("div", "id", "live"), "data-version")
	i := sampleInbox()
	i.Waiting = i.Waiting[1:]
	if after := attr(render(t, i).one("div", "id", "live"), "data-version"); after == before {
		t.Error("a request came to an end, and the version stayed the same")
	}
	if again := attr(render(t, sampleInbox()).one("div", "id", "live"), "data-version"); again != before {
		t.Errorf("nothing changed, and the version went from %s to %s", before, again)
	}
}

func TestSignInHasTheFieldsOfTheContract(t *testing.T) {
	p := render(t, pages.SignIn{Next: "/approvals/req_1?a=b&c", For: "answer an approval request"})
	form := p.one("form", "method", "post")
	if got, want := attr(form, "action"), "/login?next=%2Fapprovals%2Freq_1%3Fa%3Db%26c"; got != want {
		t.Errorf("got action %q, want %q", got, want)
	}
	if diff := cmp.Diff(map[string][]string{"csrf": {"csrf-of-bob"}, "username": {""}, "password": {""}}, fields(form)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	p.wantWords("To answer an approval request, at Acme.")
	for problem, want := range map[string]string{"credentials": "don't go together", "limited": "Too many attempts", "expired": "expired"} {
		render(t, pages.SignIn{Problem: problem}).wantWords(want)
	}
}

func TestATokenFormHasTheFieldsOfTheAPI(t *testing.T) {
	forms := render(t, sampleTokens()).all("form", "action", "/account/tokens")
	got := fields(forms[len(forms)-1])
	want := map[string][]string{
		"csrf": {"csrf-of-bob"}, "action": {"create"}, "name": {"laptop"}, "tier": {"read", "write", "admin"}, "apps": {"all", "crm", "notes"},
		"tools": {"all", "crm:get_contacts", "crm:delete_contact"}, "sites": {"all", "site-A", "site-B"}, "cidrs": {""}, "ttl": {""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// Whoever sends the empty form off gets the least.
func TestATokenFormChoosesTheLeast(t *testing.T) {
	view := sampleTokens()
	view.Form = pages.TokenForm{Apps: []pages.AppChoice{{Choosable: pages.Choosable{ID: "crm"}}}, Sites: []pages.Choosable{{ID: "a"}}, Default: time.Hour, MaxTTL: 48 * time.Hour}
	p := render(t, view)
	for _, n := range p.all("input", "", "") {
		if has(n, "checked") && attr(n, "id") != "tier-read" {
			t.Errorf("%s is chosen from the start", attr(n, "id"))
		}
	}
	if got := attr(p.one("option", "selected", ""), "value"); got != "3600" {
		t.Errorf("got %q seconds chosen, want the default 3600", got)
	}
	for _, o := range p.all("option", "", "") {
		if attr(o, "value") == "0" {
			t.Error("a token without end is on offer")
		}
	}
}

func TestATokenIsShownWhereItWasMadeAndNowhereElse(t *testing.T) {
	const token = "ost_pat_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM"
	view := sampleTokens()
	if got := strings.Count(render(t, view).text, token); got != 1 {
		t.Errorf("got the token %d times, want once", got)
	}
	view.Made = nil
	if strings.Contains(render(t, view).text, token) {
		t.Error("the token is still shown")
	}
}

func TestOnlyWorkingTokensHaveButtons(t *testing.T) {
	p := render(t, sampleTokens())
	var got []string
	for _, form := range p.all("form", "class", "buttons") {
		got = append(got, strings.Join(append(fields(form)["id"], fields(form)["action"]...), " "))
	}
	if diff := cmp.Diff([]string{"pat_1 rotate revoke"}, got); diff != "" {
		t.Errorf("buttons (-want +got):\n%s", diff)
	}
	p.wantWords("Tools none", "Last used 2 days ago", "Ended 1 hour ago", "expired")
}

func TestAnOldSignInMayRevokeButMakeNothing(t *testing.T) {
	tokens, operator := sampleTokens(), sampleOperator()
	tokens.SignInAgain, operator.SignInAgain = "/login?next=x", "/login?next=x"
	for _, v := range []pages.View{tokens, operator} {
		p := render(t, v)
		p.one("a", "href", "/login?next=x")
		p.one("button", "value", "revoke")
		if got := len(p.all("input", "value", "create")) + len(p.all("button", "value", "rotate")); got != 0 {
			t.Errorf("%T: got %d ways to make a token", v, got)
		}
	}
}

func TestAnOperatorFormHasTheFieldsOfTheAPI(t *testing.T) {
	forms := render(t, sampleOperator()).all("form", "action", "/account/operator")
	want := map[string][]string{"csrf": {"csrf-of-bob"}, "action": {"create"}, "name": {""}, "rights": {"read", "approve", "admin"}, "ttl": {""}}
	if diff := cmp.Diff(want, fields(forms[len(forms)-1])); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestAnErrorPageSaysWhatHappenedAndWhatToDo(t *testing.T) {
	for status, want := range map[int]string{400: "can't be read", 401: "Please sign in", 403: "Not allowed", 404: "Nothing here", 409: "Somebody was faster", 421: "Wrong address", 429: "works again in 1 minute", 500: "Something broke", 503: "nothing is let through", 418: "Something broke"} {
		p := render(t, pages.Fault{Status: status, CallID: "cal_7XK2", RetryAfter: time.Minute, Detail: "<b>field</b>"})
		p.wantWords(want, "What to do", "call cal_7XK2", "<b>field</b>")
	}
}

func TestAPageWithoutInstanceNameHasOneAllTheSame(t *testing.T) {
	var b strings.Builder
	if err := pages.Render(&b, pages.Frame{}, pages.SignedOut{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "<title>Signed out · Ostiary</title>") {
		t.Errorf("got %.300s", b.String())
	}
}

func TestAWriterThatFailsIsReported(t *testing.T) {
	broken := errors.New("broken pipe")
	err := pages.Render(failing{broken}, frame(), pages.SignedOut{})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if err := pages.Render(iotest.TruncateWriter(io.Discard, 10), frame(), pages.SignedOut{}); err != nil {
		t.Errorf("got %v, want none", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
