package api

import (
	"net/http"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
)

// An operation is what the document tells of one route.
type operation struct {
	route   string // method and path below /api/v1
	summary string
	needs   needs
	query   []string
	in      any // of the type of the body; nil: none
	status  int // of the answer when all is well
	out     any // of the type of the answer; a string is a media type
}

// needs says who may call an operation.
type needs string

const (
	nobody  needs = "nobody" // needs no sign-in at all
	browser needs = "browser"
)

func (n needs) words() string {
	switch n {
	case nobody:
		return "For everybody."
	case browser:
		return "For browser sessions."
	default:
		return "For browser sessions and operator tokens with the right " + string(n) + "."
	}
}

func (n needs) schemes() []object {
	switch n {
	case nobody:
		return []object{}
	case browser:
		return []object{{"browser": []string{}}}
	default:
		return []object{{"operator": []string{}}, {"browser": []string{}}}
	}
}

func listOf(filters ...string) []string { return append(filters, "limit", "cursor") }

const (
	ok      = http.StatusOK
	created = http.StatusCreated
	empty   = http.StatusNoContent
)

var operations = []operation{
	{"GET /openapi.json", "This document", nobody, nil, nil, ok, object{}},
	{"GET /session", "Who is signed in with the browser", browser, nil, nil, ok, session{}},
	{"GET /operator-tokens", "One's operator tokens", browser, nil, nil, ok, list[operatorToken]{}},
	{"POST /operator-tokens", "Make an operator token; needs a fresh sign-in", browser, nil, newOperatorToken{}, created, madeToken{}},
	{"DELETE /operator-tokens/{id}", "End an operator token", browser, nil, nil, empty, nil},
	{"GET /approvals", "Approval requests that one may see; pending ones unless status says else", "read or approve", listOf("status"), nil, ok, list[approval.Request]{}},
	{"GET /approvals/{id}", "One approval request", "read or approve", nil, nil, ok, approval.Request{}},
	{"POST /approvals/{id}/decision", "Answer an approval request", "approve", nil, decision{}, ok, approval.Request{}},
	{"GET /grants", "Grants and remembered denials", "read", listOf("subject", "tool", "state"), nil, ok, list[approval.Grant]{}},
	{"POST /grants", "Grant without a request", "admin", nil, newGrant{}, created, approval.Grant{}},
	{"DELETE /grants/{id}", "Take a grant back, or lift a denial", "approve for one's own, admin for others'", nil, nil, empty, nil},
	{"GET /sessions", "Authorization sessions: one's own, and to operators the tenant's", "read", listOf("subject", "client"), nil, ok, list[agentSession]{}},
	{"DELETE /sessions/{id}", "Cut an agent off", "approve for one's own, admin for others'", nil, nil, empty, nil},
	{"DELETE /sessions/{id}/apps/{app}", "Close an app for an agent", "approve for one's own, admin for others'", nil, nil, empty, nil},
	{"GET /tokens", "Personal tokens: one's own in a browser session, the tenant's with the right admin", "admin", listOf("subject"), nil, ok, list[token]{}},
	{"POST /tokens", "Make a personal token; needs a fresh sign-in", browser, nil, newToken{}, created, token{}},
	{"PATCH /tokens/{id}", "Narrow a personal token", browser, nil, narrowing{}, ok, token{}},
	{"DELETE /tokens/{id}", "End a personal token: one's own in a browser session, the tenant's with the right admin", "admin", nil, nil, empty, nil},
	{"POST /tokens/{id}/rotate", "Give a personal token a new value; needs a fresh sign-in", browser, nil, nil, ok, token{}},
	{"POST /tokens/revoke-leaked", "End tokens that were found somewhere", nobody, nil, leak{}, ok, revoked{}},
	{"GET /audit", "Entries of the audit log, newest first", "read", listOf(auditFilters...), nil, ok, list[audit.Entry]{}},
	{"GET /audit/checkpoint", "The newest checkpoint, a signed note", "read", nil, nil, ok, "text/plain"},
	{"GET /audit/export", "Entries with proofs, as JSON lines", "read", auditFilters, nil, ok, "application/jsonl"},
	{"GET /tools", "Tools that a subject may know of, or to operators all, with their rules", "read", listOf("subject"), nil, ok, list[Tool]{}},
	{"GET /tools/left-out", "What apps offer and no list has, to operators: of bad form, or under a name that is not its alone", "read", listOf(), nil, ok, list[LeftOut]{}},
	{"POST /tools/{id}/accept", "Accept a tool's definition as it is now", "admin", []string{"digest"}, nil, ok, Tool{}},
	{"POST /explain", "Every gate's answer to a call, without doing it", "read", nil, question{}, ok, explanation{}},
	{"GET /users", "People of the local directory", "admin", listOf(), nil, ok, list[user]{}},
	{"POST /users", "Add a person", "admin", nil, newUser{}, created, user{}},
	{"PATCH /users/{id}", "Change a person", "admin", nil, userChange{}, ok, user{}},
	{"DELETE /users/{id}", "Delete a person and destroy their keys", "admin", nil, nil, empty, nil},
	{"GET /clients", "OAuth clients: the configuration's, and to operators without a tenant those that registered or are known by a metadata document", "admin", listOf(), nil, ok, list[oauthClient]{}},
	{"DELETE /clients/{id}", "Take a client away and end everything that it was given", "admin", nil, nil, empty, nil},
	{"POST /revoke", "End everything of a subject, client or tenant, or of all", "admin", nil, end{}, ok, revoked{}},
}
