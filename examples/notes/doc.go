// Package notes is a sample app: one shared notebook, served over MCP with
// the official Go SDK. Unlike examples/crm its tools have no site, so what
// guards them is who asks and what they may do. list_notes and read_note
// read, add_note writes, delete_note is the risky one.
package notes
