package edge_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
)

func TestPeopleAreManagedWithinTheTenant(t *testing.T) {
	h := open(t)
	root, mallory, boss := h.operator("root"), h.operator("mallory"), h.operator("boss")
	dave := `{"id":"dave","password":"password of dave","email":"dave@example.com","claims":{"tenant":"acme","roles":["manager"],"badge":9007199254740993}}`
	mallory.post("/users", dave).wantCode(http.StatusUnprocessableEntity, "tenant_not_allowed")
	root.post("/users", `{"id":"dave","claims":{}}`).wantCode(http.StatusUnprocessableEntity, "tenant_not_allowed")
	root.post("/users", `{"id":"a|b","claims":{"tenant":"acme"}}`).wantCode(http.StatusUnprocessableEntity, "invalid_id")
	root.post("/users", `{"id":"alice","claims":{"tenant":"acme"}}`).wantCode(http.StatusConflict, "exists")
	root.post("/users", dave).want(http.StatusCreated).wantWords("dave@example.com", "9007199254740993").wantNoWords("password", "argon2")
	root.post("/users", dave).wantCode(http.StatusConflict, "exists")

	mallory.do(http.MethodPatch, "/users/dave", `{"admin":true}`).wantCode(http.StatusNotFound, "not_found")
	mallory.do(http.MethodDelete, "/users/dave", "").wantCode(http.StatusNotFound, "not_found")
	root.do(http.MethodPatch, "/users/dave", `{"claims":{"tenant":"evil"}}`).wantCode(http.StatusUnprocessableEntity, "tenant_not_allowed")
	root.do(http.MethodPatch, "/users/dave", `{"claims":{}}`).wantCode(http.StatusUnprocessableEntity, "tenant_not_allowed")
	root.do(http.MethodPatch, "/users/alice", `{"disabled":true}`).wantCode(http.StatusConflict, "configured")
	root.do(http.MethodDelete, "/users/alice", "").wantCode(http.StatusConflict, "configured")

	for who, want := range map[string]int{"root": 5, "mallory": 2, "boss": 8} {
		if got := ids(h.operator(who).get("/users?limit=200")); len(got) != want {
			t.Errorf("%s sees %v, want %d", who, got, want)
		}
	}
	boss.get("/users?limit=3").want(http.StatusOK).wantNoWords("argon2")
}

func TestADisabledOrDeletedPersonIsOutAtOnce(t *testing.T) {
	h := open(t)
	root := h.operator("root")
	root.post("/users", `{"id":"dave","password":"password of dave","claims":{"tenant":"acme","roles":["manager"]}}`).want(http.StatusCreated)
	b := h.signIn("dave")
	p := h.operator("dave")
	_, secret := h.token("dave")
	root.do(http.MethodPatch, "/users/dave", `{"disabled":true}`).want(http.StatusOK)
	b.get("/account").want(http.StatusSeeOther)
	p.get("/approvals").want(http.StatusUnauthorized)
	if h.works(secret) {
		t.Error("a disabled person's token works")
	}
	b.post("/login", credentials("dave", password("dave"))).want(http.StatusUnauthorized)
	root.do(http.MethodPatch, "/users/dave", `{"disabled":false}`).want(http.StatusOK)
	if !h.works(secret) {
		t.Error("the token of a person who is back does not work")
	}
	b.get("/account").want(http.StatusSeeOther) // signed out for good
	root.do(http.MethodDelete, "/users/dave", "").want(http.StatusNoContent)
	if h.works(secret) {
		t.Error("a deleted person's token works")
	}
	root.do(http.MethodDelete, "/users/dave", "").wantCode(http.StatusNotFound, "not_found")
}

func TestANewPasswordSignsOutEverywhere(t *testing.T) {
	h := open(t)
	root := h.operator("root")
	root.post("/users", `{"id":"dave","password":"password of dave","claims":{"tenant":"acme"}}`).want(http.StatusCreated)
	b, p := h.signIn("dave"), h.operator("dave")
	root.do(http.MethodPatch, "/users/dave", `{"email":"d@example.com"}`).want(http.StatusOK)
	b.get("/account").want(http.StatusOK).wantWords("d@example.com")
	root.do(http.MethodPatch, "/users/dave", `{"password":"short"}`).wantCode(http.StatusUnprocessableEntity, "password_too_short")
	root.post("/users", `{"id":"weak","password":"1234567","claims":{"tenant":"acme"}}`).wantCode(http.StatusUnprocessableEntity, "password_too_short")
	root.do(http.MethodPatch, "/users/dave", `{"password":"another one"}`).want(http.StatusOK)
	b.get("/account").want(http.StatusSeeOther)
	p.get("/approvals").want(http.StatusUnauthorized)
	b.post("/login", credentials("dave", password("dave"))).want(http.StatusUnauthorized)
	b.post("/login", credentials("dave", "another one")).want(http.StatusSeeOther)
}

