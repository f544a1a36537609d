package edge

import (
	"net/http"
	"slices"

	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/pages"
)

// A route is one path: a pattern of http.ServeMux, and who answers.
type route struct {
	pattern string
	handler http.Handler
}

const (
	read    = identity.RightRead
	approve = identity.RightApprove
	admin   = identity.RightAdmin
)

// routes are the paths of people and programs.
func (e *Edge) routes() []route {
	return slices.Concat(e.pageRoutes(), e.adminRoutes(), e.consentRoutes(), e.apiRoutes())
}

// pageRoutes are the paths of people.
func (e *Edge) pageRoutes() []route {
	web := e.config.Web
	return []route{
		{"GET /healthz", e.plain(e.healthy)},
		{"GET /readyz", e.plain(e.ready)},
		{"GET /static/", pages.Static()},
		{"GET /{$}", web.SignedIn(toInbox)},

		{"GET /.well-known/oauth-protected-resource", e.plain(e.resource)},

		{"GET /login", web.Anybody(web.SignInForm)},
		{"POST /login", web.Anybody(web.SignIn)},
		{"GET /oauth/callback/{provider}", web.Anybody(web.Callback)},
		{"POST /logout", web.Form(web.SignOut)},
		{"GET /approvals", web.SignedIn(web.Inbox)},
		{"POST /approvals", web.Form(web.Revoke)},
		{"GET /approvals/events", web.Anybody(web.Events)},
		{"GET /approvals/{id}", web.SignedIn(web.Approval)},
		{"POST /approvals/{id}", web.Form(web.Decide)},
		{"GET /account", web.SignedIn(web.Account)},
		{"GET /account/agents", web.SignedIn(web.Agents)},
		{"POST /account/agents", web.Form(web.ChangeAgents)},
		{"GET /account/providers", web.SignedIn(web.LinkedAccounts)},
		{"POST /account/providers", web.Form(web.ChangeLinkedAccounts)},
		{"GET /account/tokens", web.SignedIn(web.PersonalTokens)},
		{"POST /account/tokens", web.Form(web.ChangeTokens)},
		{"GET /account/operator", web.SignedIn(web.OperatorTokens)},
		{"POST /account/operator", web.Form(web.ChangeOperator)},
	}
}

// adminRoutes are the paths of operators.
func (e *Edge) adminRoutes() []route {
	web := e.config.Web
	return []route{
		{"GET /admin", web.ForOperator(web.ToPeople)},
		{"GET /admin/people", web.ForOperator(web.People)},
		{"GET /admin/people/{id}", web.ForOperator(web.Person)},
		{"POST /admin/people/{id}", web.EndForm(web.EndPerson)},
		{"GET /admin/clients", web.ForOperator(web.ListClients)},
		{"GET /admin/clients/{id}", web.ForOperator(web.Client)},
		{"POST /admin/clients/{id}", web.EndForm(web.EndClient)},
		{"GET /admin/sessions", web.ForOperator(web.ListSessions)},
		{"GET /admin/sessions/{id}", web.ForOperator(web.Session)},
		{"POST /admin/sessions/{id}", web.EndForm(web.EndSession)},
	}
}

// apiRoutes are the paths of programs, and of pages with a script.
func (e *Edge) apiRoutes() []route {
	api := e.config.API
	return []route{
		{"GET /api/v1/openapi.json", api.Open(api.Document)},
		{"GET /api/v1/session", api.InBrowser(api.Session)},
		{"GET /api/v1/operator-tokens", api.InBrowser(api.ListOperatorTokens)},
		{"POST /api/v1/operator-tokens", api.InBrowser(api.CreateOperatorToken)},
		{"DELETE /api/v1/operator-tokens/{id}", api.InBrowser(api.DeleteOperatorToken)},
		{"GET /api/v1/approvals", api.May(api.ListApprovals, read, approve)},
		{"GET /api/v1/approvals/{id}", api.May(api.ShowApproval, read, approve)},
		{"POST /api/v1/approvals/{id}/decision", api.May(api.Decide, approve)},
		{"GET /api/v1/grants", api.May(api.ListGrants, read)},
		{"POST /api/v1/grants", api.May(api.CreateGrant, admin)},
		{"DELETE /api/v1/grants/{id}", api.May(api.DeleteGrant, approve, admin)},
		{"GET /api/v1/sessions", api.May(api.ListSessions, read)},
		{"DELETE /api/v1/sessions/{id}", api.May(api.DeleteSession, approve, admin)},
		{"DELETE /api/v1/sessions/{id}/apps/{app}", api.May(api.DeleteSessionApp, approve, admin)},
		{"GET /api/v1/tokens", api.May(api.ListTokens, read, admin)},
		{"POST /api/v1/tokens", api.InBrowser(api.CreateToken)},
		{"PATCH /api/v1/tokens/{id}", api.InBrowser(api.NarrowToken)},
		{"DELETE /api/v1/tokens/{id}", api.May(api.DeleteToken, read, admin)},
		{"POST /api/v1/tokens/{id}/rotate", api.InBrowser(api.RotateToken)},
		{"POST /api/v1/tokens/revoke-leaked", api.Open(api.ReportLeak)},
		{"GET /api/v1/audit", api.May(api.SearchAudit, read)},
		{"GET /api/v1/audit/checkpoint", api.May(api.Checkpoint, read)},
		{"GET /api/v1/audit/export", api.May(api.ExportAudit, read)},
		{"GET /api/v1/tools", api.May(api.ListTools, read)},
		{"GET /api/v1/tools/left-out", api.May(api.ListLeftOut, read)},
		{"POST /api/v1/tools/{id}/accept", api.May(api.AcceptTool, admin)},
		{"POST /api/v1/explain", api.May(api.Explain, read)},
		{"GET /api/v1/users", api.May(api.ListUsers, admin)},
		{"POST /api/v1/users", api.May(api.CreateUser, admin)},
		{"PATCH /api/v1/users/{id}", api.May(api.ChangeUser, admin)},
		{"DELETE /api/v1/users/{id}", api.May(api.DeleteUser, admin)},
		{"GET /api/v1/clients", api.May(api.ListClients, admin)},
		{"DELETE /api/v1/clients/{id}", api.May(api.DeleteClient, admin)},
		{"POST /api/v1/revoke", api.May(api.Revoke, admin)},
	}
}

