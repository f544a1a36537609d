package e2e_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/ostiary/ostiary/examples/crm"
	"github.com/ostiary/ostiary/examples/notes"
)

// samples puts the two sample apps, servers of the official Go SDK that speak
// both eras, behind a gateway. What is deleted in the CRM is high risk.
func samples(t *testing.T) string {
	t.Helper()
	contacts, notebook := httptest.NewServer(crm.Handler()), httptest.NewServer(notes.Handler())
	t.Cleanup(contacts.Close)
	t.Cleanup(notebook.Close)
	return fmt.Sprintf(`
apps:
  - {id: crm, name: CRM, url: "%s/mcp", trusted: true}
  - {id: notes, name: Notes, url: "%s/mcp", trusted: true, shared: true}
tools:
  - match: "crm:delete_contact"
    approval: {required: true, default_scope: once, allowed_scopes: [once, session, time_limited], risk_level: high,
               message: "Delete contact {{id}} in {{siteId}}?", approvers: {roles: [approver], allow_self: false}}
  - match: "notes:delete_note"
    approval: {required: true, message: "Delete the note {{id}}?"}
`, contacts.URL, notebook.URL)
}
