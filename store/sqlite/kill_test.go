package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/sqlite"
)

// victimOf names the database that this process is to write until it is
// killed.
const victimOf = "OSTIARY_TEST_VICTIM_OF"

func TestMain(m *testing.M) {
	if path := os.Getenv(victimOf); path != "" {
		log.Fatal(beVictim(path))
	}
	goleak.VerifyTestMain(m)
}

// beVictim is the other process of the test below. It commits an entry and a
// count at a time, and prints the number of each that was acknowledged.
func beVictim(path string) error {
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	if err != nil {
		return err
	}
	log, _, err := s.Claim(context.Background(), "gw")
	if err != nil {
		return err
	}
	fmt.Println("claimed", log)
	for range 8 {
		go commitForever(s, log)
	}
	select {}
}

func commitForever(s store.Store, log string) {
	for {
		var tx store.Tx
		tx.Append(store.Append{Log: log, Line: func(seq uint64) ([]byte, error) { return fmt.Append(nil, seq), nil }})
		tx.Add(store.Add{Counter: "n", Delta: 1})
		receipt, err := s.Commit(context.Background(), tx)
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println("acknowledged", receipt.Seqs[0])
	}
}

// startVictim starts the other process and returns its lines.
func startVictim(t *testing.T, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), victimOf+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "claimed gw1" {
		t.Fatalf("the other process said %q, want that it claimed gw1", lines.Text())
	}
	return cmd, lines
}

func TestAKilledProcessLosesNothingAcknowledgedAndFreesItsLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	for range 3 {
		cmd, lines := startVictim(t, path)
		var acknowledged []uint64
		for lines.Scan() {
			text, ok := strings.CutPrefix(lines.Text(), "acknowledged ")
			if !ok {
				t.Fatalf("the other process said %q", lines.Text())
			}
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				break // cut off by the kill
			}
			if acknowledged = append(acknowledged, n); len(acknowledged) == 100 {
				cmd.Process.Kill()
			}
		}
		cmd.Wait()
		wantKept(t, path, acknowledged)
	}
}

// wantKept demands that every number is in the log, without gaps, and that
// the counter, which was committed together with them, agrees.
func wantKept(t *testing.T, path string, acknowledged []uint64) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatalf("open after the kill: %v", err)
	}
	defer s.Close()
	log, _, err := s.Claim(t.Context(), "gw")
	if err != nil || log != "gw1" {
		t.Errorf("claim after the kill: got %q, error %v, want gw1", log, err)
	}
	kept := uint64(0)
	for e, err := range s.Entries(t.Context(), "gw1", 0) {
		if err != nil {
			t.Fatalf("entries: %v", err)
		}
		if e.Seq != kept || string(e.Line) != fmt.Sprint(kept) {
			t.Fatalf("entry %d: got %d %q", kept, e.Seq, e.Line)
		}
		kept++
	}
	for _, n := range acknowledged {
		if n >= kept {
			t.Errorf("entry %d was acknowledged and is lost", n)
		}
	}
	if got, err := s.Counter(t.Context(), "n"); err != nil || got != int64(kept) {
		t.Errorf("counter: got %d, error %v, want %d as there are entries", got, err, kept)
	}
}
