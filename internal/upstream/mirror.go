package upstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/wire"
)

// A binding says that an argument of a tool is mirrored into a header: "when a
// server's tool definition includes x-mcp-header annotations, conforming
// clients MUST mirror the designated parameter values" (2026-07-28
// basic/transports/streamable-http, custom headers from tool parameters).
type binding struct {
	path   []string // from params on
	header string
}

const (
	annotation     = "x-mcp-header"
	mirroredPrefix = "Mcp-Param-"
	// maxSafeInteger is 2^53−1: integers beyond may not be mirrored.
	maxSafeInteger = 1<<53 - 1
)

// appendBound adds the headers of a call. An argument that is absent, null or
// of another type than allowed has none.
func appendBound(headers []Header, bound []binding, params []byte) []Header {
	if len(bound) == 0 {
		return headers
	}
	headers = headers[:len(headers):len(headers)]
	for _, b := range bound {
		value, ok := wire.Lookup(params, b.path...)
		if !ok {
			continue
		}
		if text, ok := mirrored(value); ok {
			headers = append(headers, Header{Name: b.header, Value: ostiary.Secret(wire.EncodeHeader(text))})
		}
	}
	return headers
}

// mirrored writes a string, boolean or safe integer as text.
func mirrored(value []byte) (string, bool) {
	if text, ok := wire.Text(value); ok {
		return text, true
	}
	if text := string(value); text == "true" || text == "false" {
		return text, true
	}
	number, err := strconv.ParseInt(string(value), 10, 64)
	return string(value), err == nil && number <= maxSafeInteger && number >= -maxSafeInteger
}

// bindHeaders collects the bindings of all tools, and takes out tools whose
// annotations are wrong: "the client MUST exclude the invalid tool from the
// result of tools/list". Only HTTP of the stateless era has such headers.
func (a *app) bindHeaders(lists *Lists) map[string][]binding {
	if !wire.Stateless(lists.Era) || a.transport.Costly() {
		return nil
	}
	bound := make(map[string][]binding)
	kept := lists.Tools[:0:0]
	for _, tool := range lists.Tools {
		b, err := bindingsOf(tool.Raw)
		if err != nil {
			a.log.Warn("a tool is left out", "tool", tool.Name, "error", err)
			continue
		}
		if len(b) > 0 {
			bound[tool.Name] = b
		}
		kept = append(kept, tool)
	}
	lists.Tools = kept
	return bound
}

// bindingsOf reads the annotations of a tool. They count only where a chain of
// properties leads to them; anywhere else they make the tool invalid.
func bindingsOf(tool []byte) ([]binding, error) {
	schema, ok := wire.Lookup(tool, "inputSchema")
	if !ok || !bytes.Contains(schema, []byte(annotation)) {
		return nil, nil
	}
	var root any
	if err := json.Unmarshal(schema, &root); err != nil {
		return nil, fmt.Errorf("input schema: %w", err)
	}
	f := finder{seen: make(map[string]bool)}
	if err := f.visit(root, []string{"arguments"}, true); err != nil {
		return nil, err
	}
	return f.found, nil
}

// A finder walks a schema and collects its annotations.
type finder struct {
	found []binding
	seen  map[string]bool // header names, in lower case
}

// visit looks at one schema, or anything else that may hold one. Reachable
// says that only properties lead to it.
func (f *finder) visit(node any, path []string, reachable bool) error {
	switch node := node.(type) {
	case []any:
		for _, element := range node {
			if err := f.visit(element, path, false); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := f.annotated(node, path, reachable); err != nil {
			return err
		}
		for keyword, value := range node {
			if err := f.keyword(keyword, value, path, reachable); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *finder) keyword(keyword string, value any, path []string, reachable bool) error {
	properties, ok := value.(map[string]any)
	if keyword != "properties" || !ok {
		return f.visit(value, path, false)
	}
	for name, schema := range properties {
		if err := f.visit(schema, append(path[:len(path):len(path)], name), reachable); err != nil {
			return err
		}
	}
	return nil
}

func (f *finder) annotated(schema map[string]any, path []string, reachable bool) error {
	value, ok := schema[annotation]
	if !ok {
		return nil
	}
	name, _ := value.(string)
	lower := strings.ToLower(name)
	kind, _ := schema["type"].(string)
	switch {
	case !reachable || len(path) == 1:
		return fmt.Errorf("%s where properties alone don't lead", annotation)
	case !isToken(name):
		return fmt.Errorf("%s of %q is no header name", annotation, path)
	case f.seen[lower]:
		return fmt.Errorf("%s %q is given twice", annotation, name)
	case kind != "string" && kind != "integer" && kind != "boolean":
		return errors.New(annotation + " on what is no string, integer or boolean")
	}
	f.seen[lower] = true
	f.found = append(f.found, binding{path: path, header: mirroredPrefix + name})
	return nil
}

// isToken follows RFC 9110 section 5.6.2.
func isToken(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return name != ""
}
