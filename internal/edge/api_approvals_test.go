package edge_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/approval"
)

func TestADecisionByAPI(t *testing.T) {
	h := open(t)
	_, secret := h.token("alice")
	r := h.askWith(secret, "crm:delete_contact", `{"id":9007199254740993,"note":"<b>&"}`)
	path := "/approvals/" + r.ID + "/decision"
	yes := `{"decision":"approve","scope":"time_limited","ttl":600,"reason":"fine"}`

	h.operator("alice").post(path, yes).wantCode(http.StatusForbidden, "not_an_approver")
	h.operator("root").post(path, yes).wantCode(http.StatusForbidden, "not_an_approver")
	h.operator("eve").post(path, yes).wantCode(http.StatusNotFound, "not_found")
	h.operator("mallory").post(path, yes).wantCode(http.StatusNotFound, "not_found")
	h.operator("bob").post("/approvals/req_none/decision", yes).wantCode(http.StatusNotFound, "not_found")
	stale := h.operator("bob")
	h.clock.Move(reauth + time.Second)
	stale.post(path, yes).wantCode(http.StatusForbidden, "reauthenticate")

	bob := h.operator("bob")
	for body, code := range map[string]string{
		`{"decision":"approve","scope":"user"}`:                                    "scope_not_allowed",
		`{"decision":"approve","scope":"everything"}`:                              "scope_not_allowed",
		`{"decision":"approve","scope":"time_limited","ttl":3601}`:                 "ttl_too_long",
		`{"decision":"approve","scope":"time_limited","ttl":9223372036854775807}`:  "ttl_too_long",
		`{"decision":"approve","scope":"time_limited"}`:                            "ttl_missing",
		`{"decision":"approve","scope":"time_limited","ttl":-9223372036854775808}`: "ttl_missing",
	} {
		bob.post(path, body).wantCode(http.StatusUnprocessableEntity, code)
	}
	bob.post(path, `{"decision":"deny","reason":"`+strings.Repeat("x", 4001)+`"}`).wantCode(http.StatusUnprocessableEntity, "reason_too_long")
	if got := h.request(r.ID).Status; got != approval.Pending {
		t.Fatalf("got %s by answers that were refused", got)
	}
	a := bob.post(path, yes).want(http.StatusOK)
	if got := read[approval.Request](a); got.Status != approval.Approved || got.Decisions[0].By.Identifier != "bob" || got.Decisions[0].By.Origin != "api" {
		t.Errorf("got %+v", got)
	}
	a.wantWords("9007199254740993", `Delete “9007199254740993”?`)
	h.operator("carol").post(path, `{"decision":"deny"}`).wantCode(http.StatusConflict, "already_decided")
	if a := h.call(secret, "crm:delete_contact", `{"id":"1"}`); a.Pass == nil {
		t.Errorf("got %s after the yes", a.Decision.Reason)
	}
}

func TestSelfApprovalAndLateAnswersByAPI(t *testing.T) {
	h := open(t)
	own := h.ask("bob", "crm:delete_contact", `{"id":"1"}`)
	h.operator("bob").post("/approvals/"+own.ID+"/decision", `{"decision":"approve"}`).wantCode(http.StatusForbidden, "self_approval")
	late := h.ask("alice", "crm:update_contact", `{"id":"1"}`)
	h.clock.Move(15 * time.Minute)
	h.operator("alice").post("/approvals/"+late.ID+"/decision", `{"decision":"approve"}`).wantCode(http.StatusConflict, "expired")
}

func TestABrowserSessionDecidesByAPIToo(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:update_contact", `{"id":"1"}`)
	h.signIn("alice").call(http.MethodPost, "/approvals/"+r.ID+"/decision", `{"decision":"deny","reason":"no"}`).want(http.StatusOK)
	if got := h.request(r.ID).Status; got != approval.Denied {
		t.Errorf("got %s, want denied", got)
	}
}

