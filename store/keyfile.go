package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ostiary/ostiary"
)

// ReadKeyFile reads a keyset from its file. The error wraps fs.ErrNotExist
// when there is none, and ErrKeyring when it is not a keyset.
func ReadKeyFile(path string) (*Keyring, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the keyset: %w", err)
	}
	ring, err := ParseKeyring(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ring, nil
}

// CreateKeyFile makes a fresh keyset in a new file that only its owner may
// read. It never overwrites: the error wraps fs.ErrExist when path is there.
// The file is durable when it returns: what is sealed with the keys must not
// outlive them.
func CreateKeyFile(path string, clock ostiary.Clock) (*Keyring, error) {
	ring := NewKeyring(clock)
	data, err := json.MarshalIndent(ring, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the keyset: %w", err)
	}
	// A link appears whole or not at all: who finds the file can read it.
	draft, err := writeDraft(path, append(data, '\n'))
	if err != nil {
		return nil, fmt.Errorf("write the keyset: %w", err)
	}
	if err := errors.Join(os.Link(draft, path), os.Remove(draft)); err != nil {
		return nil, fmt.Errorf("create the keyset %s: %w", path, err)
	}
	return ring, syncFolder(filepath.Dir(path))
}

// KeyFileExposed tells whether others than its owner may read or write the file, and
// its mode. Where files have no such modes, nobody may.
func KeyFileExposed(path string) (mode fs.FileMode, others bool) {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" {
		return 0, false
	}
	return info.Mode().Perm(), info.Mode().Perm()&0o066 != 0
}

// writeDraft writes data beside path, mode 0600, and makes it durable.
func writeDraft(path string, data []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync the keyset's folder: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// OpenKeyFile reads the keyset, or makes it when it is missing and mayCreate
// says so. Of two processes that start at once, one makes it and both use it.
func OpenKeyFile(path string, mayCreate bool, clock ostiary.Clock) (*Keyring, error) {
	ring, err := ReadKeyFile(path)
	if !errors.Is(err, fs.ErrNotExist) || !mayCreate {
		return ring, err
	}
	ring, err = CreateKeyFile(path, clock)
	if errors.Is(err, fs.ErrExist) {
		return ReadKeyFile(path)
	}
	return ring, err
}
