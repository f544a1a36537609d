// Package upstream carries allowed calls to the apps and brings back what they
// answered, byte for byte. It owns connections, their eras, and the lists of
// what apps offer. It decides nothing: guard hands a call over after the
// commit, and an error tells it whether the call may have run ([NotSent]).
//
// A [Fleet] has one connection for each (app, tenant, subject), or one for all
// where the app is shared, and fetches each app's lists over a connection of
// its own. How bytes travel is a [Transport]'s affair: streamable, sse and stdio
// below this package, named by the gateway in [Options].
//
// # Eras
//
// A new app is asked server/discover in the manner of 2026-07-28. If that is
// answered it is spoken to without a handshake from then on. Whatever is no
// answer of that era makes it an older server: initialize follows, and each
// connection is a session. The finding is kept for the app, and forgotten when
// a handshake fails or the upstream says that it knows the session or version
// no longer; then the connection is made again and the call repeated once,
// because such an answer proves that it has not run. Nothing else is repeated.
// An upstream of both kinds is spoken to in the era of the caller, since it may
// offer in one what it doesn't in the other; if its older era begins no session
// it counts as stateless.
//
// # Other apps
//
// A fleet's apps are changed by [Fleet.Prepare] and [Change.Apply], without
// touching those that stay as they are. A call names the edition of the
// configuration that it was decided by, and goes to the app as that has it.
//
// # Watching resources
//
// [Fleet.Watch] has an app tell of changes of a resource. Whoever watches over
// one connection is served by one vigil, which counts: the upstream is asked
// once for a resource, and again over a new connection. Toward an older
// upstream that is resources/subscribe and the stream of the session, toward a
// stateless one a subscriptions/listen that names all resources. A connection
// that only a vigil holds is given up for a call that needs its place.
//
// # What is changed in a message
//
// The id, always. In params._meta the members that concern one hop: protocol
// version, client info and client capabilities are ours toward a stateless
// upstream and absent toward an older one; so is the log level, which an older
// one is told once a connection. The progress token is ours on the
// way out and the caller's again in what [Request.Notify] gets. A child gets
// line breaks between JSON tokens as spaces, since a line is a message there.
// Arguments toward stateless HTTP are also mirrored into headers where the
// tool's schema says x-mcp-header.
//
// # Large results
//
// Answers are held whole and bounded, unless the caller can pass a large result
// on while it comes ([Request.Pass]) and the transport offers it. From then on the
// app's timeout bounds only the waits for the upstream.
//
// # What an upstream may ask
//
// Each request says what may be asked of its caller ([Request.Asks]); that is
// declared to the upstream, with the request where there are no sessions and
// otherwise once for a connection, so that callers who declare other things
// have connections of their own. In an era with sessions a request of the
// upstream is handed to the caller of the call it belongs to ([Question]). The
// transport says which that is; of a child it is the only one under way. What
// belongs to no call, or was not declared, is refused; ping is answered here.
package upstream
