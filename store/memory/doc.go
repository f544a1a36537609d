// Package memory is a store that forgets everything when the process ends,
// for tests. It owns no files and starts no goroutines. It keeps the same
// rules as the other drivers, so that what passes on it passes on them.
package memory
