package stdio_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/upstream/stdio"
)

// patience bounds waits; it only decides how long a broken test hangs.
const patience = 30 * time.Second

var (
	alice = upstream.Caller{Tenant: "acme", Subject: "alice"}
	bob   = upstream.Caller{Tenant: "acme", Subject: "bob"}
)

// TestMain is also the child, and the watchdog: the test binary runs itself.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "watchdog" {
		if err := stdio.Watch(os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if role := os.Getenv("CHILD_ROLE"); role != "" {
		os.Exit(beChild(role))
	}
	goleak.VerifyTestMain(m)
}

// open has a fleet with one app, "files", whose children play role.
func open(t *testing.T, role string, change ...func(*upstream.Spec, *upstream.Options)) (*upstream.Fleet, *logged) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := new(logged)
	spec := upstream.Spec{
		App: "files", Command: []string{self}, Env: map[string]string{"CHILD_ROLE": role, "GORACE": "atexit_sleep_ms=0"},
		Timeout: patience, Refresh: time.Hour,
	}
	options := upstream.Options{
		Logger:     slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Transports: map[string]upstream.Opener{upstream.Stdio: stdio.Open(nil)},
	}
	for _, c := range change {
		c(&spec, &options)
	}
	fleet, err := upstream.Open(t.Context(), []upstream.Spec{spec}, options)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := fleet.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return fleet, log
}

func ready(t *testing.T, fleet *upstream.Fleet) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return fleet.Ready(ctx, "files")
}

func try(ctx context.Context, fleet *upstream.Fleet, who upstream.Caller, tool, arguments string) (string, error) {
	params := `{"name":"` + tool + `","arguments":` + arguments + `}`
	reply, err := fleet.Call(ctx, "files", who, upstream.Request{Method: "tools/call", Params: []byte(params)})
	if err == nil && reply.Err != nil {
		return string(reply.Err), nil
	}
	return string(reply.Result), err
}

func call(t *testing.T, fleet *upstream.Fleet, who upstream.Caller, tool, arguments string) string {
	t.Helper()
	result, err := try(t.Context(), fleet, who, tool, arguments)
	if err != nil {
		t.Fatalf("call %s: %v", tool, err)
	}
	return result
}

// logged collects what is logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
