// Package storetest is the suite that every store driver passes. It owns
// what store.Store promises in words, as tests that try to break it. A
// driver's test is one line:
//
//	storetest.Run(t, storetest.Driver{New: …})
package storetest
