// Package ostiary holds the words of the house: who asks ([Principal]), for
// what ([Tool], [Call]), what one question answers ([Gate], [Verdict]) and
// what the whole list of them comes to ([Decide], [Decision]).
//
// It uses the standard library only and does nothing but decide. The tour:
//
//   - gate/order.go has the gates in the order in which they are asked.
//   - guard commits what a decision asks for before anything is called.
//   - store is the one way to write.
//   - mcpguard puts the same guard inside a Go MCP server; cmd/ostiary puts
//     it in front of any other.
package ostiary
