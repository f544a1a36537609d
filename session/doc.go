// Package session keeps authorization sessions: what one person gave one
// agent, and the access tokens that stand for it.
//
// It owns the record of apps, tools, sites and tier that were agreed to, and
// how it widens, which only its person may do, narrows and ends. A token
// points at its session and holds nothing of its own but less: what it reaches
// is read from the session when it is used. The package hands an identity.Held
// to the resolver, and knows no HTTP, no OAuth grant and no page.
package session
