package config

import (
	"os"
	"path/filepath"
	"strings"
)

// checkFolders keeps stdio servers off folders in which the gateway's own files
// are: an agent that reads the keyset and the database has everything in them.
// It sees what is written out as an argument, FOLDER or --option=FOLDER, and
// exists; what a program reads besides is between it and the operator.
func (c *Config) checkFolders(r *report) {
	own := c.ownFiles(r.file)
	for i, app := range c.Apps {
		for j, argument := range app.Command {
			_, value, _ := strings.Cut(argument, "=")
			held := append(heldIn(argument, own), heldIn(value, own)...)
			if len(held) > 0 {
				r.refuse(index(index("apps", i)+".command", j), "%q holds %s: an agent could read it; give the server a folder of its own",
					argument, strings.Join(held, ", "))
			}
		}
	}
}

// ownFiles are the paths of what nobody else may read. The keyset and the
// database may not be there yet; the configuration may come from elsewhere than
// a file.
func (c *Config) ownFiles(configuration string) []string {
	var own []string
	if _, err := os.Stat(configuration); err == nil {
		own = append(own, configuration)
	}
	if c.Process.Key == "" && c.Storage.KeyFile != "" {
		own = append(own, c.Storage.KeyFile)
	}
	if path := c.Storage.Path(); path != "" && path != ":memory:" {
		own = append(own, path)
	}
	if c.Server.TLS.KeyFile != "" {
		own = append(own, c.Server.TLS.KeyFile)
	}
	return own
}

// heldIn returns the files that are below folder; none where it is no folder.
func heldIn(folder string, files []string) (held []string) {
	info, err := os.Stat(folder)
	if err != nil || !info.IsDir() {
		return nil
	}
	for _, file := range files {
		if below(info, file) {
			held = append(held, file)
		}
	}
	return held
}

// below reports whether a path leads through folder, by its name or by where its
// links end.
func below(folder os.FileInfo, path string) bool {
	path, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil { // it isn't there yet
		target, _ = filepath.EvalSymlinks(filepath.Dir(path))
		target = filepath.Join(target, filepath.Base(path))
	}
	return through(folder, path) || through(folder, target)
}

func through(folder os.FileInfo, path string) bool {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && os.SameFile(info, folder) {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}
