package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test binary play the roles, as the command itself does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			playRole(role)
			return
		}
	}
	// Under the race detector every process would sleep for a second before
	// it exits, and a run starts many.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func playRole(role func(context.Context, []string) error) {
	ctx, stop := notify()
	defer stop()
	if err := role(ctx, os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestARunComparesTheTargetsItWasAskedFor(t *testing.T) {
	file := t.TempDir() + "/performance.md"
	var out bytes.Buffer
	err := run(t.Context(), []string{
		"-targets", "direct,proxy", "-sizes", "64,1048576", "-connections", "1,4", "-also", "list,stream",
		"-rounds", "2", "-duration", "5ms", "-dir", t.TempDir(), "-o", file,
	}, &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, start := range []string{
		"| 64 B | 1 | direct |", "| 64 B | 1 | reverse proxy | 1.00 |", "| 64 B | 4 | direct |",
		"| 1 MB | 1 | direct |", "| 1 MB | 4 | reverse proxy | 1.00 |",
		"| stream of 10 notices | 4 | direct |", "| list of 1000 tools | 4 | reverse proxy | 1.00 |",
	} {
		row := rowStarting(out.String(), start)
		if row == "" {
			t.Errorf("no row %q in:\n%s", start, out.String())
			continue
		}
		if cells := strings.Split(row, " | "); cells[8] != "1" {
			t.Errorf("upstream requests a call: got %s, want 1, in %s", cells[8], row)
		}
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written, out.Bytes()) {
		t.Errorf("the file differs from what was printed:\n%s", written)
	}
}

func TestARunLeavesNoFilesBehind(t *testing.T) {
	dir := t.TempDir()
	err := run(t.Context(), []string{
		"-targets", "direct", "-connections", "1", "-sizes", "64", "-also", "",
		"-rounds", "1", "-duration", "1ms", "-dir", dir,
	}, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: got %v and error %v, want nothing", left, err)
	}
}

func TestAGoalThatIsNotMeasuredFailsAnAssertedRun(t *testing.T) {
	err := run(t.Context(), []string{
		"-assert", "-targets", "direct,proxy", "-connections", "1", "-sizes", "64", "-also", "",
		"-rounds", "1", "-duration", "1ms", "-dir", t.TempDir(),
	}, new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "gateway strict, 64 connections: not measured") {
		t.Errorf("got %v, want the missing goal named", err)
	}
}

func TestAGatewayThatIsNoneIsReported(t *testing.T) {
	err := run(t.Context(), []string{"-targets", "strict", "-ostiary", "/bin/false", "-dir", t.TempDir()}, new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "create a token") {
		t.Errorf("got %v, want an error that says what was being done", err)
	}
}

func TestAnInterruptedRunLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := run(ctx, []string{
		"-targets", "direct,proxy", "-connections", "1", "-sizes", "64", "-also", "", "-duration", "1m", "-dir", dir,
	}, new(bytes.Buffer))
	if err == nil {
		t.Error("interrupted run: got no error, want one")
	}
	// Processes left behind would be found by goleak: each has a goroutine
	// that waits for it.
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: got %v and error %v, want nothing", left, err)
	}
}

func rowStarting(page, start string) string {
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, start) {
			return line
		}
	}
	return ""
}
