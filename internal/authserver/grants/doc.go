// Package grants gives out authorization codes and turns OAuth grants into
// tokens: one file a grant.
//
// It owns codes and refresh tokens, how each is taken once, and what becomes
// of one that is seen again. A client has proved who it is before it comes
// here, and requests come as plain values: the package knows no HTTP. What
// tokens stand for is session's; whoever may decide to give a code out is
// pending's. It hands back tokens, an [Error] with the code that the RFC has
// for it, or a fault, which never says anything about a token.
package grants
