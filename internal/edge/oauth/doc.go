// Package oauth is the authorization server as programs see it: the documents
// by which clients find it, and the endpoints for tokens, registration,
// revocation and introspection.
//
// It owns how requests are read and refusals worded, and limits them by
// address. Who a client is belongs to client, what it gets to grants; what
// people decide about it stands on pages of web. Every answer is JSON, whatever
// went wrong.
package oauth
