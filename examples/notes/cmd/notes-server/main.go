// Command notes-server serves the sample app on its own, so that a gateway, or
// a client, can be pointed at it:
//
//	go run ./examples/notes/cmd/notes-server -listen 127.0.0.1:9002
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/ostiary/ostiary/examples/notes"
	"github.com/ostiary/ostiary/examples/sampleserver"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9002", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := sampleserver.Run(ctx, *listen, notes.Handler(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "notes-server:", err)
		os.Exit(1)
	}
}
