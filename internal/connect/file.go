package connect

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/internal/wire"
)

// Snippet is a whole file that has the server and nothing else.
func (p Program) Snippet(s Server) ([]byte, error) {
	if p.section == nil {
		return []byte(table(s)), nil
	}
	file := map[string]any{p.section[0]: map[string]any{s.Name: p.entry(s)}}
	if p.also != nil {
		for _, a := range p.also(s) {
			file[a.member] = []any{a.value}
		}
	}
	text, err := indented(file, "")
	return append(text, '\n'), err
}

var (
	// ErrTaken means that the file has another server of that name.
	ErrTaken = errors.New("the file has another server of that name")
	// ErrOwnForm means that a file is not of the form that can be added to
	// without harm, one with comments for example.
	ErrOwnForm = errors.New("the file can't be added to safely")
)

// Add returns file with the server in it, and all else as it was. A file that
// has just this server stays as it is; one that has another of its name is
// ErrTaken, and one that nothing can be added to without harm ErrOwnForm. The
// empty file becomes the snippet.
func (p Program) Add(file []byte, s Server) ([]byte, error) {
	switch {
	case len(strings.TrimSpace(string(file))) == 0:
		return p.Snippet(s)
	case p.section == nil:
		return addTable(string(file), s)
	default:
		return p.addMember(file, s)
	}
}

func (p Program) addMember(file []byte, s Server) ([]byte, error) {
	if err := wire.Check(file); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOwnForm, err)
	}
	path := append(slices.Clone(p.section), s.Name)
	want, err := indented(p.entry(s), "    ")
	if err != nil {
		return nil, err
	}
	if have, ok := wire.Lookup(file, path...); ok {
		if !same(have, want) {
			return nil, ErrTaken
		}
		return file, nil
	}
	e := wire.NewEdit(file)
	e.Set(want, path...)
	if err := p.addOthers(e, file, s); err != nil {
		return nil, err
	}
	out, err := e.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOwnForm, err)
	}
	return out, nil
}

// addOthers adds what else the file needs, where it is not there.
func (p Program) addOthers(e *wire.Edit, file []byte, s Server) error {
	if p.also == nil {
		return nil
	}
	for _, a := range p.also(s) {
		var have []json.RawMessage
		if raw, ok := wire.Lookup(file, a.member); ok {
			if err := json.Unmarshal(raw, &have); err != nil {
				return fmt.Errorf("%w: %s is no list", ErrOwnForm, a.member)
			}
		}
		if slices.ContainsFunc(have, a.is) {
			continue
		}
		one, err := json.Marshal(a.value)
		if err != nil {
			return err
		}
		list, err := indented(append(have, one), "  ")
		if err != nil {
			return err
		}
		e.Set(list, a.member)
	}
	return nil
}

// same compares two values of JSON.
func same(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	left, err := json.Marshal(x)
	right, failed := json.Marshal(y)
	return err == nil && failed == nil && string(left) == string(right)
}

// table is the server in TOML, for Codex.
func table(s Server) string {
	text := "[mcp_servers." + s.Name + "]\nurl = " + strconv.Quote(s.URL) + "\n"
	if s.TokenVar != "" {
		text += "bearer_token_env_var = " + strconv.Quote(s.TokenVar) + "\n"
	}
	return text
}

// addTable adds a table at the end, where all tables before it end.
func addTable(file string, s Server) ([]byte, error) {
	keys, err := readTOML(file)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		switch {
		case k.path[0] != "mcp_servers":
		case len(k.path) > 1 && k.path[1] == s.Name:
			if strings.Contains(file, table(s)) {
				return []byte(file), nil
			}
			return nil, ErrTaken
		case len(k.path) == 1, !k.table && !below(keys, k):
			return nil, fmt.Errorf("%w: its servers are no tables of their own", ErrOwnForm)
		}
	}
	return []byte(strings.TrimRight(file, "\n") + "\n\n" + table(s)), nil
}

// below says whether a value stands in a server's own [table].
func below(keys []tomlKey, k tomlKey) bool {
	return slices.ContainsFunc(keys, func(t tomlKey) bool {
		return t.table && len(t.path) > 1 && len(t.path) < len(k.path) && slices.Equal(t.path, k.path[:len(t.path)])
	})
}
