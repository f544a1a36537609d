package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Another process must be kept out although this one opens the file twice.
func TestOpeningAFileAgainKeepsItsLocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer s.Close()
	if !holdsLock(t, path) {
		t.Fatal("an open database is not locked: this test looks for the wrong thing")
	}
	if err := create(path); err != nil {
		t.Fatalf("create again: %v", err)
	}
	if !holdsLock(t, path) {
		t.Error("the lock on the database is gone")
	}
}

// holdsLock says whether this process holds a POSIX lock on a file.
func holdsLock(t *testing.T, path string) bool {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	inode := fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino)
	for line := range strings.Lines(string(locks)) {
		if strings.Contains(line, inode) && strings.Contains(line, fmt.Sprintf(" %d ", os.Getpid())) {
			return true
		}
	}
	return false
}
