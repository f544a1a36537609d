package config

import (
	"reflect"

	"github.com/ostiary/ostiary"
	"go.yaml.in/yaml/v3"
)

// decodeNode takes the word loopback, or a list.
func (u *RedirectURIs) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.SequenceNode {
		d.decodeList(n, path, reflect.ValueOf(&u.URIs).Elem(), field{})
		return
	}
	text, ok := d.text(n, path, reflect.TypeFor[string]())
	if ok && text != "loopback" {
		d.report.at(n.Line, path, "must be loopback, or a list of redirect URIs")
	}
	u.Loopback = text == "loopback"
}

// decodeNode takes a key as text, or a group {name, hash, roles}.
func (k *APIKey) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.MappingNode {
		d.decodeStruct(n, path, reflect.ValueOf(k).Elem())
		return
	}
	text, ok := d.text(n, path, secretType)
	if ok && text == "" {
		d.report.at(n.Line, path, "must not be empty")
	}
	k.Key = ostiary.Secret(text)
}
