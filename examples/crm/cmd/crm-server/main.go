// Command crm-server serves the sample app on its own, so that a gateway, or
// a client, can be pointed at it:
//
//	go run ./examples/crm/cmd/crm-server -listen 127.0.0.1:9001
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/ostiary/ostiary/examples/crm"
	"github.com/ostiary/ostiary/examples/sampleserver"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9001", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := sampleserver.Run(ctx, *listen, crm.Handler(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "crm-server:", err)
		os.Exit(1)
	}
}
