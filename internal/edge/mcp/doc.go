// Package mcp is the door that agents come in through: /mcp and /{app}/mcp,
// in every era of the protocol that is alive.
//
// It reads a message once, asks who sent it, finds what it is about in the
// catalogue, and hands the question to the guard. Only a call that the guard
// let through goes to an upstream, and its answer comes back byte for byte. A
// refusal or a step is put into the first form that the client declared it
// understands; refusal.go has the whole table.
//
// # Eras
//
// A message whose _meta names a version is one of 2026-07-28: it stands alone.
// All others belong to a transport session that began with initialize. Its id
// is sealed and holds what initialize agreed on, so that any instance can take
// the next message; what changes later is a record in storage (record.go).
//
// # Streams
//
// A caller hears of what belongs to no request on a stream: of lists that are
// not what they were for this caller, and of resources they subscribed to. Who
// is there is asked again twice a second, and whether they may know of a
// resource with every change of it; a change elsewhere of a session's record
// reaches the stream wherever it is. Of several streams of one session one
// speaks. In an era with sessions a stream that broke goes on, here or
// elsewhere, and a client that is gone has cancelled nothing.
//
// # What upstreams ask
//
// While it works on a call an upstream may ask its client, and only that one:
// by requests on the stream of the answer where there are transport sessions
// (asking.go), and by a result of type input_required where there are none;
// then the call goes on in a further round, with a state of ours around the
// upstream's own that is good once (round.go). Between the eras elicitation
// passes: what a stateless upstream asks is put to an older client on its
// stream, and the gateway makes the further round itself (cross.go); what an
// older one asks sends a stateless client away, and the call waits here until
// it comes back (pin.go).
//
// # Tasks
//
// A call that waits for a yes can be a task, which an instance sees to without
// its client (errand.go); and a task of an upstream stands behind one of ours
// (away.go). tasks.go has what clients ask about both.
//
// # Large results
//
// What of an answer is not read within 64 KiB passes while it comes, and is
// broken off where it goes wrong (large.go).
//
// # What is bounded
//
// Bodies, the time that reading one may take, the time a call is held, what
// waits to be written to a client that reads slowly, the number of open
// streams, and of resources that one hears of. The listener bounds headers; upstream bounds its answers.
package mcp
