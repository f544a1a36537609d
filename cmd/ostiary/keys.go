package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/store"
)

type keyCommands struct {
	Init keysInit `cmd:"" help:"Make a keyset in a new file."`
	List keysList `cmd:"" help:"List the keys of a keyset, without their secrets."`
}

type keysInit struct {
	File string `arg:"" type:"path" help:"The file to make. It must not exist."`
}

func (c keysInit) Run(p *program) error {
	ring, err := store.CreateKeyFile(c.File, ostiary.SystemClock{})
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%s is there already, and a keyset is never overwritten: what it sealed could not be read again", c.File)
	}
	if err != nil {
		return usage(err)
	}
	p.say("%s: key %s. Keep a copy in a safe place: without it, what is stored can't be read.", visible(c.File), ring.Keys()[0].ID)
	return nil
}

type keysList struct {
	File    string `short:"c" name:"config" type:"path" placeholder:"FILE" help:"The configuration file that names the keyset."`
	KeyFile string `arg:"" optional:"" type:"path" help:"The keyset itself."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// A keyView is a key of the keyset, without its secret.
type keyView struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Primary bool      `json:"primary"`
}

func (c keysList) Run(p *program) error {
	ring, err := c.keyring(p)
	if err != nil {
		return err
	}
	var keys []keyView
	for i, k := range ring.Keys() {
		keys = append(keys, keyView{k.ID, k.Created, i == len(ring.Keys())-1})
	}
	return printItems(p, c.JSON, keys, "ID CREATED USE", func(k keyView) []string {
		use := "opens"
		if k.Primary {
			use = "seals and opens"
		}
		return []string{k.ID, when(k.Created), use}
	})
}

// keyring reads the keyset that the command line names, or the one that the
// configuration names. The first is the user's own word: they got it wrong
// when there is none.
func (c keysList) keyring(p *program) (*store.Keyring, error) {
	if (c.File == "") == (c.KeyFile == "") {
		return nil, usage(errors.New("say which keyset: its file, or -c FILE for that of a configuration"))
	}
	if c.KeyFile != "" {
		ring, err := p.readKeys(c.KeyFile)
		if err != nil {
			return nil, usage(err)
		}
		return ring, nil
	}
	conf, err := config.Load(c.File, p.env)
	if err != nil {
		return nil, usage(err)
	}
	if key := conf.Process.Key; key != "" {
		ring, err := store.ParseKeyring([]byte(key.Reveal()))
		if err != nil {
			return nil, usage(fmt.Errorf("environment variable OSTIARY_KEY: %w", err))
		}
		return ring, nil
	}
	ring, err := p.readKeys(conf.Storage.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = store.Missing(err)
	}
	if err != nil {
		return nil, opening(fmt.Errorf("storage.key_file: %w", err))
	}
	return ring, nil
}

func (p *program) readKeys(file string) (*store.Keyring, error) {
	ring, err := store.ReadKeyFile(file)
	if err != nil {
		return nil, err
	}
	if mode, others := store.KeyFileExposed(file); others {
		p.warn("ostiary: others than its owner may read %s (%s): chmod 600", visible(file), mode)
	}
	return ring, nil
}
