// Package visit is one person's or program's visit over HTTP, as far as pages
// and JSON API have it in common: where it comes from, who is signed in with
// the browser, the tokens that bind forms to it, and how a refusal is said.
//
// It hands an identity.Operator to pages and API, which decide what they may.
package visit
