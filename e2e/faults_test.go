package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/testparts"
)

// wantUnavailable wants calls to be refused because they can't be recorded,
// and nothing of them to reach the spy.
func wantUnavailable(t *testing.T, calls *caller, s *spy, agent token) {
	t.Helper()
	for i := range 5 {
		id := fmt.Sprintf("unavailable-%d", i)
		out, a := calls.call(agent.Token, freely, id)
		if out != refused || !passing(a) {
			t.Errorf("a call was answered %s: %d %s; want unavailable", out, a.status, a.body)
		}
		if times := s.count()[id]; times != 0 {
			t.Errorf("a call that could not be recorded reached the spy")
		}
	}
	eventually(t, "/readyz to say so", func() (string, bool) { // it looks at most once a second
		status, text, _ := calls.send(http.MethodGet, "/readyz", "", "", http.Header{})
		return text, status == http.StatusServiceUnavailable
	})
	if status, text, err := calls.send(http.MethodGet, "/healthz", "", "", http.Header{}); status != http.StatusOK {
		t.Errorf("/healthz answered %d %s %v; want 200: the process is alive", status, text, err)
	}
}

// wantHealed wants calls to get through again, without a restart.
func wantHealed(t *testing.T, calls *caller, agent token) {
	t.Helper()
	eventually(t, "a call to get through", func() (string, bool) {
		out, a := calls.call(agent.Token, freely, "healing")
		if out == refused && !passing(a) {
			t.Fatalf("while healing a call was answered %d %s", a.status, a.body)
		}
		return string(a.body), out == done
	})
	eventually(t, "/readyz to say so", func() (string, bool) {
		status, text, _ := calls.send(http.MethodGet, "/readyz", "", "", http.Header{})
		return text, status == http.StatusOK
	})
}

// verifyRunning verifies an export that the running gateway makes, once every
// call in it has ended: outcomes are written a moment after their calls.
func (h *house) verifyRunning(calls *caller, operator string, crashes ...time.Time) {
	h.t.Helper()
	file := h.path("audit.jsonl")
	eventually(h.t, "every call in the record to have ended", func() (string, bool) {
		status, text := calls.api(operator, http.MethodGet, "/audit/export", nil, nil)
		if status != http.StatusOK {
			return text, false
		}
		h.put("audit.jsonl", text)
		r := readRecord(h.t, file)
		return fmt.Sprint(status), r.allEnded()
	})
	h.command("audit", "verify", "--export", file)
	readRecord(h.t, file).checkOutcomes(h.t, crashes)
}

// TestWithoutItsPostgreSQLAGatewayRefusesAndHeals crashes the server under a
// running gateway, and starts it again.
func TestWithoutItsPostgreSQLAGatewayRefusesAndHeals(t *testing.T) {
	server, spy := testparts.OwnPostgres(t), newSpy(t)
	h := newHouse(t, server.Database(t), spy.app("5s")).start()
	calls := h.caller()
	defer calls.close()
	agent := h.token("alice", "write")
	operator := h.signIn("root").operatorToken("read", "admin")
	began, crashes := time.Now(), []time.Time(nil)
	for range 2 {
		wantHealed(t, calls, agent)
		server.Stop(t, syscall.SIGQUIT)
		crashes = append(crashes, time.Now())
		wantUnavailable(t, calls, spy, agent)
		server.Start(t)
	}
	wantHealed(t, calls, agent)
	h.verifyRunning(calls, operator, crashes...)
	said, most := strings.Count(h.child.Output(), "could not be made anew"), int(time.Since(began).Seconds())+2
	if said > most {
		t.Errorf("the log says %d times that the catalogue waits for storage; want at most %d, one a second", said, most)
	}
}

// startOnSmallDisk starts the gateway where the folder of its database is a
// small disk of its own, in a mount namespace. It returns that folder as this
// process reaches it.
func (h *house) startOnSmallDisk(folder, size string) string {
	h.t.Helper()
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		h.t.Fatalf("unshare (util-linux) gives the test its small disk: %v", err)
	}
	script := `mount -t tmpfs -o size="$0" tmpfs "$1" && exec "$2" serve -c "$3"`
	h.child = testparts.Start(h.t, exec.Command(unshare, "--map-root-user", "--mount", "sh", "-c", script,
		size, folder, testparts.Build(h.t, "cmd/ostiary"), h.file))
	h.url = strings.TrimSpace(h.child.Await(h.t, "ready "))
	return filepath.Join("/proc", fmt.Sprint(h.child.Pid()), "root", folder)
}

// TestOnAFullDiskAGatewayRefusesAndHeals fills the disk of the database, and
// makes room again.
func TestOnAFullDiskAGatewayRefusesAndHeals(t *testing.T) {
	folder, spy := t.TempDir(), newSpy(t)
	h := newHouse(t, "sqlite:"+filepath.Join(folder, "ostiary.db"), spy.app("5s"))
	disk := h.startOnSmallDisk(folder, "16m")
	calls := h.caller()
	defer calls.close()
	operator := h.signIn("root").operatorToken("read", "admin")
	agent, status, text := h.signIn("alice").tokenMaker().make(h.url, "agent")
	if status != http.StatusCreated {
		t.Fatalf("making a token was answered %d %s", status, text)
	}
	wantHealed(t, calls, agent)
	ballast := filepath.Join(disk, "ballast")
	for range 2 {
		fill(t, ballast)
		callUntilRefused(t, calls, agent)
		wantUnavailable(t, calls, spy, agent)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		wantHealed(t, calls, agent)
	}
	h.verifyRunning(calls, operator)
}

// TestOnAReadOnlyDiskAGatewayDoesNotStart: it could decide, but not record.
func TestOnAReadOnlyDiskAGatewayDoesNotStart(t *testing.T) {
	h := newHouse(t, "", "").start()
	h.stop()
	script := `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$1" serve -c "$2"`
	cmd := exec.CommandContext(t.Context(), "unshare", "--map-root-user", "--mount", "sh", "-c", script,
		h.dir, testparts.Build(t, "cmd/ostiary"), h.file)
	said, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("got %v and %s; want exit code 2", err, said)
	}
	for _, word := range []string{"storage.url", h.path("ostiary.db"), "permissions"} {
		if !strings.Contains(string(said), word) {
			t.Errorf("the refusal does not name %q:\n%s", word, said)
		}
	}
}

// fill writes a file until the disk is full.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = io.WriteString(f, strings.Repeat("x", 512))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk ended with %v", err)
	}
}

// callUntilRefused uses up what the database had taken of the disk before it
// was full.
func callUntilRefused(t *testing.T, calls *caller, agent token) {
	t.Helper()
	for i := range 100_000 {
		out, a := calls.call(agent.Token, freely, fmt.Sprint("filling-", i))
		if out == refused && passing(a) {
			return
		}
		if out != done {
			t.Fatalf("a call on a full disk was answered %s: %d %s", out, a.status, a.body)
		}
	}
	t.Fatal("calls are still recorded on a full disk")
}