func ids(a answer) (all []string) {
	a.t.Helper()
	for _, it := range read[struct{ Items []struct{ ID string } }](a.want(http.StatusOK)).Items {
		all = append(all, it.ID)
	}
	return all
}

func TestListsOfRequestsShowWhatOneMaySee(t *testing.T) {
	h := open(t)
	own := h.ask("alice", "crm:update_contact", `{"id":"1"}`)
	forManagers := h.ask("alice", "crm:delete_contact", `{"id":"1"}`)
	evil := h.ask("eve", "crm:update_contact", `{"id":"1"}`)
	for who, want := range map[string][]string{
		"alice":   {forManagers.ID, own.ID},
		"bob":     {forManagers.ID},
		"root":    {forManagers.ID, own.ID},
		"eve":     {evil.ID},
		"mallory": {evil.ID},
		"boss":    {evil.ID, forManagers.ID, own.ID},
	} {
		if got := ids(h.operator(who).get("/approvals?status=pending")); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: got %v, want %v", who, got, want)
		}
		for _, r := range []approval.Request{own, forManagers, evil} {
			got := h.operator(who).get("/approvals/" + r.ID).status
			if seen := strings.Contains(strings.Join(want, " "), r.ID); seen != (got == http.StatusOK) || !seen && got != http.StatusNotFound {
				t.Errorf("%s: %s: got %d, want seen %t", who, r.ID, got, seen)
			}
		}
	}
	// An operator's token without the right to read sees what is their own.
	if got := ids(h.operator("root", "approve").get("/approvals")); len(got) != 0 {
		t.Errorf("got %v with the right to approve alone, want nothing", got)
	}
	h.clock.Move(time.Hour)
	if got := ids(h.operator("alice").get("/approvals?status=expired")); len(got) != 2 {
		t.Errorf("got %v expired, want two", got)
	}
}

func TestARequestTellsAllThatTheContractNames(t *testing.T) {
	h := open(t)
	r := h.ask("alice", "crm:delete_contact", `{"id":"1"}`)
	got := read[map[string]any](h.operator("alice").get("/approvals/" + r.ID).want(http.StatusOK))
	for _, name := range strings.Split("id tool app subject client session arguments arguments_digest tool_digest status category risk_level message allowed_scopes default_scope max_ttl created_at expires_at decisions", " ") {
		if _, ok := got[name]; !ok {
			t.Errorf("no member %s in %v", name, got)
		}
	}
}

func TestGrantsAreListedAndTakenBack(t *testing.T) {
	h := open(t)
	_, secret := h.token("alice")
	grant := func() string {
		r := h.askWith(secret, "crm:update_contact", `{"id":"1"}`)
		h.operator("alice").post("/approvals/"+r.ID+"/decision", `{"decision":"approve","scope":"user"}`).want(http.StatusOK)
		return h.request(r.ID).GrantID
	}
	id := grant()
	for who, want := range map[string]int{"alice": 1, "root": 1, "boss": 1, "bob": 0, "eve": 0, "mallory": 0} {
		p := h.operator(who)
		if got := ids(p.get("/grants")); len(got) != want {
			t.Errorf("%s: got %v, want %d", who, got, want)
		}
		if want == 0 {
			p.do(http.MethodDelete, "/grants/"+id, "").wantCode(http.StatusNotFound, "not_found")
		}
	}
	for query, want := range map[string]int{"subject=alice": 1, "subject=bob": 0, "tool=crm:update_contact": 1, "tool=crm:x": 0, "state=approved": 1, "state=revoked": 0} {
		if got := ids(h.operator("root").get("/grants?" + query)); len(got) != want {
			t.Errorf("%s: got %v, want %d", query, got, want)
		}
	}
	h.operator("root").get("/grants?state=live").want(http.StatusBadRequest)
	h.operator("alice", "read").do(http.MethodDelete, "/grants/"+id, "").want(http.StatusForbidden)
	h.operator("alice").do(http.MethodDelete, "/grants/"+id, "").want(http.StatusNoContent)
	if a := h.call(secret, "crm:update_contact", `{"id":"1"}`); a.Pass != nil {
		t.Error("a call went through after the grant was taken back")
	}
	second := grant()
	h.operator("root", "read", "approve").do(http.MethodDelete, "/grants/"+second, "").wantCode(http.StatusForbidden, "right_missing")
	h.operator("root").do(http.MethodDelete, "/grants/"+second, "").want(http.StatusNoContent)
	if got := ids(h.operator("alice").get("/grants?state=revoked")); len(got) != 2 {
		t.Errorf("got %v revoked, want both", got)
	}
}

