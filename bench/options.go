package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The targets, in the order in which they are shown.
const (
	direct  = "direct"
	proxy   = "reverse proxy"
	relaxed = "gateway relaxed"
	strict  = "gateway strict"
)

// targetFlags are the names of the targets on the command line.
var targetFlags = map[string]string{"direct": direct, "proxy": proxy, "relaxed": relaxed, "strict": strict}

// options say what is measured and for how long.
type options struct {
	targets     []string
	sizes       []int // bytes of text in a result
	also        []asked
	connections []int
	rounds      int
	duration    time.Duration // of one measurement
	rules       int           // entries under tools in the gateway's configuration
	dir         string        // where the run keeps its files; "" is the system's temporary folder
	ostiary     string        // a binary to use; "" builds one
	output      string
	assert      bool
}

func parseOptions(args []string, usage io.Writer) (options, error) {
	opts := options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(usage)
	quick := flags.Bool("quick", false, "three short rounds: a first impression")
	targets := flags.String("targets", "direct,proxy,relaxed,strict", "what to measure")
	sizes := flags.String("sizes", "64,4096,262144,16777216", "bytes in a result")
	also := flags.String("also", "stream,list,refresh", "what is measured beside calls; \"\" for nothing")
	connections := flags.String("connections", "1,16,64", "connections at the same time")
	flags.IntVar(&opts.rounds, "rounds", 5, "how often every target is measured")
	flags.DurationVar(&opts.duration, "duration", 2*time.Second, "length of one measurement")
	flags.IntVar(&opts.rules, "rules", 1000, "tool rules in the gateway's configuration")
	flags.StringVar(&opts.dir, "dir", "", "folder for the gateways' databases; decides what a durable write costs")
	flags.StringVar(&opts.ostiary, "ostiary", "", "the gateway's binary; built when empty")
	flags.StringVar(&opts.output, "o", "", "file to write the table to")
	flags.BoolVar(&opts.assert, "assert", false, "exit with 1 when a goal is missed")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if *quick {
		opts.rounds, opts.duration = 3, 300*time.Millisecond
	}
	var problems [6]error
	opts.targets, problems[0] = parseTargets(*targets)
	opts.sizes, problems[1] = parseNumbers("-sizes", *sizes, len(endOfResult), maxResult)
	opts.connections, problems[2] = parseNumbers("-connections", *connections, 1, maxConnections)
	opts.dir, problems[3] = absolute(opts.dir)
	opts.ostiary, problems[4] = absolute(opts.ostiary)
	opts.also, problems[5] = parseAlso(*also)
	return opts, errors.Join(append(problems[:], opts.check(flags.Args()))...)
}

// check bounds the run in count and in time.
func (o options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected %q", rest[0])
	case o.rounds < 1 || o.rounds > 100:
		return fmt.Errorf("-rounds: %d is not between 1 and 100", o.rounds)
	case o.duration <= 0 || o.duration > time.Minute:
		return fmt.Errorf("-duration: %s is not between 0 and 1m", o.duration)
	case o.rules < 1 || o.rules > 100_000:
		return fmt.Errorf("-rules: %d is not between 1 and 100000", o.rules)
	}
	return nil
}

// absolute makes a path mean the same to processes in other folders.
func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

func parseTargets(list string) ([]string, error) {
	var targets []string
	for name := range strings.SplitSeq(list, ",") {
		target, ok := targetFlags[name]
		if !ok {
			return nil, fmt.Errorf("-targets: %q is none of direct, proxy, relaxed, strict", name)
		}
		if slices.Contains(targets, target) {
			return nil, fmt.Errorf("-targets: %s is named twice", name)
		}
		targets = append(targets, target)
	}
	return targets, nil
}

func parseAlso(list string) ([]asked, error) {
	var also []asked
	for name := range strings.SplitSeq(list, ",") {
		switch what := asked(name); what {
		case "":
		case aStream, aList, aRefresh:
			also = append(also, what)
		default:
			return nil, fmt.Errorf("-also: %q is none of stream, list, refresh", name)
		}
	}
	return also, nil
}

func parseNumbers(option, list string, least, most int) ([]int, error) {
	var numbers []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return nil, fmt.Errorf("%s: %q is not a number from %d to %d", option, text, least, most)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
