package testparts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrMissing is wrapped by the error that tells which part is not installed.
var ErrMissing = errors.New("not installed")

// missing names what is not there, how it gets there, and the command that
// does it for every part.
func missing(what, install string) error {
	return fmt.Errorf("%s: %w; `%s` installs it, `make parts` installs all that the tests need", what, ErrMissing, install)
}

// repository returns the folder that holds the module's go.mod, going up from
// the package under test.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the test's working directory")
		}
		dir = up
	}
}
