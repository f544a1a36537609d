package config

import (
	"strings"

	"github.com/ostiary/ostiary"
)

// Storage is the group `storage`.
type Storage struct {
	// `sqlite:PATH`, `sqlite::memory:`, `postgres://…` or `redis://…`.
	URL ostiary.Secret `yaml:"url" default:"sqlite:ostiary.db"`
	// Key prefix or schema, for several gateways on one server.
	Namespace string `yaml:"namespace" pattern:"^([a-z][a-z0-9_]{0,39})?$"`
	// The master keyset. It is created with mode 0600, together with a sqlite
	// database, when neither is there; otherwise it must exist, or the environment
	// variable OSTIARY_KEY must hold the keyset itself.
	KeyFile string `yaml:"key_file" default:"ostiary.key"`
	// Start although the server's settings break promises; `ostiary doctor` says
	// which.
	AcceptWeaker bool `yaml:"accept_weaker"`
}

// The storage drivers, as Storage.Driver names them.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
	Redis    = "redis"
)

// Driver names the kind of storage: SQLite, Postgres or Redis.
func (s Storage) Driver() string {
	scheme, _, _ := strings.Cut(s.URL.Reveal(), ":")
	if scheme == "rediss" {
		return Redis
	}
	return scheme
}

// Path is the file of a sqlite database, or ":memory:"; empty for servers.
func (s Storage) Path() string {
	path, ok := strings.CutPrefix(s.URL.Reveal(), "sqlite:")
	if !ok {
		return ""
	}
	return path
}
