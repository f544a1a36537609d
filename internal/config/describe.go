package config

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"sync"
)

// groups are the files that hold the file's structs. Their comments are the
// descriptions of the schema and of the manual, so that there is one text to keep
// true.
//
//go:embed config.go server.go storage.go auth.go issuers.go clients.go apps.go
//go:embed credential.go tools.go approvals.go skills.go audit.go runtime.go
var groups embed.FS

// comments maps TYPE.FIELD to the field's comment, on one line.
var comments = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	entries, err := groups.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("read embedded sources: %v", err))
	}
	for _, entry := range entries {
		source, err := groups.ReadFile(entry.Name())
		if err != nil {
			panic(fmt.Sprintf("read embedded sources: %v", err))
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), source, parser.ParseComments)
		if err != nil {
			panic(fmt.Sprintf("read embedded sources: %v", err))
		}
		collect(file, found)
	}
	return found
})

func collect(file *ast.File, found map[string]string) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		group, ok := spec.Type.(*ast.StructType)
		if !ok {
			return false
		}
		for _, f := range group.Fields.List {
			for _, name := range f.Names {
				found[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
			}
		}
		return false
	})
}

// describe is the comment of a group's field.
func describe(group string, f field) string { return comments()[group+"."+f.name] }
