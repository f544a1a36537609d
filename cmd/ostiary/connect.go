package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/connect"
)

type connectCommand struct {
	Client   string `arg:"" help:"claude-code, codex, cursor, mcp-remote or vscode."`
	File     string `short:"c" name:"config" placeholder:"FILE" type:"path" help:"Reach the gateway of this configuration file."`
	URL      string `name:"url" placeholder:"URL" help:"Reach the gateway at this public_url (or OSTIARY_URL)."`
	App      string `placeholder:"APP" help:"One standalone app alone."`
	Name     string `default:"ostiary" placeholder:"NAME" help:"What the client calls the server."`
	TokenVar string `name:"token-env" placeholder:"VAR" help:"Use the personal token in this environment variable; left out, the client lets its person sign in."`
	Write    bool   `help:"Write it into the client's file, in this folder or, for codex, below the home folder."`
	To       string `placeholder:"FILE" type:"path" help:"Write it into this file of the client's instead."`
}

// Run prints what a client needs to know to reach the gateway, or adds it to
// the client's own file, whose other contents stay as they are.
func (c connectCommand) Run(p *program) error {
	of, server, err := c.what(p)
	if err != nil {
		return usage(err)
	}
	if c.Write || c.To != "" {
		return c.write(p, of, server)
	}
	snippet, err := of.Snippet(server)
	if err != nil {
		return err
	}
	if where := belongsIn(of); where != "" {
		fmt.Fprintf(p.stderr, "For %s of %s:\n", where, of.Title)
	}
	if _, err := p.stdout.Write(snippet); err != nil {
		return err
	}
	fmt.Fprintln(p.stderr, next(of, server))
	return nil
}

func belongsIn(of connect.Program) string {
	if of.File != "" && of.Home {
		return filepath.Join("~", of.File)
	}
	return of.File
}

func next(of connect.Program, s connect.Server) string {
	text := strings.ReplaceAll(of.Next, "NAME", s.Name)
	if s.TokenVar != "" {
		text = "Put a personal token into " + s.TokenVar + " (ostiary tokens create, or the account page). " + text
	}
	return text
}

// what reads the command line.
func (c connectCommand) what(p *program) (connect.Program, connect.Server, error) {
	of, ok := connect.ByID(c.Client)
	if !ok {
		return of, connect.Server{}, fmt.Errorf("%q is no client that we know: %s", c.Client, ids())
	}
	problems := connect.CheckName(c.Name)
	if c.TokenVar != "" {
		problems = errors.Join(problems, connect.CheckVariable(c.TokenVar))
	}
	endpoint, err := c.endpoint(p)
	return of, connect.Server{Name: c.Name, URL: endpoint, TokenVar: c.TokenVar}, errors.Join(problems, err)
}

func ids() string {
	all := make([]string, 0, len(connect.Programs))
	for _, p := range connect.Programs {
		all = append(all, p.ID)
	}
	return strings.Join(all, ", ")
}

// endpoint is the URL that the client is to reach.
func (c connectCommand) endpoint(p *program) (string, error) {
	base := config.RemoteOf(c.URL, p.env).URL
	if c.File != "" {
		conf, err := config.Load(c.File, p.env)
		if err != nil {
			return "", err
		}
		if app, ok := conf.App(c.App); c.App != "" && (!ok || !app.Standalone) {
			return "", fmt.Errorf("--app: %q is no app that is standalone", c.App)
		}
		base = conf.Server.PublicURL.String()
	}
	u, err := url.Parse(base)
	switch {
	case base == "":
		return "", errors.New("say which gateway: -c FILE, or --url (OSTIARY_URL)")
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https", u.RawQuery != "", u.User != nil:
		return "", fmt.Errorf("%q is no gateway's public_url: that is http:// or https:// and a host", base)
	}
	if c.App != "" {
		return u.JoinPath(c.App, "mcp").String(), nil
	}
	return u.JoinPath("mcp").String(), nil
}

func (c connectCommand) write(p *program, of connect.Program, s connect.Server) error {
	path, err := c.target(p, of)
	if err != nil {
		return usage(err)
	}
	have, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return usage(err)
	}
	file, err := of.Add(have, s)
	if errors.Is(err, connect.ErrTaken) || errors.Is(err, connect.ErrOwnForm) {
		return fmt.Errorf("%s: %w; without --write it is printed, to be put there by hand", path, err)
	}
	if err != nil {
		return err
	}
	if string(file) == string(have) {
		p.say("%s has it already", path)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return usage(err)
	}
	err = writeKeeping(path, func(w io.Writer) error {
		_, err := w.Write(file)
		return err
	})
	if err == nil {
		p.say("%s written", path)
		fmt.Fprintln(p.stderr, next(of, s))
	}
	return err
}

// target is the file to write into.
func (c connectCommand) target(p *program, of connect.Program) (string, error) {
	switch {
	case c.To != "":
		return c.To, nil
	case of.File == "":
		return "", fmt.Errorf("%s has no file of its own: say with --to which file of which program", of.Title)
	case !of.Home:
		return of.File, nil
	}
	home, ok := p.env("HOME")
	if !ok || home == "" {
		return "", errors.New("HOME is not set: say with --to which file")
	}
	return filepath.Join(home, of.File), nil
}
