package config

import (
	"maps"
	"slices"
	"strings"
)

// gatewayItself is the app part of the gateway's own tools.
const gatewayItself = "ostiary"

// reserved are the names an app can't have: first segments of the gateway's own
// paths, the app part of its own tools, and what stands for every app.
var reserved = []string{
	"account", "admin", "all", "api", "approval", "approvals", "authorize", "healthz", "login", "logout",
	"mcp", "oauth", gatewayItself, "readyz", "register", "skills", "static", "token",
}

// ownHeaders are written by the gateway and can't be given to an upstream.
var ownHeaders = []string{
	"accept", "connection", "content-length", "content-type", "host", "last-event-id", "mcp-method",
	"mcp-name", "mcp-protocol-version", "mcp-session-id", "te", "trailer", "transfer-encoding", "upgrade",
}

func (c *Config) checkApps(r *report) {
	ids := make([]string, len(c.Apps))
	for i, app := range c.Apps {
		path := index("apps", i)
		ids[i] = app.ID
		if slices.Contains(reserved, app.ID) {
			r.refuse(path+".id", "%q is a name of the gateway's own", app.ID)
		}
		app.checkKind(r, path)
		app.Credential.check(r, path+".credential")
		checkHeaders(r, path+".headers", app.Headers)
		app.checkTwice(r, path+".headers")
	}
	unique(r, "apps", "id", ids)
	c.checkFolders(r)
}

// checkApp reports an id that no app has. While an app's id could not be read,
// nobody knows.
func (c *Config) checkApp(r *report, path, id string) {
	if _, ok := c.App(id); ok || r.broken["apps"] {
		return
	}
	for i := range c.Apps {
		if r.broken[index("apps", i)] || r.broken[index("apps", i)+".id"] {
			return
		}
	}
	r.refuse(path, "%q is not an app of this file", id)
}

// checkTwice reports headers of one name, credential included: only one of them
// would be sent, and nobody could say which.
func (a App) checkTwice(r *report, path string) {
	seen := map[string]bool{strings.ToLower(a.Credential.Header): a.Credential.Header != ""}
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
		if seen[strings.ToLower(name)] {
			r.refuse(under(path, name), "is a header that is there twice: their names are compared without case")
		}
		seen[strings.ToLower(name)] = true
	}
}

// checkKind holds the app to one way of being reached, and to the keys of it.
func (a App) checkKind(r *report, path string) {
	ways := 0
	for _, way := range []string{"url", "command", "openapi"} {
		if r.has(under(path, way)) {
			ways++
		}
	}
	if ways != 1 {
		r.refuse(path, "needs exactly one of url, command and openapi")
		return
	}
	switch a.Kind() {
	case AppStreamable, AppSSE:
		checkURL(r, path+".url", a.URL, false)
		refuseKeys(r, path, "an app with url", "env", "max_children")
	case AppStdio:
		a.checkCommand(r, path)
		refuseKeys(r, path, "an app with command", "transport", "headers")
	case AppOpenAPI:
		a.OpenAPI.check(r, path+".openapi")
		refuseKeys(r, path, "an app with openapi", "transport", "env", "max_children")
	default:
		r.refuse(path, "needs a url, command or openapi that is not empty")
	}
}

// refuseKeys reports keys that would do nothing.
func refuseKeys(r *report, path, what string, keys ...string) {
	for _, key := range keys {
		if r.has(under(path, key)) {
			r.refuse(under(path, key), "has no meaning for %s", what)
		}
	}
}

func (a App) checkCommand(r *report, path string) {
	if a.Command[0] == "" {
		r.refuse(path+".command[0]", "must name a program")
	}
	for i, part := range a.Command {
		if strings.Contains(part, "\x00") {
			r.refuse(index(path+".command", i), "must not hold a NUL")
		}
	}
	for name, value := range a.Env {
		if !envName.MatchString(name) || strings.Contains(value.Reveal(), "\x00") {
			r.refuse(under(path+".env", name), "is not an environment variable")
		}
	}
	if a.Credential.Kind == CredentialStatic {
		r.refuse(path+".credential.kind", "static is a header; give a command its credential in env")
	}
}

func (o OpenAPI) check(r *report, path string) {
	checkURL(r, path+".base_url", o.BaseURL, false)
	notEmpty(r, path+".include", o.Include)
	notEmpty(r, path+".exclude", o.Exclude)
}
