// Package pages writes what people see: sign-in, consent, the approvals inbox,
// one approval request, the account with its agents and tokens, the lists for
// operators, and error pages.
//
// It owns the templates, the one stylesheet, the little script, and the rules
// for showing what others said. Text of agents, clients and upstreams is
// data: escaped, its invisible characters made visible, long values folded
// and never cut in silence. It is handed plain views and knows no store, no
// session and no rule; whoever calls it decides who may see what.
//
// Every form works without script and posts to the page it stands on, with
// the field csrf. Besides the fields of the public contract there are the
// buttons of lists: a field action (create, narrow, rotate, revoke, close, end)
// and the id it concerns; confirm is the second step of end.
//
// The script listens to server-sent events at EventsPath and fetches the page
// again at each message; what a message says doesn't matter.
package pages
