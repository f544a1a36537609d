// Package web answers browsers: it signs people in, shows them what waits for
// their yes, takes their answers, and lets them manage what they gave away.
//
// It owns the way from a form to the domain and back to a page: who is signed
// in, whether the form is theirs, and what the page must show. Package pages
// writes the pages; identity and approval decide.
package web
