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
// than it seems to: anchors, merge keys, tags, repeated keys, second documents.
// Those are reported and left out, so that what is wrong elsewhere is reported as
// well. It returns nil for an empty file, and not ok where there is nothing to go
// on with.
func readTree(data []byte, r *report) (root *yaml.Node, ok bool) {
	if len(data) > maxFile {
		r.add(1, "", "is longer than %v", Size(maxFile))
		return nil, false
	}
	if !utf8.Valid(data) {
		r.add(lineOfInvalid(data), "", "is not valid UTF-8")
		return nil, false
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if !errors.Is(err, io.EOF) {
			reportSyntax(err, r)
			return nil, false
		}
		return nil, true
	}
	var second yaml.Node
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		r.add(max(second.Line, 1), "", "holds more than one YAML document")
	}
	root = document.Content[0]
	checkTree(root, "", 0, r)
	return root, true
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
		r.add(1, "", "is not YAML: %v", err)
		return
	}
	line, _ := strconv.Atoi(parts[1]) // no number: the first line
	r.add(max(line, 1), "", "is not YAML: %s", parts[2])
}

// checkTree looks at a node and everything below it. A node that has no value of
// its own becomes null.
func checkTree(n *yaml.Node, path string, depth int, r *report) {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		r.add(n.Line, path, "uses an anchor or alias; write the value out")
	}
	switch {
	case n.Kind == yaml.AliasNode:
		r.leaveOut(n, path)
		return
	case depth > maxDepth:
		r.add(n.Line, path, "is nested more than %d deep", maxDepth)
		r.leaveOut(n, path)
		return
	case n.Style&yaml.TaggedStyle != 0:
		r.add(n.Line, path, "has the tag %s; tags are not understood", n.Tag)
		r.leaveOut(n, path)
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

// leaveOut takes a node's value away; it has been reported.
func (r *report) leaveOut(n *yaml.Node, path string) {
	r.broken[path] = true
	*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line}
}

// checkMapping keeps of the pairs of a group those whose keys are good.
func checkMapping(n *yaml.Node, path string, depth int, r *report) {
	first := map[string]int{}
	kept := n.Content[:0]
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 {
			r.add(key.Line, path, "has a key that is not plain text")
			continue
		}
		at := under(path, key.Value)
		if line, twice := first[key.Value]; twice {
			r.add(key.Line, at, "is there twice, first on line %d", line)
			continue
		}
		first[key.Value] = key.Line
		r.lines[at] = key.Line
		kept = append(kept, key, value)
		checkTree(value, at, depth+1, r)
	}
	n.Content = kept
}
