// Package limit bounds how often something may fail or be asked, for each
// address or account. It owns the counting and nothing else: the edge asks it
// before it hands a request on.
package limit