func TestEverythingOfSomebodyEndsAtOnce(t *testing.T) {
	h := open(t)
	_, bobs := h.token("bob")
	_, eves := h.token("eve")
	for _, c := range []struct{ body, who string }{
		{`{"subject":"alice"}`, "root"}, {`{"client":"personal"}`, "root"}, {`{"tenant":"acme"}`, "root"}, {`{"all":true}`, "root"}, {`{"tenant":"acme"}`, "boss"},
	} {
		_, secret := h.token("alice")
		r := h.askWith(secret, "crm:update_contact", `{"id":"1"}`)
		h.signIn("alice").call(http.MethodPost, "/approvals/"+r.ID+"/decision", `{"decision":"approve","scope":"user"}`).want(http.StatusOK)
		b := h.signIn("alice")
		h.operator(c.who).post("/revoke", c.body).want(http.StatusOK)
		if h.works(secret) {
			t.Errorf("%s: the token works", c.body)
		}
		if got := ids(h.operator("boss").get("/grants?subject=alice&state=approved")); len(got) != 0 {
			t.Errorf("%s: the grants %v stand", c.body, got)
		}
		if signedIn := b.get("/account").status == http.StatusOK; signedIn != strings.Contains(c.body, "client") {
			t.Errorf("%s: signed in %t", c.body, signedIn)
		}
		if !h.works(eves) {
			t.Errorf("%s by %s ended what is of another tenant", c.body, c.who)
		}
	}
	if h.works(bobs) {
		t.Error("bob's token outlived the revocation of all of his tenant")
	}
	root := h.operator("root")
	root.post("/revoke", `{"subject":"eve"}`).wantCode(http.StatusNotFound, "not_found")
	root.post("/revoke", `{"tenant":"evil"}`).wantCode(http.StatusNotFound, "not_found")
	for _, body := range []string{`{}`, `{"all":false}`, `{"subject":"alice","all":true}`, `{"client":"personal","tenant":"acme"}`, `{"everything":true}`, `{"all":"true"}`} {
		root.post("/revoke", body).want(http.StatusBadRequest)
	}
}

func TestTheAuditLogShowsEachReaderTheirOwn(t *testing.T) {
	h := open(t)
	h.ask("alice", "crm:delete_contact", `{"id":"1"}`)
	h.ask("eve", "crm:update_contact", `{"id":"1"}`)
	entries := func(who, query string) []audit.Entry {
		return read[struct{ Items []audit.Entry }](h.operator(who).get("/audit?limit=200&" + query).want(http.StatusOK)).Items
	}
	for _, e := range entries("alice", "") {
		if e.Actor.Subject != "alice" || e.Actor.Tenant != "acme" {
			t.Errorf("alice sees %+v", e)
		}
	}
	for _, e := range entries("root", "") {
		if e.Actor.Tenant != "acme" {
			t.Errorf("root sees %+v", e)
		}
	}
	for _, c := range []struct {
		who, query string
		want       bool
	}{
		{"alice", "", true},
		{"alice", "subject=alice", true},
		{"alice", "subject=eve", false},
		{"bob", "tool=crm:delete_contact", false},
		{"root", "subject=alice&tool=crm:delete_contact", true},
		{"root", "subject=alice&tool=crm:other", false},
		{"root", "subject=eve", false},
		{"mallory", "subject=eve", true},
		{"boss", "subject=eve", true},
		{"boss", "subject=eve&to=2020-01-01T00:00:00Z", false},
		{"boss", "subject=eve&from=2020-01-01T00:00:00Z", true},
		{"alice", "decision=hold", true},
		{"root", "decision=hold&tool=crm:delete_contact", true},
		{"root", "decision=approval_required&subject=alice", true},
		{"root", "decision=hold&tool=crm:update_contact", false},
		{"root", "decision=pass", false},
	} {
		if got := entries(c.who, c.query); (len(got) > 0) != c.want {
			t.Errorf("%s %s: got %d entries, want some %t", c.who, c.query, len(got), c.want)
		}
	}
	h.operator("root").get("/audit?from=yesterday").wantCode(http.StatusBadRequest, "invalid_request")
	h.operator("root").get("/audit?tenant=evil").wantCode(http.StatusBadRequest, "invalid_request")
}

