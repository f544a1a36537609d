package gateway

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/config"
)

// running is a gateway that answers, with an admin listener at an address.
func running(t *testing.T, admin string) *Gateway {
	t.Helper()
	dir := t.TempDir()
	c, err := config.Parse("test", []byte("server: {listen: '127.0.0.1:0', admin_listen: '"+admin+"', public_url: 'http://127.0.0.1:0'}\n"+
		"storage: {url: 'sqlite:"+filepath.Join(dir, "o.db")+"', key_file: '"+filepath.Join(dir, "o.key")+"'}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- g.Run(ctx, func(string) { close(ready) }) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-ready
	return g
}

// A page elsewhere can have its name turned to this machine (DNS rebinding):
// its browser then sends that name as Host.
func TestTheAdminListenerAnswersUnderItsOwnNamesOnly(t *testing.T) {
	g := running(t, "127.0.0.1:0")
	at := g.admin.Addr().String()
	_, port, _ := strings.Cut(at, ":")
	for _, path := range []string{"/metrics", "/debug/pprof/cmdline", "/nothing"} {
		for host, ours := range map[string]bool{
			at: true, "localhost:" + port: true, "[::1]:" + port: true, "127.0.0.1": true,
			"evil.example": false, "evil.example:" + port: false, "127.0.0.1.evil.example": false, "localhost.evil.example:" + port: false,
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at+path, nil)
			r.Host = host
			got := roundTrip(t, r, err)
			if refused := got.status == http.StatusMisdirectedRequest; refused == ours {
				t.Errorf("%s as %s: got status %d", path, host, got.status)
			}
			if !ours && strings.Contains(got.body, "go_goroutines") {
				t.Errorf("%s as %s tells metrics", path, host)
			}
		}
	}
}

func TestTokensThatAreTurnedAwayAreCounted(t *testing.T) {
	g := running(t, "127.0.0.1:0")
	for _, path := range []string{"/mcp", "/api/v1/approvals"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+g.public.Addr().String()+path, strings.NewReader("{}"))
		if path != "/mcp" {
			r.Method = http.MethodGet
		}
		r.Header.Set("Authorization", "Bearer garbage")
		r.Header.Set("Content-Type", "application/json")
		if status := roundTrip(t, r, err).status; status != http.StatusUnauthorized {
			t.Errorf("%s: got status %d; want 401", path, status)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+g.admin.Addr().String()+"/metrics", nil)
	if body := roundTrip(t, r, err).body; !strings.Contains(body, `ostiary_refused_tokens_total{why="unknown"} 2`) {
		t.Errorf("got %s; want both counted", body)
	}
}

type reply struct {
	status int
	body   string
}

// roundTrip sends a request on a connection of its own.
func roundTrip(t *testing.T, r *http.Request, err error) reply {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{got.StatusCode, string(body)}
}
