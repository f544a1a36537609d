package ostiary_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A source is one Go file of this module.
type source struct {
	name  string // path below the root
	room  string // its folder, "." for the root
	test  bool
	lines int
	file  *ast.File
	set   *token.FileSet
}

func read(t *testing.T, name string, text []byte) source {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return source{
		name: name, room: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
		lines: set.File(file.Pos()).LineCount(), file: file, set: set,
	}
}

// house reads every Go file of this module, whatever it is built for.
func house(t *testing.T) (all []source) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && elsewhere(name):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		text, err := os.ReadFile(name)
		if err == nil {
			all = append(all, read(t, filepath.ToSlash(name), text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// elsewhere says of a folder that it isn't part of this module.
func elsewhere(dir string) bool {
	base := filepath.Base(dir)
	if base == "testdata" || base == "node_modules" || base != "." && strings.HasPrefix(base, ".") {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return dir != "." && err == nil
}

// imports returns the paths that the file imports, by the name it uses.
func (s source) imports() map[string]string {
	all := map[string]string{}
	for _, spec := range s.file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused it already
		}
		name := path.Base(target)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "_" || name == "." {
			name += target // several may be blank
		}
		all[name] = target
	}
	return all
}

// uses says whether the file imports the package what or, where what is
// package.Name, mentions that name.
func (s source) uses(what string) bool {
	for name, target := range s.imports() {
		if target == what {
			return true
		}
		if of, ok := strings.CutPrefix(what, target+"."); ok && s.mentions(name, of) {
			return true
		}
	}
	return false
}

func (s source) mentions(pkg, name string) (found bool) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok && selector.Sel.Name == name {
			x, ok := selector.X.(*ast.Ident)
			found = found || ok && x.Name == pkg
		}
		return !found
	})
	return found
}

func (s source) documentsPackage() bool {
	doc := s.file.Doc.Text()
	return strings.HasPrefix(doc, "Package "+s.file.Name.Name+" ") ||
		s.file.Name.Name == "main" && strings.HasPrefix(doc, "Command ")
}

func (s source) line(at token.Pos) int { return s.set.Position(at).Line }

func roomOf(target string) (room string, inside bool) {
	if target == module {
		return ".", true
	}
	return strings.CutPrefix(target, module+"/")
}
