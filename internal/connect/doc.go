// Package connect words what other programs must be told to reach the
// gateway: the piece of their configuration, and where it belongs in a file
// of theirs that may hold more.
//
// It knows their formats and no gateway. It reads and writes no file: what a
// file holds comes in as bytes and goes out as bytes.
package connect
