// Package client knows who may ask for tokens: the OAuth clients, here agents.
// It owns what a client is and how it proves to be it, and where answers to it
// may go.
//
// What differs from kind to kind stands in one table, [Kind.Rules]. The package
// hands a [Client] to the endpoints and grants of the authorization server,
// which decide what it gets; it knows no HTTP routes, persons or tokens.
package client
