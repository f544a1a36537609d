package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeWhole makes or replaces a file that its owner alone may read. It is
// whole or as it was before: what write gives is written beside it first.
// What is no file, like a pipe or a device, is written as it comes.
func writeWhole(path string, write func(io.Writer) error) error { return writeAs(path, 0o600, write) }

// writeKeeping is writeWhole for a file that is somebody's already: who could
// read it can still.
func writeKeeping(path string, write func(io.Writer) error) error {
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	return writeAs(path, mode, write)
}

func writeAs(path string, mode fs.FileMode, write func(io.Writer) error) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return usage(err)
		}
		return errors.Join(fill(f, write), f.Close())
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link stays one
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	var where *fs.PathError
	if errors.As(err, &where) {
		err = fmt.Errorf("write %s: %w", path, where.Err) // not the name beside it
	}
	if err != nil {
		return usage(err)
	}
	err = errors.Join(f.Chmod(mode), fill(f, write), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// fill tells a place that can't be written from what could not be said.
func fill(f *os.File, write func(io.Writer) error) error {
	out := &output{Writer: f}
	err := write(out)
	if out.err != nil {
		return unreachable(fmt.Errorf("not all could be written: %w", out.err))
	}
	return err
}
