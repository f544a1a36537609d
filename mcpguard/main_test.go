package mcpguard_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A transport session whose token was revoked can't be ended by its client
// any more; the SDK does so when it has been idle for long enough.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(testparts.Around(m), goleak.IgnoreAnyFunction("github.com/modelcontextprotocol/go-sdk/mcp.(*streamableServerConn).Read"))
}
