package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

func TestPeopleOfAProviderSignInAndWork(t *testing.T) {
	idp, up := testparts.StartIssuer(t), newSpy(t)
	h := newHouse(t, "", up.app("10s"))
	// The provider sends people back to where the gateway really is.
	h.replace(`listen: "127.0.0.1:0", public_url: "http://127.0.0.1:0"`, fmt.Sprintf(`listen: %[1]q, public_url: "http://%[1]s"`, freeAddress(t)))
	h.replace("\nauth:\n", fmt.Sprintf("\nauth:\n  mode: remote\n  providers:\n    - {id: corp, name: Corporate login, issuer: %q, client_id: %s, client_secret: %q, "+
		"allow: {tenants: [acme]}, allow_private_networks: true}\n", idp.URL, testparts.IssuerClient, testparts.IssuerSecret))
	h.start()
	idp.Behave(testparts.JSON{"claims": testparts.JSON{"tenant": "acme", "sites": []string{"site-A"}}})

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{h, &http.Client{Jar: jar}}
	if _, page := b.get("/account"); !strings.Contains(page, "Sign in with Corporate login") {
		t.Fatalf("the page offers no provider:\n%s", page)
	}
	if status, page := b.get("/login?provider=corp&next=%2Faccount"); status != http.StatusOK || !strings.Contains(page, "alice@corp.example") {
		t.Fatalf("signed in: got %d\n%s", status, page)
	}
	operator := h.signIn("root").operatorToken("read", "admin")
	var people struct{ Items []struct{ ID, Email string } }
	h.api(operator, http.MethodGet, "/users", nil, &people)
	if last := people.Items[len(people.Items)-1]; last.ID != "corp|alice-1" {
		t.Fatalf("got people %+v", people.Items)
	}
	tok := h.token("corp|alice-1", "write")
	h.wantOK(h.call(tok, freely, `{"id":"a"}`))
	h.stop()
	h.start()
	h.wantOK(h.call(tok, freely, `{"id":"b"}`))
	if status, page := b.get("/account"); status != http.StatusOK || !strings.Contains(page, "alice@corp.example") {
		t.Errorf("after a restart: got %d\n%s", status, page)
	}
	operator = h.signIn("root").operatorToken("read", "admin")
	if got := h.api(operator, http.MethodPatch, "/users/corp%7Calice-1", map[string]any{"disabled": true}, nil); got != http.StatusOK {
		t.Fatalf("disable: got %d", got)
	}
	if a := h.call(tok, freely, `{"id":"c"}`); a.status != http.StatusUnauthorized {
		t.Errorf("a token of somebody disabled: got %d", a.status)
	}
	if status, _ := b.get("/login?provider=corp&next=%2Faccount"); status != http.StatusForbidden {
		t.Errorf("somebody disabled signs in: got %d", status)
	}
	if got := up.count(); got["a"] != 1 || got["b"] != 1 || len(got) != 2 {
		t.Errorf("the app saw %v", got)
	}
}