// consentRoutes are the paths on which people agree to what agents ask for.
func (e *Edge) consentRoutes() []route {
	if e.config.OAuth == nil {
		return nil
	}
	web := e.config.Web
	return []route{
		{"GET /oauth/authorize", web.Anybody(web.Authorize)},
		{"GET /authorize", web.Anybody(web.Authorize)},
		{"POST /oauth/authorize", web.Form(web.OpenApp)},
		{"GET /oauth/consent/{id}", web.ForConsent(web.Consent)},
		{"POST /oauth/consent/{id}", web.ConsentForm(web.AnswerConsent)},
		{"GET /oauth/consent/{id}/mcp", web.ForConsent(web.Consent)},
		{"POST /oauth/consent/{id}/mcp", web.ConsentForm(web.AnswerConsent)},
		{"GET /oauth/consent/{id}/plugin", web.ForConsent(web.Consent)},
		{"POST /oauth/consent/{id}/plugin", web.ConsentForm(web.AnswerConsent)},
	}
}

// agentRoutes are the paths of agents. They are asked after the others: no
// app is named like one of those, but patterns can't say so.
func (e *Edge) agentRoutes() []route {
	routes := []route{
		{"/mcp", e.config.MCP},
		{"/{app}/mcp", e.config.MCP},
		{"GET /mcp/.well-known/oauth-protected-resource", e.plain(e.resource)},
		{"GET /.well-known/oauth-protected-resource/mcp", e.plain(e.resource)},
		{"GET /.well-known/oauth-protected-resource/{app}/mcp", e.plain(e.resource)},
		{"GET /{app}/mcp/.well-known/oauth-protected-resource", e.plain(e.resource)},
	}
	if e.config.OAuth == nil {
		return routes
	}
	return append(routes, route{"GET /{app}/oauth/authorize", e.config.Web.Anybody(e.config.Web.Authorize)})
}

// programPaths are those of OAuth clients, with the names that some clients
// make up where they found no metadata.
var programPaths = []string{"/oauth/token", "/token", "/oauth/register", "/register", "/oauth/revoke", "/oauth/introspect"}

// programRoutes are the paths of OAuth clients; there are none where there is
// no authorization server.
func (e *Edge) programRoutes() []route {
	o := e.config.OAuth
	if o == nil {
		return nil
	}
	routes := []route{
		{"GET /.well-known/oauth-authorization-server", o.Handle(o.Metadata)},
		{"GET /.well-known/oauth-authorization-server/mcp", o.Handle(o.Metadata)},
		{"GET /.well-known/oauth-authorization-server/{app}/mcp", o.Handle(o.Metadata)},
		{"GET /.well-known/openid-configuration", o.Handle(o.Metadata)},
		{"GET /.well-known/jwks.json", o.Handle(o.Keys)},
		{"OPTIONS /.well-known/", http.HandlerFunc(o.Preflight)},
		{"POST /oauth/token", o.Handle(o.Token)},
		{"POST /token", o.Handle(o.Token)},
		{"POST /oauth/register", o.Handle(o.Register)},
		{"POST /register", o.Handle(o.Register)},
		{"POST /oauth/revoke", o.Handle(o.Revoke)},
		{"POST /oauth/introspect", o.Handle(o.Introspect)},
	}
	for _, path := range programPaths {
		routes = append(routes, route{"OPTIONS " + path, http.HandlerFunc(o.Preflight)})
	}
	return routes
}
