package config

import _ "embed"

//go:embed starter.yaml
var starter []byte

// Starter is a commented configuration of a dozen lines to begin with.
func Starter() []byte { return append([]byte(nil), starter...) }
