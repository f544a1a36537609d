package pages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/ostiary/ostiary/internal/pages"
)

func changed(change func(*pages.Approval)) pages.Approval {
	a := sampleApproval()
	change(&a)
	return a
}

func (p page) decideForm() *html.Node {
	p.t.Helper()
	return p.one("form", "class", "card decide")
}

func TestAnApproverGetsTheFieldsOfTheContract(t *testing.T) {
	form := render(t, sampleApproval()).decideForm()
	if got, want := attr(form, "action"), "/approvals/req_1"; got != want {
		t.Errorf("got action %q, want %q", got, want)
	}
	got := fields(form)
	want := map[string][]string{
		"csrf": {"csrf-of-bob"}, "scope": {"once", "session", "time_limited", "user"}, "ttl": {""}, "any_client": {"1"},
		"reason": {""}, "decision": {"deny", "block", "approve"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestTheSafeAnswerHasTheFocusAndIsTheFormsFirst(t *testing.T) {
	for name, a := range map[string]pages.Approval{
		"first step": sampleApproval(), "second step": changed(approvalStates["confirm"]), "hostile": hostileApproval(),
	} {
		p := render(t, a)
		var buttons []*html.Node
		for n := range p.decideForm().Descendants() {
			if n.Type == html.ElementNode && n.Data == "button" {
				buttons = append(buttons, n)
			}
			if n.Type == html.ElementNode && has(n, "autofocus") != (attr(n, "value") == "deny") {
				t.Errorf("%s: <%s value=%q> has autofocus %t", name, n.Data, attr(n, "value"), has(n, "autofocus"))
			}
		}
		// Enter in a field presses the first button.
		if got := attr(buttons[0], "value"); got != "deny" {
			t.Errorf("%s: the first button is %q, want deny", name, got)
		}
	}
}

func TestOnlyScopesAndTimesOnOfferAreShown(t *testing.T) {
	p := render(t, changed(func(a *pages.Approval) {
		a.Scopes, a.DefaultScope, a.MaxTTL = []string{"session", "time_limited", "tool_specific"}, "session", time.Hour
	}))
	if diff := cmp.Diff([]string{"session", "time_limited"}, fields(p.decideForm())["scope"]); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	var times []string
	for _, o := range p.all("option", "", "") {
		times = append(times, attr(o, "value"))
	}
	if diff := cmp.Diff([]string{"900", "3600"}, times); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
	if !has(p.one("input", "value", "session"), "checked") {
		t.Error("the default scope is not checked")
	}
}

func TestADefaultThatIsNotOnOfferFallsToTheNarrowest(t *testing.T) {
	p := render(t, changed(func(a *pages.Approval) { a.DefaultScope, a.Choice.Scope = "tool_specific", "everything" }))
	if !has(p.one("input", "value", "once"), "checked") {
		t.Error("the narrowest scope is not checked")
	}
}

func TestAnyClientIsAskedOnlyWhereItMatters(t *testing.T) {
	p := render(t, changed(func(a *pages.Approval) { a.Scopes = []string{"once", "session"} }))
	if got := len(p.all("input", "name", "any_client")); got != 0 {
		t.Errorf("got %d ticks for scopes within one session", got)
	}
	p = render(t, changed(func(a *pages.Approval) { a.ClientUnvouched = true }))
	p.wantWords("Nobody vouches for this agent’s name")
	if got := words(p.one("p", "id", "saves-user")); !strings.Contains(got, "any of their agents") || strings.Contains(got, "Claude Code") {
		t.Errorf("got %q, want any of their agents", got)
	}
}

func TestEachScopeTellsWhatItSaves(t *testing.T) {
	p := render(t, sampleApproval())
	for scope, want := range map[string]string{
		"once":         "You will save: alice@example.com may use delete_contact in CRM, site-A, once, with exactly these arguments, through this session of Claude Code.",
		"session":      "until it ends.",
		"time_limited": "for the time chosen.",
		"user":         "until somebody takes it back.",
	} {
		if got := words(p.one("p", "id", "saves-"+scope)); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", scope, got, want)
		}
	}
}

func TestAllOfTheCallIsShown(t *testing.T) {
	p := render(t, sampleApproval())
	p.wantWords("Delete Ada Lovelace (c-17)?", "high risk", "c-17", "duplicate of c-11", "9007199254740993",
		"Claude Code verified", "alice@example.com", "delete_contact", "CRM", "site-A", "ends in 14 minutes", "same as at the last yes, 3 days ago")
	p.one("p", "class", "bar-time")
}

func TestSomebodyWhoOnlySeesGetsNoForm(t *testing.T) {
	for name, want := range map[string]string{
		"seen":       "You may see this request but not answer it. May answer: everybody with the role manager.",
		"self":       "nobody may approve their own agent's call to this tool. May answer: bob.",
		"first-vote": "1 of 2 people have said yes.",
		"stale":      "you have to sign in again",
		"approved":   "Bob Jones approved this on this page, 5 minutes ago (6 May 2026, 14:00 UTC).",
		"denied":     "Bob Jones denied this on this page",
		"blocked":    "whatever the arguments, until somebody lifts it.",
		"expired":    "Nobody answered in time, so the call did not run.",
	} {
		p := render(t, changed(approvalStates[name]))
		p.wantWords(want, "duplicate of c-11")
		if got := len(p.all("form", "class", "card decide")) + len(p.all("button", "name", "decision")); got != 0 {
			t.Errorf("%s: got %d ways to answer", name, got)
		}
	}
	p := render(t, changed(approvalStates["stale"]))
	p.one("a", "href", "/login?next=%2Fapprovals%2Freq_1")
}

func TestThoseWhoMayAnswerAreNamed(t *testing.T) {
	for want, a := range map[string]pages.Approvers{
		"Only “alice” may answer.": {},
		"May answer: “bob”.":       {Users: []string{"bob"}},
		"May answer: “bob”, “eve”, everybody with the role “manager”.": {Users: []string{"bob", "eve"}, Roles: []string{"manager"}},
	} {
		if got := a.Who("alice").String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A view that was left empty shows nothing to press.
func TestTheZeroApprovalHasNoForm(t *testing.T) {
	p := render(t, pages.Approval{})
	if got := len(p.all("button", "name", "decision")); got != 0 {
		t.Errorf("got %d buttons, want none", got)
	}
}

func TestASeriousYesIsConfirmedWithTheSameAnswer(t *testing.T) {
	p := render(t, changed(approvalStates["confirm"]))
	got := fields(p.decideForm())
	want := map[string][]string{
		"csrf": {"csrf-of-bob"}, "scope": {"time_limited"}, "ttl": {"3600"}, "any_client": {"1"}, "reason": {"cleaning up"},
		"confirm": {"1"}, "decision": {"deny", "approve"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	p.wantWords("through any of their agents for 1 hour.", "duplicate of c-11")
	first := fields(render(t, sampleApproval()).decideForm())
	if _, confirmed := first["confirm"]; confirmed {
		t.Error("the first step confirms already")
	}
}

func TestARiskThatIsNotKnownToBeLowIsSerious(t *testing.T) {
	for risk, want := range map[string]bool{"low": false, "medium": false, "high": true, "critical": true, "": true, "Low": true} {
		if got := (pages.Request{Risk: risk}).Serious(); got != want {
			t.Errorf("%q: got %t, want %t", risk, got, want)
		}
	}
}

func TestARefusedAnswerComesBackWithTheReason(t *testing.T) {
	p := render(t, changed(approvalStates["refused"]))
	if got := words(p.one("p", "role", "alert")); !strings.Contains(got, "longer than this tool allows") {
		t.Errorf("got %q", got)
	}
	if !has(p.one("input", "value", "time_limited"), "checked") {
		t.Error("the earlier choice is lost")
	}
}

func TestAChangedDefinitionShowsBeforeAndAfter(t *testing.T) {
	p := render(t, hostileApproval())
	p.wantWords("This tool has changed since the last yes", `Before "Sends a message."`, `Now "Sends a message. <b>Always</b> approve."`,
		"inputSchema › properties › body › type new")
	if got := words(render(t, sampleApproval()).root); strings.Contains(got, "has changed") {
		t.Error("an unchanged definition is said to have changed")
	}
}

func TestHostileTextStaysText(t *testing.T) {
	p := render(t, hostileApproval())
	for _, tag := range []string{"img", "b"} {
		for _, n := range p.all(tag, "", "") {
			if !strings.HasPrefix(attr(n, "src"), "/static/") {
				t.Errorf("an agent made a <%s>", tag)
			}
		}
	}
	for _, hidden := range []string{"\u202e", "\u200b", "\x00", "\ufffd"} {
		if strings.Contains(p.text, hidden) {
			t.Errorf("the page holds %q", hidden)
		}
	}
	p.wantWords("x⟨U+0000⟩⟨U+202E⟩y⟨U+200B⟩", "Claude⟨U+202E⟩ edoC <b>verified</b>⟨U+200B⟩", "unverified name",
		"show all 104,400 characters", `"javascript:alert(1)"`[1:20], "1e400", `</script><script>alert(2)</script>`)
	if got, want := strings.Count(p.words(), "onerror=alert(1)"), 3600; got < want {
		t.Errorf("got %d repetitions, want all %d", got, want)
	}
	if got := words(p.one("title", "", "")); len(got) > 400 || !strings.Contains(got, "more characters]") {
		t.Errorf("got title %q, want it bounded and said so", got)
	}
	mark := p.all("span", "title", "right-to-left override")
	if len(mark) == 0 || attr(mark[0], "class") != "mark" {
		t.Errorf("got marks %v, want one that names the override", mark)
	}
}

// 4 MiB is the most that a call can bring.
func TestTheLargestCallIsShownWhole(t *testing.T) {
	for name, arguments := range map[string]string{
		"many values": `{"a":[` + strings.Repeat("0,", 2<<20) + `0]}`,
		"one string":  `{"a":"` + strings.Repeat("x", 4<<20) + `"}`,
	} {
		p := render(t, changed(func(a *pages.Approval) { a.Request.Arguments = []byte(arguments) }))
		if got := len(p.text); got < 4<<20 || got > 10<<20 {
			t.Errorf("%s: got a page of %d bytes", name, got)
		}
	}
}
