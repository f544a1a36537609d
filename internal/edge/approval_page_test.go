package edge_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
)

func yes(scope string, more ...string) url.Values {
	v := url.Values{"decision": {"approve"}, "scope": {scope}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

func TestWhatOneMayNotSeeIsNotThere(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:update_contact", `{"id":"1"}`)
	missing := h.signIn("bob").get("/approvals/req_none").want(http.StatusNotFound).body
	// bob could approve deletions, but this is alice's own to decide; eve and
	// mallory are of another tenant.
	for _, id := range []string{"bob", "eve", "mallory"} {
		b := h.signIn(id)
		hidden := b.get("/approvals/" + r.ID).want(http.StatusNotFound)
		hidden.wantNoWords("update_contact", "alice")
		if id == "bob" && hidden.body != csrfField.ReplaceAllString(missing, csrfField.FindString(hidden.body)) {
			t.Error("a hidden request has another page than one that isn't there")
		}
		b.get("/approvals").want(http.StatusOK).wantNoWords(r.ID)
		b.send("/approvals/"+r.ID, url.Values{"csrf": {b.csrf("/account")}, "decision": {"approve"}, "scope": {"once"}}).want(http.StatusNotFound)
	}
	for _, id := range []string{"alice", "root", "boss"} {
		h.signIn(id).get("/approvals/" + r.ID).want(http.StatusOK).wantWords("update_contact")
	}
	if got := h.request(r.ID).Status; got != approval.Pending {
		t.Errorf("got %s, want pending", got)
	}
}

func TestAYesOnThePageLetsTheCallThrough(t *testing.T) {
	h := open(t)
	_, secret := h.token("alice")
	r := h.askWith(secret, "crm:update_contact", `{"id":"1"}`)
	b := h.signIn("alice")
	b.get("/approvals").want(http.StatusOK).wantWords(r.ID, "Needs you")
	b.get("/approvals/"+r.ID).want(http.StatusOK).wantWords(`value="approve"`, "Nobody has said yes to this tool here before.")
	b.post("/approvals/"+r.ID, yes("once", "reason", "fine")).wantRedirect("/approvals/" + r.ID)
	b.get("/approvals/"+r.ID).want(http.StatusOK).wantWords("Approved", "fine").wantNoWords(`name="decision"`)
	if a := h.call(secret, "crm:update_contact", `{"id":"2"}`); a.Pass != nil {
		t.Error("other arguments went through")
	}
	a := h.call(secret, "crm:update_contact", `{"id":"1"}`)
	if a.Pass == nil {
		t.Fatalf("got %s, want the call let through", a.Decision.Reason)
	}
	a.Pass.Done(t.Context(), "ok", 0)
}

func TestOperatorsSeeButDoNotDecide(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:update_contact", `{"id":"1"}`)
	b := h.signIn("root")
	b.get("/approvals/" + r.ID).want(http.StatusOK).wantNoWords(`name="decision"`)
	b.get("/approvals").wantWords("Waits for somebody else")
	b.send("/approvals/"+r.ID, withCSRF(b, yes("once"))).want(http.StatusForbidden).wantWords("not answer it")
	if got := h.request(r.ID).Status; got != approval.Pending {
		t.Errorf("got %s, want pending", got)
	}
}

// withCSRF adds the token of the browser's forms.
func withCSRF(b *browser, fields url.Values) url.Values {
	b.h.t.Helper()
	fields = clone(fields)
	fields.Set("csrf", b.csrf("/account"))
	return fields
}

func TestNobodyApprovesTheirOwnWhereThatIsForbidden(t *testing.T) {
	h := open(t)
	r := h.ask("bob", "crm:delete_contact", `{"id":"1"}`)
	b := h.signIn("bob")
	b.get("/approvals/" + r.ID).want(http.StatusOK).wantWords("Somebody else has to answer")
	b.send("/approvals/"+r.ID, withCSRF(b, yes("once", "confirm", "1"))).want(http.StatusForbidden)
	carol := h.signIn("carol")
	carol.post("/approvals/"+r.ID, yes("once", "confirm", "1")).wantRedirect("/approvals/" + r.ID)
}

func TestASeriousYesIsConfirmedFirst(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:delete_contact", `{"id":"c-17"}`)
	b := h.signIn("bob")
	b.post("/approvals/"+r.ID, yes("time_limited", "ttl", "600", "reason", "cleaning")).want(http.StatusOK).
		wantWords("Are you sure?", `name="confirm" value="1"`, `name="scope" value="time_limited"`, `name="ttl" value="600"`, "cleaning", "c-17")
	b.post("/approvals/"+r.ID, yes("once", "confirm", "yes")).want(http.StatusOK).wantWords("Are you sure?")
	if got := h.request(r.ID).Status; got != approval.Pending {
		t.Fatalf("got %s without the confirmation", got)
	}
	b.post("/approvals/"+r.ID, yes("time_limited", "ttl", "600", "confirm", "1")).wantRedirect("/approvals/" + r.ID)
	if got := h.request(r.ID); got.Status != approval.Approved || got.Decisions[0].TTL != 600 {
		t.Errorf("got %s for %d s, want approved for 600", got.Status, got.Decisions[0].TTL)
	}
}

func TestANoNeedsNoConfirmation(t *testing.T) {
	h := open(t)
	_, secret := h.token("alice")
	r := h.askWith(secret, "crm:delete_contact", `{"id":"1"}`)
	h.signIn("bob").post("/approvals/"+r.ID, url.Values{"decision": {"block"}}).wantRedirect("/approvals/" + r.ID)
	if a := h.call(secret, "crm:delete_contact", `{"id":"2"}`); a.Decision.Reason != ostiary.ReasonApprovalDenied {
		t.Errorf("got %s, want approval_denied: the tool is blocked", a.Decision.Reason)
	}
}

func TestASeriousDecisionNeedsAFreshSignIn(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:delete_contact", `{"id":"1"}`)
	b := h.signIn("bob")
	h.clock.Move(reauth + time.Second)
	again := "/login?next=%2Fapprovals%2F" + r.ID + "&reauth=1"
	b.get("/approvals/" + r.ID).want(http.StatusOK).wantNoWords(`name="decision"`)
	b.send("/approvals/"+r.ID, withCSRF(b, yes("once", "confirm", "1"))).wantRedirect(again)
	b.send("/approvals/"+r.ID, withCSRF(b, url.Values{"decision": {"deny"}})).wantRedirect(again)
	if got := h.request(r.ID).Status; got != approval.Pending {
		t.Fatalf("got %s by a stale sign-in", got)
	}
	b.get(again).want(http.StatusOK).wantWords("Sign in again")
	b.post(again, credentials("bob", password("bob"))).wantRedirect("/approvals/" + r.ID)
	b.post("/approvals/"+r.ID, yes("once", "confirm", "1")).wantRedirect("/approvals/" + r.ID)
	if got := h.request(r.ID).Status; got != approval.Approved {
		t.Errorf("got %s after a fresh sign-in, want approved", got)
	}
	low := h.ask("alice", "crm:update_contact", `{"id":"1"}`)
	a := h.signIn("alice")
	h.clock.Move(reauth + time.Second)
	a.post("/approvals/"+low.ID, yes("once")).wantRedirect("/approvals/" + low.ID) // low risk: no need
}

func TestAFormIsGoodInItsOwnBrowserOnly(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:delete_contact", `{"id":"1"}`)
	b, sameElsewhere, other := h.signIn("bob"), h.signIn("bob"), h.signIn("carol")
	for _, csrf := range []string{"", "x", sameElsewhere.csrf("/account"), other.csrf("/account"), h.browser().csrf("/login")} {
		fields := yes("once", "confirm", "1")
		fields.Set("csrf", csrf)
		b.send("/approvals/"+r.ID, fields).want(http.StatusForbidden)
		b.send("/approvals/"+r.ID+"?csrf="+b.csrf("/account"), fields).want(http.StatusForbidden)
	}
	if got := h.request(r.ID).Status; got != approval.Pending {
		t.Fatalf("got %s by a foreign form", got)
	}
	anonymous := h.browser()
	anonymous.send("/approvals/"+r.ID, withToken(b, yes("once", "confirm", "1"))).want(http.StatusUnauthorized)
	b.send("/approvals/"+r.ID, withCSRF(b, yes("once", "confirm", "1"))).wantRedirect("/approvals/" + r.ID)
}

func withToken(b *browser, fields url.Values) url.Values { return withCSRF(b, fields) }

func TestTheFirstDecisionWins(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:delete_contact", `{"id":"1"}`)
	h.signIn("bob").post("/approvals/"+r.ID, url.Values{"decision": {"deny"}}).want(http.StatusSeeOther)
	carol := h.signIn("carol")
	carol.send("/approvals/"+r.ID, withCSRF(carol, yes("once", "confirm", "1"))).want(http.StatusConflict).wantWords("already decided")
	if got := h.request(r.ID).Status; got != approval.Denied {
		t.Errorf("got %s, want denied", got)
	}
}

func TestOfManyAnswersAtOnceOneIsTaken(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:delete_contact", `{"id":"1"}`)
	const people = 6
	forms := make([]func() answer, people)
	for i := range people {
		b := h.signIn([]string{"bob", "carol"}[i%2])
		fields := withCSRF(b, yes("once", "confirm", "1"))
		forms[i] = func() answer { return b.send("/approvals/"+r.ID, fields) }
	}
	var mu sync.Mutex
	got := map[int]int{}
	var wg sync.WaitGroup
	for _, send := range forms {
		wg.Go(func() {
			a := send()
			mu.Lock()
			defer mu.Unlock()
			got[a.status]++
		})
	}
	wg.Wait()
	if got[http.StatusSeeOther] != 1 || got[http.StatusConflict] != people-1 {
		t.Errorf("got %v, want one 303 and the others 409", got)
	}
}

func TestAnAnswerAfterTheEndIsTooLate(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:update_contact", `{"id":"1"}`)
	b := h.signIn("alice")
	h.clock.Move(15 * time.Minute)
	b.get("/approvals/" + r.ID).want(http.StatusOK).wantWords("Expired").wantNoWords(`name="decision"`)
	b.send("/approvals/"+r.ID, withCSRF(b, yes("once"))).want(http.StatusConflict).wantWords("ran out of time")
}

func TestAnswersBeyondTheToolsLimitsAreRefused(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:delete_contact", `{"id":"1"}`)
	b := h.signIn("bob")
	for _, c := range []struct {
		fields url.Values
		want   int
	}{
		{yes("user", "confirm", "1"), http.StatusUnprocessableEntity},
		{yes("everything", "confirm", "1"), http.StatusUnprocessableEntity},
		{yes("user"), http.StatusUnprocessableEntity}, // not asked to confirm what is refused anyway
		{yes("time_limited", "ttl", "3601", "confirm", "1"), http.StatusUnprocessableEntity},
		{yes("time_limited", "ttl", "9223372036854775807", "confirm", "1"), http.StatusUnprocessableEntity},
		{yes("time_limited", "ttl", "0", "confirm", "1"), http.StatusUnprocessableEntity},
		{yes("time_limited", "ttl", "-1", "confirm", "1"), http.StatusUnprocessableEntity},
		{yes("time_limited", "confirm", "1"), http.StatusUnprocessableEntity},
		{url.Values{"decision": {"perhaps"}}, http.StatusBadRequest},
		{url.Values{}, http.StatusBadRequest},
		{url.Values{"decision": {"approve", "deny"}}, http.StatusBadRequest},
	} {
		b.send("/approvals/"+r.ID, withCSRF(b, c.fields)).want(c.want)
	}
	if got := h.request(r.ID).Status; got != approval.Pending {
		t.Fatalf("got %s", got)
	}
	b.post("/approvals/"+r.ID, yes("time_limited", "ttl", "3600", "confirm", "1")).want(http.StatusSeeOther)
}

func TestTwoPeopleMustSayYesWhereTwoAreNeeded(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:merge_contacts", `{"id":"1"}`)
	bob := h.signIn("bob")
	bob.post("/approvals/"+r.ID, yes("once", "confirm", "1")).want(http.StatusSeeOther)
	bob.get("/approvals/"+r.ID).want(http.StatusOK).wantWords("1 of 2 people have said yes", "You have answered")
	bob.send("/approvals/"+r.ID, withCSRF(bob, yes("once", "confirm", "1"))).want(http.StatusConflict)
	if got := h.request(r.ID).Status; got != approval.Pending {
		t.Fatalf("got %s after one person's two answers", got)
	}
	h.signIn("carol").post("/approvals/"+r.ID, yes("once", "confirm", "1")).want(http.StatusSeeOther)
	if got := h.request(r.ID).Status; got != approval.Approved {
		t.Errorf("got %s, want approved", got)
	}
}

func TestAYesIsTakenBackByItsPersonOrAnOperator(t *testing.T) {
	h := open(t)
	_, secret := h.token("alice")
	alice := h.signIn("alice")
	for _, by := range []string{"alice", "root"} {
		r := h.askWith(secret, "crm:update_contact", `{"id":"1"}`)
		alice.post("/approvals/"+r.ID, yes("user")).want(http.StatusSeeOther)
		grant := h.request(r.ID).GrantID
		revoke := url.Values{"action": {"revoke"}, "id": {grant}}
		for _, other := range []string{"bob", "eve", "mallory"} {
			b := h.signIn(other)
			b.get("/approvals").wantNoWords(grant)
			b.send("/approvals", withCSRF(b, revoke)).want(http.StatusNotFound)
		}
		if a := h.call(secret, "crm:update_contact", `{"id":"9"}`); a.Pass == nil {
			t.Fatalf("got %s before the yes was taken back", a.Decision.Reason)
		}
		b := h.signIn(by)
		b.get("/approvals").wantWords(grant, "through any of their personal tokens")
		b.post("/approvals", revoke).wantRedirect("/approvals?done=revoked")
		b.get("/approvals?done=revoked").wantWords("Taken back")
		if a := h.call(secret, "crm:update_contact", `{"id":"1"}`); a.Pass != nil {
			t.Errorf("a call went through after %s took the yes back", by)
		}
	}
	alice.send("/approvals", withCSRF(alice, url.Values{"action": {"delete"}, "id": {"grt_1"}})).want(http.StatusBadRequest)
}

func TestThePageShowsHowAToolChangedSinceTheLastYes(t *testing.T) {
	h := open(t)
	_, secret := h.token("alice")
	alice := h.signIn("alice")
	r := h.askWith(secret, "crm:update_contact", `{"id":"1"}`)
	alice.post("/approvals/"+r.ID, yes("user")).want(http.StatusSeeOther)
	tool := *h.catalogue.Now().ByID("crm:update_contact").Tool
	tool.Digest, tool.Definition = ostiary.Digest{7}, []byte(`{"name":"update_contact","description":"version 2"}`)
	*h.catalogue.Now().ByID("crm:update_contact").Tool = tool
	r = h.askWith(secret, "crm:update_contact", `{"id":"1"}`)
	page := alice.get("/approvals/" + r.ID).want(http.StatusOK)
	page.wantWords("This tool has changed since the last yes", "version 1", "version 2")
	// A yes for this call alone resumes the wide one of before: it says so.
	page.wantWords("Any yes to this request makes them hold again", "through any of their personal tokens")
	alice.post("/approvals/"+r.ID, yes("once")).want(http.StatusSeeOther)
	got, _, err := h.log.Search(t.Context(), audit.Query{Kind: audit.KindGrant})
	if err != nil || len(got) != 1 || got[0].Event != "resumed" || got[0].Actor.Subject != "alice" {
		t.Errorf("got %v, %v, want the resumed grant in the record", got, err)
	}
}

func TestAfterFiveEqualYesesThePageSuggestsAWiderOne(t *testing.T) {
	h := open(t)
	_, secret := h.token("alice")
	alice := h.signIn("alice")
	const suggests = "times this week somebody said yes to a call like this"
	ask := func(n int) string { return h.askWith(secret, "crm:update_contact", fmt.Sprintf(`{"id":"%d"}`, n)).ID }
	for n := range 5 {
		id := ask(n)
		alice.get("/approvals/" + id).want(http.StatusOK).wantNoWords(suggests)
		alice.post("/approvals/"+id, yes("once")).want(http.StatusSeeOther)
	}
	other := h.askWith(secret, "crm:delete_contact", `{"id":"1"}`)
	alice.get("/approvals/" + other.ID).want(http.StatusOK).wantNoWords(suggests)
	id := ask(5)
	alice.get("/approvals/"+id).want(http.StatusOK).wantWords("5 "+suggests, "“Yes for always” below")
	// A suggestion saves nothing.
	if a := h.call(secret, "crm:update_contact", `{"id":"77"}`); a.Pass != nil {
		t.Error("a call went through on a suggestion")
	}
	h.clock.Move(8 * 24 * time.Hour)
	again := h.signIn("alice")
	again.get("/approvals/" + ask(6)).want(http.StatusOK).wantNoWords(suggests)
}

// events opens the stream of events of a browser and returns its lines.
func (b *browser) events(ctx context.Context) <-chan string {
	b.h.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.h.server.URL+"/approvals/events", nil)
	b.h.must(err)
	client := &http.Client{Jar: b.jar, Transport: b.h.server.Client().Transport}
	got, err := client.Do(r)
	b.h.must(err)
	if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "text/event-stream" {
		b.h.t.Fatalf("got %s, %s", got.Status, got.Header.Get("Content-Type"))
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		defer got.Body.Close()
		for s := bufio.NewScanner(got.Body); s.Scan(); {
			if s.Text() != "" {
				lines <- s.Text()
			}
		}
	}()
	if first := <-lines; !strings.HasPrefix(first, ":") {
		b.h.t.Fatalf("got %q first, want a comment", first)
	}
	return lines
}

func TestAnInboxHearsWhatConcernsItsReaderAndNothingElse(t *testing.T) {
	h := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := h.signIn("eve")
	before := versionField.FindStringSubmatch(b.get("/approvals").body)[1]
	bob, eve := h.signIn("bob").events(ctx), b.events(ctx)
	h.ask("alice", "crm:delete_contact", `{"id":"1"}`)
	if got := <-bob; !strings.HasPrefix(got, "data: ") {
		t.Errorf("bob got %q, want an event", got)
	}
	h.ask("eve", "crm:update_contact", `{"id":"1"}`)
	if got := <-eve; !strings.HasPrefix(got, "data: ") || got == "data: "+before {
		t.Errorf("eve got %q, want an event of her own: she heard of another tenant", got)
	}
	cancel()
	for range eve {
	}
	for range bob {
	}
}

var versionField = regexp.MustCompile(`data-version="([^"]*)"`)

func TestAStreamEndsWithItsSession(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	lines := b.events(t.Context())
	b.post("/logout", url.Values{}).want(http.StatusOK)
	for range lines {
	}
	h.browser().get("/approvals/events").want(http.StatusUnauthorized)
}

func TestListeningDoesNotKeepASessionAlive(t *testing.T) {
	h := open(t)
	lines := h.signIn("bob").events(t.Context())
	_, secret := h.token("alice")
	h.clock.Move(idle - time.Minute)
	h.askWith(secret, "crm:delete_contact", `{"id":"1"}`)
	if got := <-lines; !strings.HasPrefix(got, "data: ") {
		t.Fatalf("got %q, want an event", got)
	}
	h.clock.Move(time.Minute)
	h.askWith(secret, "crm:delete_contact", `{"id":"2"}`)
	for line := range lines {
		t.Errorf("got %q after the session was idle for too long", line)
	}
}

func TestStreamsEndWhenTheGatewayStops(t *testing.T) {
	h := open(t)
	lines := h.signIn("alice").events(t.Context())
	close(h.stopping)
	for range lines {
	}
	h.stopping = make(chan struct{})
}

func TestTheNameOfAPersonalTokenIsNotShownAsVerified(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:update_contact", `{"id":"1"}`)
	h.signIn("alice").get("/approvals/"+r.ID).want(http.StatusOK).wantWords("personal token", "named by its owner").wantNoWords("badge verified")
}
