package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/ostiary/ostiary"
)

// syncs is how many durable writes are timed.
const syncs = 33

// facts are what a reader must know of the machine to read absolute figures.
type facts struct {
	date     time.Time
	system   string // operating system and architecture
	cores    int
	version  string        // of Go
	sync     time.Duration // median time of a 4 KiB write with fsync in the folder of the databases
	rounds   int
	duration time.Duration
	rules    int
}

func factsOf(dir string, opts options) (facts, error) {
	clock := ostiary.SystemClock{}
	sync, err := timeSync(filepath.Join(dir, "sync"), clock)
	if err != nil {
		return facts{}, err
	}
	return facts{
		date:     clock.Now(),
		system:   runtime.GOOS + "/" + runtime.GOARCH,
		cores:    runtime.NumCPU(),
		version:  runtime.Version(),
		sync:     sync,
		rounds:   opts.rounds,
		duration: opts.duration,
		rules:    opts.rules,
	}, nil
}

func timeSync(path string, clock ostiary.Clock) (time.Duration, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, fmt.Errorf("time a durable write: %w", err)
	}
	defer f.Close()
	times := make([]float64, 0, syncs)
	block := make([]byte, 4096)
	for range syncs {
		start := clock.Now()
		if _, err := f.Write(block); err != nil {
			return 0, fmt.Errorf("time a durable write: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("time a durable write: %w", err)
		}
		times = append(times, float64(clock.Now().Sub(start)))
	}
	return time.Duration(median(times)), nil
}
