// Package gate has the questions that are asked of every call, one file a
// gate, and order.go, the only place where their order stands.
//
// Gates read what policy, approval and the principal tell; they never write.
// Package guard asks them and commits what their verdicts ask for.
package gate
