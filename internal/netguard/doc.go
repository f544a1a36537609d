// Package netguard is the one outbound HTTP client for whatever a stranger can
// name: an agent's metadata document, its keys. It owns what may be reached and
// how much of an answer is taken; what the answer means is its caller's.
//
// An address is judged when it is dialled, not when its name is looked up, so
// that a name that turns to another address between the two gains nothing.
// Redirects are not followed, proxies of the environment are not asked, and no
// cookies are kept.
package netguard
