// Package config owns the configuration file and the process's environment: it
// reads them strictly, fills in what was left out, refuses what is unsafe, and
// hands frozen structs to internal/gateway, which builds the house from them.
//
// The structs are the reference: their field comments, tags and types are what
// Schema and Markdown are made of, so a key can't be without a description. The
// tags are yaml (the key), default (YAML), min, pattern and required.
//
// A file goes through four steps, and every problem that any of them finds is
// reported, by line: readTree (YAML as this package takes it), decode (types),
// complete and check (rules between keys), and checkLater (what this version does
// not do).
package config
