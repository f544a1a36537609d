package edge_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
)

func (h *house) register(name string) ostiary.ClientID {
	h.t.Helper()
	body := `{"client_name":"` + name + `","redirect_uris":["http://localhost/cb"],"token_endpoint_auth_method":"client_secret_post"}`
	got, err := h.clients.Register(h.t.Context(), []byte(body), "", audit.Actor{})
	h.must(err)
	return got.ID
}

func TestOperatorsSeeWhoRegisteredAndNoSecret(t *testing.T) {
	h := open(t)
	id := h.register("Codex")
	for who, want := range map[string]bool{"boss": true, "root": false} { // who registered is of no tenant
		got := h.operator(who).get("/clients").want(http.StatusOK).wantWords("mcp-agent", `"kind":"agent"`, `"origin":"static"`)
		got.wantNoWords("ost_cs_", `"secret`)
		if sees := slices.Contains(ids(got), string(id)); sees != want {
			t.Errorf("%s sees who registered: %t; want %t", who, sees, want)
		}
	}
	h.operator("boss").get("/clients").wantWords(string(id), "Codex", `"verified":false`, "http://localhost/cb", "client_secret_post")
	h.operator("alice").get("/clients").want(http.StatusForbidden)
	h.operator("boss").get("/clients?kind=agent").wantCode(http.StatusBadRequest, "invalid_request")
	if first := ids(h.operator("boss").get("/clients?limit=1")); len(first) != 1 || first[0] != "mcp-agent" {
		t.Errorf("got a first page of %v", first)
	}
}

func TestADeletedClientAndItsAgentsAreOutAtOnce(t *testing.T) {
	h := open(t)
	id := h.register("Codex")
	_, its := h.agent("alice", string(id))
	_, others := h.agent("alice", "cursor")
	path := "/clients/" + url.PathEscape(string(id))
	for who, status := range map[string]int{"alice": http.StatusForbidden, "root": http.StatusNotFound, "mallory": http.StatusNotFound} {
		h.operator(who).do(http.MethodDelete, path, "").want(status)
	}
	if !h.works(its) {
		t.Fatal("the agent is out after others tried")
	}
	boss := h.operator("boss")
	boss.do(http.MethodDelete, "/clients/mcp-agent", "").wantCode(http.StatusConflict, "configured")
	boss.do(http.MethodDelete, "/clients/cli_none", "").wantCode(http.StatusNotFound, "not_found")
	boss.do(http.MethodDelete, "/clients/"+url.PathEscape("https://a.example/client.json"), "").wantCode(http.StatusNotFound, "not_found")
	boss.do(http.MethodDelete, path, "").want(http.StatusNoContent)
	if h.works(its) {
		t.Error("an agent of a deleted client works")
	}
	if !h.works(others) {
		t.Error("another client's agent is out too")
	}
	boss.get("/clients").wantNoWords(string(id))
	boss.do(http.MethodDelete, path, "").wantCode(http.StatusNotFound, "not_found")
	boss.get("/audit").want(http.StatusOK).wantWords(`"event":"deleted"`, string(id))
}

func TestAnExpiredClientIsNotListed(t *testing.T) {
	h := open(t)
	id := h.register("Codex")
	h.clock.Move(24 * time.Hour)
	h.operator("boss").get("/clients").want(http.StatusOK).wantNoWords(string(id))
}
