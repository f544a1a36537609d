// Package postgres keeps the store in a PostgreSQL database that many
// instances share (store.Store; docs/decisions has a page on its locking).
//
// It owns one schema. One committer an instance gathers the transactions that
// wait and writes those that pass as one PostgreSQL transaction, under
// advisory locks on every key they touch; store/internal/batch decides which
// pass. It hands over to nobody.
//
// Connect to the server itself or to a pooler in session mode: claims on logs
// and the feed of changes need a session of their own.
package postgres