func TestDeletingADenialLiftsIt(t *testing.T) {
	h := open(t)
	_, secret := h.token("alice")
	r := h.askWith(secret, "crm:update_contact", `{"id":"1"}`)
	h.operator("alice").post("/approvals/"+r.ID+"/decision", `{"decision":"block"}`).want(http.StatusOK)
	if a := h.call(secret, "crm:update_contact", `{"id":"2"}`); a.Waiting != nil {
		t.Fatal("a blocked tool still asks")
	}
	h.operator("alice").do(http.MethodDelete, "/grants/"+h.request(r.ID).GrantID, "").want(http.StatusNoContent)
	h.askWith(secret, "crm:update_contact", `{"id":"2"}`)
}

func TestAnOperatorGrantsWithinTheToolsLimits(t *testing.T) {
	h := open(t)
	token, secret := h.token("alice")
	root := h.operator("root")
	base := `{"subject":"alice","tool":"crm:update_contact",`
	h.operator("alice").post("/grants", base+`"scope":"user"}`).wantCode(http.StatusForbidden, "right_missing")
	h.operator("mallory").post("/grants", base+`"scope":"user"}`).wantCode(http.StatusNotFound, "not_found")
	root.post("/grants", `{"subject":"eve","tool":"crm:update_contact","scope":"user"}`).wantCode(http.StatusNotFound, "not_found")
	root.post("/grants", `{"subject":"nobody","tool":"crm:update_contact","scope":"user"}`).wantCode(http.StatusNotFound, "not_found")
	root.post("/grants", `{"subject":"alice","tool":"crm:nothing","scope":"user"}`).wantCode(http.StatusNotFound, "not_found")
	for body, code := range map[string]string{
		`"scope":"once"}`:                    "scope_not_allowed",
		`"scope":"context_specific"}`:        "scope_not_allowed",
		`"scope":"time_limited","ttl":3601}`: "ttl_too_long",
		`"scope":"time_limited"}`:            "ttl_missing",
		`"scope":"session"}`:                 "session_missing",
		`"scope":"user","site":"site-A"}`:    "site_not_allowed",
	} {
		root.post("/grants", base+body).wantCode(http.StatusUnprocessableEntity, code)
	}
	root.post("/grants", base+`"scope":"user","granted_by":{"source":"user"}}`).want(http.StatusBadRequest)
	root.post("/grants", base+`"scope":"user","granted_by":{"source":"user","identifier":"x","origin":"page"}}`).want(http.StatusBadRequest)
	if a := h.call(secret, "crm:update_contact", `{"id":"1"}`); a.Pass != nil {
		t.Fatal("a refused grant lets calls through")
	}
	a := root.post("/grants", base+`"scope":"session","session":"`+string(token.Session)+`","granted_by":{"source":"user","identifier":"u1","display_name":"J. Doe"},"reason":"ticket 7"}`).want(http.StatusCreated)
	got := read[approval.Grant](a)
	if got.GrantedBy.Identifier != "u1" || got.GrantedBy.Method != "api" || got.Chain[1].Identifier != "root" || got.Reason != "ticket 7" {
		t.Errorf("got %+v", got)
	}
	h.wantEvents("granted")
	if a := h.call(secret, "crm:update_contact", `{"id":"1"}`); a.Pass == nil {
		t.Errorf("got %s with the grant", a.Decision.Reason)
	}
}
