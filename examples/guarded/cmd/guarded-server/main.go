// Command guarded-server runs the notebook that guards itself, with what it
// has to remember in a SQLite file:
//
//	go run ./examples/guarded/cmd/guarded-server -listen 127.0.0.1:9003 -dir /tmp/guarded
//
// It prints a token for Alice, good for a day. A call that needs a yes is
// asked about in this terminal: y lets it through, anything else doesn't.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/examples/guarded"
	"github.com/ostiary/ostiary/examples/sampleserver"
	"github.com/ostiary/ostiary/mcpguard"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/sqlite"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9003", "address to listen on")
	dir := flag.String("dir", ".", "where the database and its key are kept")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "guarded-server:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, dir string) (err error) {
	clock := ostiary.SystemClock{}
	keys, err := store.OpenKeyFile(filepath.Join(dir, "guarded.key"), true, clock)
	if err != nil {
		return err
	}
	db, err := sqlite.Open(ctx, filepath.Join(dir, "guarded.db"), sqlite.Options{})
	if err != nil {
		return err
	}
	house, err := mcpguard.Open(ctx, mcpguard.Options{Storage: db, Keys: keys, Rules: guarded.Rules, Users: guarded.Users})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	defer func() { err = errors.Join(err, house.Close(context.WithoutCancel(ctx))) }()
	token, err := guarded.Token(ctx, house)
	if err != nil {
		return err
	}
	fmt.Println("token", token.Reveal())
	go ask(ctx, house, os.Stdin, os.Stdout)
	return sampleserver.Run(ctx, listen, guarded.Handler(house, time.Minute), os.Stdout)
}

// ask shows what waits for Alice and takes her answers, until in ends.
func ask(ctx context.Context, house *mcpguard.House, in io.Reader, out io.Writer) {
	answers := bufio.NewScanner(in)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		waiting, _, err := house.Approvals.Requests(ctx, alice(), approval.Pending, 10, "")
		if err != nil {
			fmt.Fprintln(out, "look for requests:", err)
		}
		for _, r := range waiting {
			fmt.Fprintf(out, "%s %q: let it run once? [y/N] ", r.Tool, r.Arguments)
			if !answers.Scan() {
				return
			}
			if err := decide(ctx, house, r.ID, strings.TrimSpace(answers.Text()) == "y"); err != nil {
				fmt.Fprintln(out, "answer:", err)
			}
		}
	}
}

func decide(ctx context.Context, house *mcpguard.House, request string, yes bool) error {
	answer := approval.Answer{Decision: approval.Deny}
	if yes {
		answer = approval.Answer{Decision: approval.Approve, Scope: approval.Once}
	}
	_, err := house.Approvals.Decide(ctx, request, alice(), answer, time.Hour)
	return err
}

// alice is whoever sits at this terminal.
func alice() approval.Decider {
	return approval.Decider{Subject: "alice", SignedInAt: ostiary.SystemClock{}.Now(), Origin: "cli"}
}