func TestAnExportIsWholeOrLimitedToItsReader(t *testing.T) {
	h := open(t)
	h.ask("alice", "crm:delete_contact", `{"id":"1"}`)
	h.ask("eve", "crm:update_contact", `{"id":"1"}`)
	whole := h.operator("boss").get("/audit/export").want(http.StatusOK)
	report, err := audit.VerifyExport(t.Context(), bytes.NewReader([]byte(whole.body)), audit.VerifyOptions{})
	if err != nil || !report.OK() {
		t.Errorf("got report %+v, %v", report, err)
	}
	whole.wantWords(`"subject":"alice"`, `"subject":"eve"`)
	h.operator("root").get("/audit/export").want(http.StatusOK).wantWords(`"subject":"alice"`).wantNoWords(`"subject":"eve"`)
	h.operator("eve").get("/audit/export").want(http.StatusOK).wantWords(`"subject":"eve"`).wantNoWords(`"subject":"alice"`)
	h.operator("eve").get("/audit/export?subject=alice").wantCode(http.StatusNotFound, "not_found")
	h.operator("root").get("/audit/checkpoint").want(http.StatusOK).wantWords("ostiary audit checkpoint")
}

func TestToolsAreListedToThoseWhoMayKnowOfThem(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		who, query string
		want       string
	}{
		{"alice", "", "crm:delete_contact crm:get_contact crm:merge_contacts crm:update_contact"},
		{"bob", "", "crm:delete_contact crm:get_contact crm:merge_contacts crm:secret_report crm:update_contact"},
		{"root", "", "crm:delete_contact crm:get_contact crm:merge_contacts crm:secret_report crm:update_contact notes:add_note"},
		{"root", "?subject=alice", "crm:delete_contact crm:get_contact crm:merge_contacts crm:update_contact"},
		{"boss", "?subject=bob", "crm:delete_contact crm:get_contact crm:merge_contacts crm:secret_report crm:update_contact"},
	} {
		if got := strings.Join(ids(h.operator(c.who).get("/tools"+c.query)), " "); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.who, c.query, got, c.want)
		}
	}
	h.operator("alice").get("/tools?subject=bob").wantCode(http.StatusNotFound, "not_found")
	h.operator("mallory").get("/tools?subject=bob").wantCode(http.StatusNotFound, "not_found")
	first := read[struct {
		Items []struct{ ID string }
		Next  string
	}](h.operator("root").get("/tools?limit=4"))
	if got := ids(h.operator("root").get("/tools?limit=4&cursor=" + first.Next)); strings.Join(got, " ") != "crm:update_contact notes:add_note" {
		t.Errorf("got %v on the second page", got)
	}
	h.operator("root").get("/tools").wantWords(`"risk_level":"high"`, `"definition":{"name":"delete_contact"`, `"digest":"sha256:`)
}

func TestOperatorsSeeWhatWasLeftOutAndWhy(t *testing.T) {
	h := open(t)
	type page struct {
		Items []struct{ App, Name, Why string }
		Next  string
	}
	if got := read[page](h.operator("root").get("/tools/left-out").want(http.StatusOK)); len(got.Items) != 0 {
		t.Fatalf("got %+v; want nothing left out", got)
	}
	(*h.lists)["crm"] = []string{"get_contact", "get_contact", "", "@prompts/x", "merge_contacts"}
	h.must(h.catalogue.Refresh(t.Context()))
	first := read[page](h.operator("root").get("/tools/left-out?limit=2").want(http.StatusOK))
	rest := read[page](h.operator("root").get("/tools/left-out?limit=2&cursor=" + first.Next).want(http.StatusOK))
	var got []string
	for _, l := range append(first.Items, rest.Items...) {
		got = append(got, l.App+" "+l.Name)
		if l.Why == "" {
			t.Errorf("%+v: left out without a reason", l)
		}
	}
	if want := "crm , crm @prompts/x, crm get_contact"; strings.Join(got, ", ") != want || rest.Next != "" {
		t.Errorf("got %q, then %q; want %q", got, rest.Next, want)
	}
	if got := read[page](h.operator("alice").get("/tools/left-out").want(http.StatusOK)); len(got.Items) != 0 {
		t.Errorf("alice got %+v; want nothing", got)
	}
	h.operator("root").get("/tools/left-out?subject=alice").wantCode(http.StatusBadRequest, "invalid_request")
	h.operator("root").get("/tools").want(http.StatusOK).wantNoWords("crm:get_contact")
}

