package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// roles are what the command does when it was started by itself.
var roles = map[string]func(ctx context.Context, args []string) error{
	"upstream": runUpstream,
	"proxy":    runProxy,
	"driver":   runDriver,
}

func main() {
	ctx, stop := notify()
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// notify returns a context that ends when the command is told to stop.
func notify() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		if role, ok := roles[args[0]]; ok {
			return role(ctx, args[1:])
		}
	}
	opts, err := parseOptions(args, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return bench(ctx, opts, out)
}

// bench measures, prints the table, and then judges it when it is asked to.
func bench(ctx context.Context, opts options, out io.Writer) error {
	about, rows, err := measure(ctx, opts)
	if err != nil {
		return err
	}
	page := render(about, rows)
	if _, err := io.WriteString(out, page); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	if opts.output != "" {
		if err := os.WriteFile(opts.output, []byte(page), 0o644); err != nil {
			return fmt.Errorf("write the table: %w", err)
		}
	}
	if opts.assert {
		return judge(rows, goals)
	}
	return nil
}

// measure does the whole run in a folder of its own, and removes it.
func measure(ctx context.Context, opts options) (facts, []row, error) {
	dir, err := os.MkdirTemp(opts.dir, "ostiary-bench-")
	if err != nil {
		return facts{}, nil, fmt.Errorf("make a folder for the run: %w", err)
	}
	defer os.RemoveAll(dir)

	about, err := factsOf(dir, opts)
	if err != nil {
		return facts{}, nil, err
	}
	stage, err := build(ctx, dir, opts)
	if err != nil {
		return facts{}, nil, err
	}
	defer stage.stop()
	samples, err := stage.measure(ctx, opts)
	if err != nil {
		return facts{}, nil, err
	}
	return about, summarize(samples), nil
}
