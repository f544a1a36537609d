package pages

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Beyond these a tree helps nobody; the JSON is then shown as it was written.
const (
	treeDepth   = 12
	treeNodes   = 2000
	foldMembers = 24
)

// A node is one value of the arguments.
type node struct {
	Name  string // key, or position in an array
	Kind  string // object, array, string, literal (number, true, false, null), json (as written)
	Text  string // of a string: decoded; else as written
	Nodes []node
}

// Folds says whether there are so many members that they are shown on demand.
func (n node) Folds() bool { return len(n.Nodes) > foldMembers }

// Size tells how many members there are, in words.
func (n node) Size() string {
	if n.Kind == "array" {
		return plural(len(n.Nodes), "item")
	}
	return plural(len(n.Nodes), "field")
}

// Empty says whether the call came without arguments.
func (n node) Empty() bool { return n.Kind == "object" && len(n.Nodes) == 0 }

// readArguments reads a call's arguments, in the order and with the number
// tokens as written. What can't be shown as a tree comes back as one value
// of kind json, so that nothing is ever left out.
func readArguments(raw []byte) node {
	if len(bytes.TrimSpace(raw)) == 0 {
		return node{Kind: "object"}
	}
	n, err := readTree(raw)
	if err != nil {
		return node{Kind: "json", Text: string(raw)}
	}
	return n
}

var errTooLarge = errors.New("too many values for a tree")

func readTree(raw []byte) (node, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	r := treeReader{dec: dec, left: treeNodes}
	n, err := r.value(0)
	if err != nil {
		return node{}, fmt.Errorf("read JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return node{}, errors.New("read JSON: more than one value")
	}
	return n, nil
}

type treeReader struct {
	dec  *json.Decoder
	left int // nodes that may still come
}

func (r *treeReader) value(depth int) (node, error) {
	if r.left--; r.left < 0 {
		return node{}, errTooLarge
	}
	if depth > treeDepth {
		var raw json.RawMessage
		err := r.dec.Decode(&raw)
		return node{Kind: "json", Text: string(raw)}, err
	}
	token, err := r.dec.Token()
	if err != nil {
		return node{}, err
	}
	switch t := token.(type) {
	case json.Delim:
		return r.members(t, depth)
	case string:
		return node{Kind: "string", Text: t}, nil
	case nil:
		return node{Kind: "literal", Text: "null"}, nil
	default:
		return node{Kind: "literal", Text: fmt.Sprint(t)}, nil
	}
}

func (r *treeReader) members(open json.Delim, depth int) (node, error) {
	n := node{Kind: "object"}
	if open == '[' {
		n.Kind = "array"
	}
	for r.dec.More() {
		name, err := r.name(n)
		if err != nil {
			return node{}, err
		}
		member, err := r.value(depth + 1)
		if err != nil {
			return node{}, err
		}
		member.Name = name
		n.Nodes = append(n.Nodes, member)
	}
	_, err := r.dec.Token() // the closing bracket
	return n, err
}

// name is the key of the next member, or its position.
func (r *treeReader) name(n node) (string, error) {
	if n.Kind == "array" {
		return strconv.Itoa(len(n.Nodes)), nil
	}
	token, err := r.dec.Token()
	if err != nil {
		return "", err
	}
	return token.(string), nil // More has seen a member, and keys are strings
}
