// Command ostiary is the doorkeeper for agents' tools: a gateway in front of
// MCP servers, and the commands to run and look after it. `ostiary` alone
// prints help.
//
// Commands are thin: what they do stands in the room it concerns. Each file
// has one command; target.go says where a command acts, exit.go what it
// exits with.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/ostiary/ostiary/internal/config"
)

// A program is one run of the command line: what it talks to.
type program struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	screen bool // standard output is a terminal
	env    config.Env
	self   []string // starts this program again; empty: it can't be
}

// commands is the command line. Its comments and tags are its help.
type commands struct {
	Serve     serveCommand     `cmd:"" help:"Run the gateway."`
	Demo      demoCommand      `cmd:"" help:"Run a complete example: two sample apps, three people, a pending approval."`
	Config    configCommands   `cmd:"" help:"Write, check and describe configuration files."`
	Connect   connectCommand   `cmd:"" help:"Say how a client reaches the gateway, or write it into the client's file."`
	Users     userCommands     `cmd:"" help:"The people of the local directory."`
	Tokens    tokenCommands    `cmd:"" help:"Personal access tokens."`
	Sessions  sessionCommands  `cmd:"" help:"The agents that people connected."`
	Clients   clientCommands   `cmd:"" help:"The OAuth clients that may ask for tokens."`
	Revoke    revokeCommand    `cmd:"" help:"End everything of a person, client or tenant, or of all: tokens, agents, sign-ins, approvals."`
	Approvals approvalCommands `cmd:"" help:"Requests that wait for somebody's yes."`
	Grants    grantCommands    `cmd:"" help:"Approvals in force, and remembered denials."`
	Tools     toolCommands     `cmd:"" help:"What the apps offer, and the definitions an operator accepted."`
	Audit     auditCommands    `cmd:"" help:"The record of what happened."`
	Keys      keyCommands      `cmd:"" help:"The master keyset."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
	Watchdog  watchdogCommand  `cmd:"" hidden:"" help:"End what programs leave behind; the gateway starts it."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{
		ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		screen: term.IsTerminal(int(os.Stdout.Fd())), env: os.LookupEnv, self: self(),
	}
	code := p.run(os.Args[1:])
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit code.
func (p *program) run(args []string) int {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	out := &output{Writer: p.stdout}
	p.stdout = out
	exited := -1
	parser, err := kong.New(&commands{},
		kong.Name("ostiary"), kong.Description("The doorkeeper for agents' tools."),
		kong.Writers(p.stdout, p.stderr), kong.Exit(func(code int) { exited = code }),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		panic(err) // the struct above is wrong
	}
	command, err := parser.Parse(args)
	switch {
	case exited > 0:
		return exited
	case exited == 0: // --help
		return p.end(nil, out)
	case err != nil:
		return p.end(usage(err), out)
	}
	return p.end(command.Run(p), out)
}
