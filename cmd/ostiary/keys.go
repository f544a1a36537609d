package main

import (
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
	if err != nil {
		return usage(err)
	}
	p.say("%s: key %s. Keep a copy in a safe place: without it, what is stored can't be read.", c.File, ring.Keys()[0].ID)
	return nil
}

type keysList struct {
	File    string `short:"c" name:"config" type:"path" placeholder:"FILE" help:"The configuration file that names the keyset."`
	KeyFile string `arg:"" optional:"" type:"path" help:"The keyset itself."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (c keysList) Run(p *program) error {
	ring, err := c.keyring(p)
	if err != nil {
		return usage(err)
	}
	keys := ring.Keys()
	if c.JSON {
		type item struct {
			ID      string `json:"id"`
			Created string `json:"created"`
			Primary bool   `json:"primary"`
		}
		items := make([]item, len(keys))
		for i, k := range keys {
			items[i] = item{k.ID, k.Created.Format("2006-01-02T15:04:05Z07:00"), i == len(keys)-1}
		}
		return printJSON(p.stdout, items)
	}
	var rows [][]string
	for i, k := range keys {
		use := "opens"
		if i == len(keys)-1 {
			use = "seals and opens"
		}
		rows = append(rows, []string{k.ID, when(k.Created), use})
	}
	return printTable(p.stdout, "ID CREATED USE", rows)
}

func (c keysList) keyring(p *program) (*store.Keyring, error) {
	if c.KeyFile != "" {
		return store.ReadKeyFile(c.KeyFile)
	}
	conf, err := config.Load(c.File, p.env)
	if err != nil {
		return nil, err
	}
	if key := conf.Process.Key; key != "" {
		return store.ParseKeyring([]byte(key.Reveal()))
	}
	return store.ReadKeyFile(conf.Storage.KeyFile)
}
