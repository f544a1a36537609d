package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

// The unspecified address leads to this machine and is not loopback.
func TestTheStartWarnsOfCredentialsInTheClear(t *testing.T) {
	dir := t.TempDir()
	text := fmt.Sprintf(`
server: {listen: "127.0.0.1:0", admin_listen: ""}
storage: {url: "sqlite:%[1]s/o.db", key_file: "%[1]s/o.key"}
apps:
  - {id: open, url: "http://0.0.0.0:1/mcp", headers: {X-Key: s3cr3t-value}}
  - {id: bare, url: "http://0.0.0.0:1/mcp"}
  - {id: near, url: "http://127.0.0.1:1/mcp", headers: {X-Key: s3cr3t-value}}
`, filepath.ToSlash(dir))
	c, err := config.Parse("test", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	g, err := gateway.Open(t.Context(), c, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(context.Background()); err != nil {
		t.Error(err)
	}
	for app, want := range map[string]int{"open": 1, "bare": 0, "near": 0} {
		got := 0
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "not encrypted") && strings.Contains(line, "app="+app) {
				got++
			}
		}
		if got != want {
			t.Errorf("app %s: got %d warnings, want %d:\n%s", app, got, want, log.String())
		}
	}
	if strings.Contains(log.String(), "s3cr3t-value") {
		t.Errorf("the log tells a header's value:\n%s", log.String())
	}
}