func TestAnOperatorAcceptsADefinition(t *testing.T) {
	h := open(t)
	pending := func() bool {
		return strings.Contains(h.operator("root").get("/tools?limit=200").body, `"pending":true`)
	}
	if !pending() {
		t.Fatal("a new tool of a pinned app does not wait")
	}
	path := "/tools/" + url.PathEscape("notes:add_note") + "/accept"
	h.operator("alice").post(path, "").wantCode(http.StatusForbidden, "right_missing")
	h.operator("root").post("/tools/notes:nothing/accept", "").wantCode(http.StatusNotFound, "not_found")
	for _, wrong := range []string{"?digest=", "?digest=sha256:" + strings.Repeat("0", 64), "?digest=sha256:1"} {
		h.operator("root").post(path+wrong, "").wantCode(http.StatusBadRequest, "invalid_request")
	}
	h.operator("root").post(path, `{"digest":"sha256:1"}`).wantCode(http.StatusBadRequest, "invalid_request")
	h.operator("root").post(path+"?digest=sha256:"+strings.Repeat("1", 64), "").wantCode(http.StatusConflict, "definition_changed")
	h.operator("root").post(path, "").want(http.StatusOK)
	h.wantEvents("tool_accepted")
	if pending() {
		t.Error("the tool still waits")
	}
}

// Of an agent that is connected explain tells what its youngest session has;
// of another, what one would that was given everything.
func TestExplainTellsOfAnAgentAsItIsConnected(t *testing.T) {
	h := open(t)
	ses, _ := h.agent("alice", "claude")
	root := h.operator("root")
	reason := func(client, tool string) string {
		return read[struct{ Reason string }](root.post("/explain", `{"subject":"alice","client":"`+client+`","tool":"`+tool+`"}`).want(http.StatusOK)).Reason
	}
	want := func(client, tool, want string) {
		t.Helper()
		if got := reason(client, tool); got != want {
			t.Errorf("%s by %s: got %q; want %q", tool, client, got, want)
		}
	}
	want("claude", "crm:get_contact", "")
	want("cursor", "crm:get_contact", "")
	_, err := h.agents.EndApp(t.Context(), ses.ID, "crm", audit.Actor{})
	h.must(err)
	want("claude", "crm:get_contact", "authorization_required")
	want("cursor", "crm:get_contact", "")
	_, err = h.agents.Revoke(t.Context(), ses.ID, "", audit.Actor{})
	h.must(err)
	want("claude", "crm:get_contact", "")
}

func TestExplainTellsEveryGatesAnswerAndDoesNothing(t *testing.T) {
	h := open(t)
	type explanation struct {
		Effect, Reason string
		Gates          []struct{ Gate, Effect, Reason, Rule string }
	}
	ask := `{"subject":"alice","tool":"crm:delete_contact","arguments":{"id":"1"}}`
	got := read[explanation](h.operator("root").post("/explain", ask).want(http.StatusOK))
	last := got.Gates[len(got.Gates)-1]
	if got.Effect != "hold" || got.Reason != "approval_required" || len(got.Gates) < 9 || last.Gate != "approval" || last.Rule != "tools[1]" {
		t.Errorf("got %+v", got)
	}
	if n := len(ids(h.operator("alice").get("/approvals"))); n != 0 {
		t.Errorf("explaining made %d requests", n)
	}
	alice := h.operator("alice")
	alice.post("/explain", ask).want(http.StatusOK)
	alice.post("/explain", `{"subject":"bob","tool":"crm:get_contact"}`).wantCode(http.StatusNotFound, "not_found")
	alice.post("/explain", `{"subject":"alice","tool":"crm:nothing"}`).wantCode(http.StatusNotFound, "not_found")
	h.operator("mallory").post("/explain", ask).wantCode(http.StatusNotFound, "not_found")
	h.operator("root").post("/explain", `{"subject":"alice","tool":"crm:get_contact","arguments":[]}`).wantCode(http.StatusBadRequest, "invalid_request")
	h.operator("root").post("/explain", `{"subject":"alice","tool":"crm:get_contact","arguments":{"id":1,"id":2}}`).wantCode(http.StatusBadRequest, "invalid_request")
}

// The agent hears the same as of a tool that isn't there; "the true reason is
// in audit and explain", to operators and to the person alike.
func TestAuditAndExplainSayTheSameOfAHiddenTool(t *testing.T) {
	h := open(t)
	_, secret := h.token("alice")
	h.call(secret, "crm:secret_report", `{}`)
	for _, who := range []string{"alice", "root"} {
		reader := h.operator(who)
		entries := read[struct{ Items []audit.Entry }](reader.get("/audit?kind=refusal&tool=crm:secret_report").want(http.StatusOK)).Items
		got := read[struct{ Reason ostiary.Reason }](reader.post("/explain", `{"subject":"alice","tool":"crm:secret_report"}`).want(http.StatusOK)).Reason
		if len(entries) != 1 || entries[0].Decision == nil || entries[0].Decision.Reason != got || got != ostiary.ReasonRoleRequired {
			t.Errorf("%s: the record says %+v, explain %q; want role_required twice", who, entries, got)
		}
	}
	h.operator("alice").get("/tools").want(http.StatusOK).wantNoWords("secret_report")
}
