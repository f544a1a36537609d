// Package identity turns a credential into a principal: who is asking.
//
// It owns people (from configuration and from storage), their browser
// sessions, and the personal and operator tokens they make. [Resolver.Bearer]
// is on the path of every call; what it remembers is good only as long as no
// epoch of the principal has moved. The package hands an ostiary.Principal
// to the gates and decides nothing itself; it knows no HTTP and no MCP.
package identity
