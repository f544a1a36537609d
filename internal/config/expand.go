package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxSecretFile bounds what ${file:…} reads.
const maxSecretFile = 1 << 20

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} by the variable and ${file:PATH} by what the file holds,
// less one line end. $${ stands for ${ itself. What was put in is not expanded
// again.
func (d *decoder) expand(text string) (string, error) {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		if !found {
			out.WriteString(text)
			return out.String(), nil
		}
		if strings.HasSuffix(before, "$") {
			out.WriteString(before + "{")
			text = after
			continue
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			return "", errors.New(`has "${" without "}" (write "$${" for "${" itself)`)
		}
		value, err := look(name, d.env)
		if err != nil {
			return "", err
		}
		d.report.hide(value)
		out.WriteString(before + value)
		text = rest
	}
}

func look(name string, env Env) (string, error) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		return readSecretFile(path)
	}
	if !envName.MatchString(name) {
		return "", fmt.Errorf("${%s} is neither ${NAME} nor ${file:PATH}", name)
	}
	value, ok := env(name)
	if !ok {
		return "", fmt.Errorf("the environment variable %s is not set", name)
	}
	if !utf8.ValidString(value) {
		return "", fmt.Errorf("the environment variable %s is not valid UTF-8", name)
	}
	return value, nil
}

// readSecretFile reads a regular file only: a device or a pipe could keep the
// gateway waiting at its start.
func readSecretFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read ${file:…}: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return "", fmt.Errorf("read ${file:…}: %s is not a file of at most %v", path, Size(maxSecretFile))
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read ${file:…}: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSecretFile))
	if err != nil {
		return "", fmt.Errorf("read ${file:…}: %w", err)
	}
	if !utf8.Valid(data) {
		return "", fmt.Errorf("read ${file:…}: %s is not valid UTF-8", path)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}
