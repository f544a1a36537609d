package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestAProcessThatEndsBeforeItIsReadyIsReportedWithItsLog(t *testing.T) {
	_, err := start(t.Context(), t.TempDir(), "broken", "/bin/sh", "-c", "echo storage is on fire >&2; exit 2")
	if err == nil || !strings.Contains(err.Error(), "storage is on fire") {
		t.Errorf("got %v, want the log's last words", err)
	}
}

func TestAStoppedProcessIsGone(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := start(t.Context(), t.TempDir(), "upstream", self, "upstream")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(p.url, "http://127.0.0.1:") {
		t.Errorf("url: got %q, want a loopback one", p.url)
	}
	p.stop()
	if _, ok := p.cpu(); ok {
		t.Errorf("process %d still uses CPU after it was stopped", p.pid)
	}
}

func TestReadyIsFoundHoweverTheOutputIsCut(t *testing.T) {
	for _, pieces := range [][]string{
		{"ready http://h:1\n"},
		{"rea", "dy http://h:1", "\n"},
		{"hello\nready http://h:1\nready http://h:2\n"},
		{"already there\n", "ready http://h:1\nmore"},
	} {
		a := &announcement{url: make(chan string, 1)}
		for _, piece := range pieces {
			if n, err := a.Write([]byte(piece)); n != len(piece) || err != nil {
				t.Errorf("write %q: got %d, %v", piece, n, err)
			}
		}
		select {
		case got := <-a.url:
			if want := "http://h:1"; got != want {
				t.Errorf("%q: got %s, want %s", pieces, got, want)
			}
		default:
			t.Errorf("%q: no URL was found", pieces)
		}
	}
}

func TestCPUTimeIsReadFromProcStat(t *testing.T) {
	const rest = " S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0"
	for _, test := range []struct {
		stat string
		want time.Duration
		ok   bool
	}{
		{"42 (ostiary)" + rest, 3 * time.Second, true},
		{"42 (a ) 9 9 (b)" + rest, 3 * time.Second, true},
		{"42 (ostiary) S 1 2", 0, false},
		{"", 0, false},
	} {
		got, ok := parseStat(test.stat)
		if got != test.want || ok != test.ok {
			t.Errorf("%q: got %s, %t, want %s, %t", test.stat, got, ok, test.want, test.ok)
		}
	}
}
