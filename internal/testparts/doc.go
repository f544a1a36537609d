// Package testparts lends tests the real things they run against: a private
// PostgreSQL, a headless Chromium, Node and the MCP servers that nobody here
// wrote. Only tests import it.
//
// Each part is started when the first test asks for it and ends with that
// test or, where starting is dear, with the test binary. Nothing listens
// beyond this machine. A part that is missing fails the test with the command
// that installs it; no test is ever skipped for it.
package testparts
