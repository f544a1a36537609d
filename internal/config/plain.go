package config

import (
	"strconv"

	"go.yaml.in/yaml/v3"
)

// plain reads what has no shape of its own: claims. It yields string, bool, int64,
// float64, []any and map[string]any; nil where there is nothing, or a problem.
func (d *decoder) plain(n *yaml.Node, path string) any {
	switch n.Kind {
	case yaml.MappingNode:
		return d.plainMap(n, path)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, child := range n.Content {
			d.mark(index(path, i), child)
			list[i] = d.plain(child, index(path, i))
		}
		return list
	}
	return d.plainScalar(n, path)
}

func (d *decoder) plainMap(n *yaml.Node, path string) map[string]any {
	group := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		group[key] = d.plain(n.Content[i+1], under(path, key))
	}
	return group
}

func (d *decoder) plainScalar(n *yaml.Node, path string) any {
	var value any
	var err error
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		value, err = parseBool(n.Value)
	case "!!int":
		value, err = strconv.ParseInt(n.Value, 10, 64)
	case "!!float":
		value, err = strconv.ParseFloat(n.Value, 64)
	default:
		value, err = d.expand(n.Value)
		if err != nil {
			d.report.at(n.Line, path, "%v", err)
			return nil
		}
	}
	if err != nil {
		d.report.at(n.Line, path, "%s is not a plain number or true or false; put it in quotes", n.Value)
		return nil
	}
	return value
}
