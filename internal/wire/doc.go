// Package wire reads and writes the bytes of MCP: it parses a message once,
// strictly, and changes in it only what is the gateway's own. It owns the
// shape of JSON, of JSON-RPC, of names, headers and event streams; it decides
// nothing. The edge hands it what came in and gives what it found to the
// guard; upstream hands it what servers answer.
//
//   - [Parse] takes a client's message, [ParseReply] a server's; [ParseBatch]
//     is for the one revision that has batches. [Check] is the strict scan
//     alone, for JSON that came some other way.
//   - [Known] finds keys that only look like one of ours.
//   - [Lookup] reads a member, [Text] a string; neither decodes the rest.
//   - [Edit] replaces, adds and drops members and leaves all other bytes.
//   - [Passage] passes on a large result while it comes, checked and changed.
//   - [Items] and [ParseTool] take lists apart.
//   - [Scheme] and [NameTable] turn canonical ids into names and back.
//   - [ProtocolVersion] and [CheckHeaders] hold the headers to the body.
//   - [AppendResult] and [AppendError] write answers of our own.
//   - [EventReader] and [FrameReader] cut streams into messages.
//
// Bytes stay bytes: what is returned is a part of what was given, never a
// copy decoded and encoded again, so that unknown fields and large integers
// pass as they came. Readers of foreign bytes are bounded, and none panics.
//
// Strict means RFC 8259 with nothing beside it (RFC 7493 where it is
// narrower): UTF-8 without byte order mark, no lone surrogates, no key twice
// in one object at any depth, at most 64 levels, nothing after the value.
//
// All functions may be called concurrently; readers and edits belong to one
// goroutine each.
package wire
