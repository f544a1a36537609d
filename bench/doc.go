// Command bench measures what a tool call costs through the gateway, side by
// side with a bare reverse proxy in the same run, and prints a table of
// ratios: machines differ, ratios hardly.
//
//	go run ./bench                 # a few minutes
//	go run ./bench -quick -assert  # half a minute, fails below the goals
//
// Upstream, proxy, gateways and driver are processes of their own, as they
// are in the field: the command starts itself again in the role of upstream,
// proxy and driver, and builds and starts the real ostiary as the gateway.
// Every target is measured in every round, in turns, so that a slow moment
// of the machine meets all of them; a ratio is taken within a round, and the
// median of the rounds is reported.
package main
