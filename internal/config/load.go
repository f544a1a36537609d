package config

import (
	"fmt"
	"io"
	"os"
)

// maxFile bounds a configuration file, so that a wrong path does not fill memory.
const maxFile = 4 << 20

// Load reads the configuration file at path. It must return a Problems if the
// file was read but is not good, and another error if it could not be read.
func Load(path string, env Env) (*Config, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, env)
}

func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return data, nil
}

// Parse reads a configuration from data; name stands for the file in problems. A
// nil env has no variables. It must return a Problems, with everything that is
// wrong, unless the configuration is good; an empty file is good.
func Parse(name string, data []byte, env Env) (*Config, error) {
	r := newReport(name)
	config := parse(data, env, r)
	if len(r.problems) > 0 {
		return nil, r.problems.sorted()
	}
	return config, nil
}

func parse(data []byte, env Env, r *report) *Config {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	root, ok := readTree(data, r)
	if !ok {
		return nil
	}
	config := &Config{Process: processOf(env)}
	d := decoder{env: env, report: r}
	d.decodeRoot(root, config)
	config.complete(r)
	config.check(r)
	config.checkLater(r)
	return config
}
