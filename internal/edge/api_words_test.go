package edge_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestSomebodyOfAnotherTenantIsAnsweredLikeNobody(t *testing.T) {
	h := open(t)
	p := h.operator("mallory")
	for _, c := range []struct{ method, path, body string }{
		{http.MethodPost, "/explain", `{"subject":"WHO","tool":"crm:get_contact"}`},
		{http.MethodPost, "/revoke", `{"subject":"WHO"}`},
		{http.MethodGet, "/tools?subject=WHO", ""},
		{http.MethodPatch, "/users/WHO", `{"disabled":true}`},
		{http.MethodDelete, "/users/WHO", ""},
		{http.MethodPost, "/grants", `{"subject":"WHO","tool":"crm:delete_contact","scope":"user"}`},
	} {
		ask := func(who string) answer {
			return p.do(c.method, strings.Replace(c.path, "WHO", who, 1), strings.Replace(c.body, "WHO", who, 1))
		}
		theirs, nobodys := ask("alice"), ask("nobody")
		theirs.wantCode(http.StatusNotFound, "not_found")
		if theirs.body != nobodys.body {
			t.Errorf("%s %s: got %s and %s; want the same", c.method, c.path, theirs.body, nobodys.body)
		}
	}
}

// Ids of people are one name space (docs/security.md): that one is taken can't
// be hidden, but nothing else is told, not even whether it is of one's own tenant.
func TestATakenIdIsTakenWhoeverHasIt(t *testing.T) {
	h := open(t)
	p := h.operator("mallory")
	create := func(who string) answer {
		return p.post("/users", `{"id":"`+who+`","claims":{"tenant":"evil"}}`)
	}
	create("dave").want(http.StatusCreated)
	want := create("eve")
	want.wantCode(http.StatusConflict, "exists")
	for _, who := range []string{"alice", "boss", "dave"} {
		got := create(who).want(http.StatusConflict)
		if got.body != strings.Replace(want.body, "eve", who, 1) {
			t.Errorf("%s: got %s; want %s", who, got.body, want.body)
		}
	}
	h.operator("root").get("/users").want(http.StatusOK).wantNoWords(`"dave"`)
}

func TestWhatIsWrongWithATokenIsSaid(t *testing.T) {
	h := open(t)
	b := h.signIn("alice")
	create := func(body string) answer { return b.call(http.MethodPost, "/tokens", body) }
	create(`{"name":"a","tier":"read","cidrs":[""]}`).wantCode(http.StatusUnprocessableEntity, "invalid_cidr")
	create(`{"name":"a","tier":"read","cidrs":["x"]}`).want(http.StatusBadRequest).wantWords("like 192.0.2.0/24").wantNoWords("netip")
	create(`{"name":"a\u0007b","tier":"read"}`).want(http.StatusUnprocessableEntity).wantWords("control characters")
	create(`{"name":"a","tier":"read","ttl":"1h"}`).want(http.StatusBadRequest).wantWords("ttl must be a whole number").wantNoWords("Go struct")
	create(`{"name":7,"tier":"read"}`).want(http.StatusBadRequest).wantWords("name must be a text")
	create(`{"name":"a","tier":"read","cidrs":["192.0.2.0/24"]}`).want(http.StatusCreated)
	mine, _ := h.token("alice")
	b.call(http.MethodPatch, "/tokens/"+mine.ID, `{"cidrs":[""]}`).wantCode(http.StatusUnprocessableEntity, "invalid_cidr")
}

func TestWordsThatAGrantKeepsAreShortAndPlain(t *testing.T) {
	h := open(t)
	grant := func(more string) answer {
		return h.operator("root").post("/grants", `{"subject":"alice","tool":"crm:delete_contact","scope":"session","session":"ses_1"`+more+`}`)
	}
	long := strings.Repeat("x", 257)
	for _, bad := range []string{long, `a\nb`, `a\u202eb`, `a\u001bb`} {
		for _, more := range []string{
			`,"client":"BAD"`, `,"site":"BAD"`, `,"granted_by":{"source":"BAD","identifier":"i"}`, `,"granted_by":{"source":"s","identifier":"BAD"}`,
			`,"granted_by":{"source":"s","identifier":"i","display_name":"BAD"}`,
		} {
			grant(strings.Replace(more, "BAD", bad, 1)).wantCode(http.StatusBadRequest, "invalid_request")
		}
		if bad != long {
			grant(`,"reason":"`+bad+`"`).wantCode(http.StatusBadRequest, "invalid_request")
		}
	}
	grant(`,"reason":"`+strings.Repeat("x", 4001)+`"`).wantCode(http.StatusUnprocessableEntity, "reason_too_long")
	grant(`,"client":"` + long[1:] + `","reason":"für Zoë"`).want(http.StatusCreated)
}

func TestAnEmailIsBoundedAndPlain(t *testing.T) {
	h := open(t)
	root := h.operator("root")
	dave := func(email string) string { return `{"id":"dave","email":"` + email + `","claims":{"tenant":"acme"}}` }
	long := strings.Repeat("x", 243) + "@example.com"
	for _, bad := range []string{long, `a\n@example.com`, `a\u202e@example.com`} {
		root.post("/users", dave(bad)).wantCode(http.StatusUnprocessableEntity, "invalid_email")
	}
	root.post("/users", dave(long[1:])).want(http.StatusCreated)
	root.do(http.MethodPatch, "/users/dave", `{"email":"`+long+`"}`).wantCode(http.StatusUnprocessableEntity, "invalid_email")
	root.do(http.MethodPatch, "/users/dave", `{"email":""}`).want(http.StatusOK)
}

func TestOperatorTokensComeInPagesLikeOtherLists(t *testing.T) {
	h := open(t)
	b := h.signIn("root")
	for range 3 {
		b.call(http.MethodPost, "/operator-tokens", `{"rights":["read"]}`).want(http.StatusCreated)
	}
	for _, bad := range []string{"limit=0", "limit=x", "limit=201"} {
		b.call(http.MethodGet, "/operator-tokens?"+bad, "").wantCode(http.StatusBadRequest, "invalid_request")
	}
	b.call(http.MethodGet, "/operator-tokens?cursor=x", "").wantCode(http.StatusBadRequest, "invalid_cursor")
	first := b.call(http.MethodGet, "/operator-tokens?limit=2", "")
	next := read[struct{ Next string }](first).Next
	rest := b.call(http.MethodGet, "/operator-tokens?limit=2&cursor="+next, "")
	if len(ids(first)) != 2 || len(ids(rest)) != 1 || ids(rest)[0] == ids(first)[1] {
		t.Errorf("got %v and %v; want all three", ids(first), ids(rest))
	}
}
