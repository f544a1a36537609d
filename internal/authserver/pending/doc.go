// Package pending keeps authorization requests while a person decides.
//
// It owns a request from the moment in which it was found to be good until
// somebody has decided, for ten minutes at most: it belongs to the browser that
// began it and, from sign-in on, to one person. What they decide can only
// narrow what was asked and shown, and counts once. It hands over to grants,
// which makes a code of it; pages and redirects are not its business.
package pending
