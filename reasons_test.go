package ostiary_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestEveryReasonIsExplained holds docs/reasons.md to the codes in the source.
func TestEveryReasonIsExplained(t *testing.T) {
	page, err := os.ReadFile("docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := reasonsInSource(t)
	if len(codes) < 10 {
		t.Fatalf("found %d reasons in decision.go: the test looks in the wrong place", len(codes))
	}
	for _, code := range codes {
		if !strings.Contains(string(page), "\n| `"+code+"` |") {
			t.Errorf("docs/reasons.md has no row for %q", code)
		}
	}
}

func reasonsInSource(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "decision.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") || len(spec.Values) != 1 {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err == nil && code != "" {
			codes = append(codes, code)
		}
		return true
	})
	return codes
}
