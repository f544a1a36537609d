package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/examples/crm"
	"github.com/ostiary/ostiary/examples/notes"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

type demoCommand struct {
	Dir    string `type:"path" placeholder:"DIR" help:"Keep configuration, keyset and database here, in a folder without a gateway's; without it, nothing is left behind."`
	Listen string `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where the gateway listens (loopback)."`
}

// Run runs two sample apps and a gateway in front of them, and says what to
// try.
func (c demoCommand) Run(p *program) (err error) {
	dir, clean, err := c.folder()
	if err != nil {
		return usage(err)
	}
	defer func() { err = errors.Join(err, clean()) }()
	d := &demo{p: p, dir: dir, listen: c.Listen, password: strings.ToLower(rand.Text()[:12])}
	if err := d.apps(); err != nil {
		return err
	}
	defer d.stop()
	return d.run()
}

func (c demoCommand) folder() (string, func() error, error) {
	if c.Dir != "" {
		err := os.MkdirAll(c.Dir, 0o700)
		if err == nil {
			err = free(c.Dir)
		}
		return c.Dir, func() error { return nil }, err
	}
	dir, err := os.MkdirTemp("", "ostiary-demo-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// free says that a folder is the demo's to use: there is nothing of Ostiary in
// it, or what an earlier demo left, as it was left.
func free(dir string) error {
	file := filepath.Join(dir, demoFile)
	text, err := os.ReadFile(file)
	switch {
	case err == nil && sealed(string(text)):
		return nil
	case err == nil:
		return fmt.Errorf("%s is not as a demo wrote it, and would be overwritten: give another --dir", file)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	for _, name := range []string{demoDatabase, demoKeyset} {
		if path := filepath.Join(dir, name); there(path) {
			return fmt.Errorf("%s is there, and is no demo's: give another --dir", path)
		}
	}
	return nil
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// seal marks a text as the demo's: whoever edits it makes it theirs.
func seal(text string) string {
	return fmt.Sprintf("# Written by \"ostiary demo\", which replaces it unless it was changed (sha256:%x).\n%s", sha256.Sum256([]byte(text)), text)
}

func sealed(text string) bool {
	_, rest, _ := strings.Cut(text, "\n")
	return seal(rest) == text
}

type demo struct {
	p        *program
	dir      string
	listen   string
	password string
	crm      string // where the sample apps listen
	notes    string
	servers  []*http.Server
}

func (d *demo) apps() error {
	var err error
	if d.crm, err = d.app(crm.Handler()); err != nil {
		return err
	}
	d.notes, err = d.app(notes.Handler())
	return err
}

// app serves one sample on a free port of loopback.
func (d *demo) app(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start a sample app: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	d.servers = append(d.servers, s)
	go s.Serve(l) //nolint:errcheck // it ends with Close, in stop
	return "http://" + l.Addr().String() + "/mcp", nil
}

func (d *demo) stop() {
	for _, s := range d.servers {
		_ = s.Close() // what it was serving ends with the process
	}
}

// The demo's files, which are those of whoever follows the documents.
const (
	demoFile     = "ostiary.yaml"
	demoDatabase = "ostiary.db"
	demoKeyset   = "ostiary.key"
)

// demoConfig is what the demo runs with. It is kept in the demo's folder and
// is a configuration to start from.
const demoConfig = `# The two sample apps run inside the demo.
server:
  listen: %[1]q
  public_url: %[6]q
  admin_listen: ""
storage:
  url: %[2]q
  key_file: %[7]q
auth:
  users:
    - {id: alice, email: alice@example.com, password_hash: "%[3]s", claims: {tenant: acme, sites: [site-A], roles: [manager]}}
    - {id: bob, email: bob@example.com, password_hash: "%[3]s", claims: {tenant: acme, sites: [site-A, site-B], roles: [approver]}}
    - {id: root, email: root@example.com, password_hash: "%[3]s", admin: true, claims: {tenant: acme}}
apps:
  - {id: crm, name: CRM, description: Customer records, url: "%[4]s", trusted: true}
  - {id: notes, name: Notes, description: Short notes, url: "%[5]s", trusted: true, shared: true}
tools:
  # Deleting a contact needs bob's yes: alice can't approve it herself.
  - match: "crm:delete_contact"
    approval: {required: true, default_scope: once, risk_level: high, message: "Delete contact {{id}} in {{siteId}}?",
               approvers: {roles: [approver], allow_self: false}}
  # Deleting a note asks the person whose agent wants to.
  - match: "notes:delete_note"
    approval: {required: true, message: "Delete the note {{id}}?"}
`

func (d *demo) write() (string, error) {
	hash := identity.HashPassword(ostiary.Secret(d.password))
	text := fmt.Sprintf(demoConfig, d.listen, "sqlite:"+filepath.Join(d.dir, demoDatabase), hash, d.crm, d.notes,
		"http://"+d.listen, filepath.Join(d.dir, demoKeyset))
	path := filepath.Join(d.dir, demoFile)
	return path, writeWhole(path, func(w io.Writer) error {
		_, err := io.WriteString(w, seal(text))
		return err
	})
}

func (d *demo) run() error {
	file, err := d.write()
	if err != nil {
		return fmt.Errorf("write the demo's configuration: %w", err)
	}
	conf, err := d.p.load(file)
	if err != nil {
		return usage(fmt.Errorf("--listen %s: %w", d.listen, err))
	}
	conf.Logging.Level = config.LevelWarn
	g, err := gateway.Open(d.p.ctx, conf, d.p.logger(conf.Logging))
	if err != nil {
		return starting(err)
	}
	token, err := d.token(g.Core)
	if err != nil {
		return errors.Join(err, g.Close(context.WithoutCancel(d.p.ctx)))
	}
	return g.Run(d.p.ctx, func(url string) { d.welcome(url, file, token) })
}

// token makes alice's agent a token: "demo agent", or "demo agent 2" where the one
// of an earlier demo in this folder still lives.
func (d *demo) token(core *gateway.Core) (ostiary.Secret, error) {
	alice, err := core.Users.Get(d.p.ctx, "alice")
	if err != nil {
		return "", err
	}
	spec := identity.PersonalSpec{
		Name: "demo agent", Tier: ostiary.TierWrite, TTL: 24 * time.Hour,
		Apps: ostiary.Selection{All: true}, Tools: ostiary.Selection{All: true}, Sites: ostiary.Selection{All: true},
	}
	for n := 2; ; n++ {
		_, secret, err := core.Tokens.Create(d.p.ctx, alice, spec, commandLine)
		if !errors.Is(err, identity.ErrTokenNamed) {
			return secret, err
		}
		spec.Name = fmt.Sprint("demo agent ", n)
	}
}
