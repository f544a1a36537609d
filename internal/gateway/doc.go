// Package gateway wires the house together: it makes every part from the
// configuration and is the only package that knows them all. It decides
// nothing and carries nothing itself.
//
// Core is what commands on a storage need; Gateway adds upstreams, pages and
// listeners on top of it.
package gateway
