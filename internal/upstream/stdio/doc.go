// Package stdio reaches upstreams that are child processes and speak MCP over
// their standard input and output, one message a line. It owns the process:
// a clean environment, a process group of its own, an end with the gateway,
// which a watchdog sees to where the gateway can't.
// What the messages mean is package upstream's.
package stdio
