package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxDepth is far more than any configuration nests.
const maxDepth = 32

// readTree reads one YAML document without what makes a file mean something else
// than it seems to: anchors, merge keys, tags, repeated keys, second documents. It
// returns nil for an empty file.
func readTree(data []byte, r *report) *yaml.Node {
	if len(data) > maxFile {
		r.at(1, "", "is longer than %v", Size(maxFile))
		return nil
	}
	if !utf8.Valid(data) {
		r.at(lineOfInvalid(data), "", "is not valid UTF-8")
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if !errors.Is(err, io.EOF) {
			reportSyntax(err, r)
		}
		return nil
	}
	var second yaml.Node
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		r.at(max(second.Line, 1), "", "holds more than one YAML document")
	}
	root := document.Content[0]
	checkTree(root, "", 0, r)
	return root
}

func lineOfInvalid(data []byte) int {
	line := 1
	for len(data) > 0 {
		c, width := utf8.DecodeRune(data)
		if c == utf8.RuneError && width == 1 {
			break
		}
		if c == '\n' {
			line++
		}
		data = data[width:]
	}
	return line
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

func reportSyntax(err error, r *report) {
	parts := yamlLine.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	if parts == nil {
		r.at(1, "", "is not YAML: %v", err)
		return
	}
	line, _ := strconv.Atoi(parts[1]) // no number: the first line
	r.at(max(line, 1), "", "is not YAML: %s", parts[2])
}

// checkTree looks at a node and everything below it.
func checkTree(n *yaml.Node, path string, depth int, r *report) {
	switch {
	case depth > maxDepth:
		r.at(n.Line, path, "is nested more than %d deep", maxDepth)
		return
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.at(n.Line, path, "uses an anchor or alias; write the value out")
		return
	case n.Style&yaml.TaggedStyle != 0:
		r.at(n.Line, path, "has the tag %s; tags are not understood", n.Tag)
		return
	}
	if n.Kind == yaml.MappingNode {
		checkMapping(n, path, depth, r)
		return
	}
	for i, child := range n.Content {
		checkTree(child, index(path, i), depth+1, r)
	}
}

func checkMapping(n *yaml.Node, path string, depth int, r *report) {
	first := map[string]int{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 {
			r.at(key.Line, path, "has a key that is not plain text")
			continue
		}
		at := under(path, key.Value)
		if line, twice := first[key.Value]; twice {
			r.at(key.Line, at, "is there twice, first on line %d", line)
			continue
		}
		first[key.Value] = key.Line
		r.lines[at] = key.Line
		checkTree(value, at, depth+1, r)
	}
}
