package config_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// routed finds the first segment of every path in internal/edge/routes.go.
var routed = regexp.MustCompile(`(?m)^\t\t\{"(?:[A-Z]+ )?/([^/"]*)`)

// contractPaths are the first segments of the contract's section 2, those that
// no route answers yet included.
const contractPaths = `mcp .well-known oauth authorize token register login logout approvals approval account admin
	llm.txt llm_full.txt skills healthz readyz api`

func TestNoAppTakesAPathOfTheGateway(t *testing.T) {
	paths := append(strings.Fields(contractPaths), "ostiary")
	routes := 0
	for _, found := range routed.FindAllStringSubmatch(string(read(t, "../edge/routes.go")), -1) {
		if first := found[1]; first != "{$}" && first != "{app}" {
			routes++
			paths = append(paths, first)
		}
	}
	if routes < 40 {
		t.Errorf("found %d routes; are they still one a line?", routes)
	}
	for _, first := range paths {
		got := problemsOf(t, fmt.Sprintf("apps: [{id: %q, url: \"http://127.0.0.1:1\"}]", first))
		if len(got) != 1 || !strings.Contains(got[0], "apps[0].id") {
			t.Errorf("an app %q: got problems %q, want one about its id", first, got)
		}
	}
	if got := problemsOf(t, `apps: [{id: mcp2, url: "http://127.0.0.1:1"}]`); len(got) > 0 {
		t.Errorf("an app mcp2: got problems %q", got)
	}
}
