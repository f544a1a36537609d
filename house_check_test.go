package ostiary_test

import (
	"fmt"
	"go/ast"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

const module = "github.com/ostiary/ostiary"

func TestImportsFollowTheFloorPlan(t *testing.T) {
	plan := rows(t, floorPlan)
	for _, s := range house(t) {
		report(t, s.strayImports(plan))
	}
}

func TestNoRowOfTheFloorPlanLeadsBack(t *testing.T) {
	above := map[string]bool{"*": true}
	for _, r := range rows(t, floorPlan) {
		for _, room := range r.rooms {
			if !above[room] && room != r.name {
				t.Errorf("%s may enter %s, which is in no row above it", r.name, room)
			}
		}
		above[r.name] = true
	}
}

func TestBannedNamesStayInTheirRooms(t *testing.T) {
	banned := rows(t, bans)
	for _, s := range house(t) {
		report(t, s.bannedUses(banned))
	}
}

func TestForeignModulesStayInTheirRooms(t *testing.T) {
	modules := rows(t, dependencies)
	for _, s := range house(t) {
		report(t, s.foreignImports(modules))
	}
}

func TestEachPackageSaysWhatItOwns(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range house(t) {
		if !s.test {
			documented[s.room] = documented[s.room] || s.documentsPackage()
		}
	}
	for room, ok := range documented {
		if !ok {
			t.Errorf("%s: no file says what the package owns and to whom it hands over: begin doc.go with // Package %s …", room, path.Base(room))
		}
	}
}

func TestNoTestIsSkipped(t *testing.T) {
	for _, s := range house(t) {
		report(t, s.skips())
	}
}

func TestFunctionsAndFilesStayReadable(t *testing.T) {
	for _, s := range house(t) {
		report(t, s.tooLong())
	}
}

// SQLite's Go translation works with exactly the C library it was made with.
func TestLibcIsTheVersionThatSqliteNames(t *testing.T) {
	ours := required(t, "go.mod")
	sqlite := required(t, moduleFile(t, "modernc.org/sqlite"))
	if got, want := ours["modernc.org/libc"], sqlite["modernc.org/libc"]; got != want {
		t.Errorf("modernc.org/libc in go.mod: got %s, want %s, which modernc.org/sqlite %s names", got, want, ours["modernc.org/sqlite"])
	}
}

// The checks themselves, tried on a source that breaks each rule and on one
// that keeps it.
func TestEachHouseRuleFindsItsOffender(t *testing.T) {
	everything := func(s source) []string {
		return slices.Concat(s.strayImports(rows(t, floorPlan)), s.bannedUses(rows(t, bans)),
			s.foreignImports(rows(t, dependencies)), s.skips(), s.tooLong())
	}
	for _, c := range []struct{ file, text, want string }{
		{"gate/a.go", `import "` + module + `/policy"`, ""},
		{"gate/a.go", `import "` + module + `/store"`, "gate imports store"},
		{"gate/a_test.go", `import "` + module + `/store"`, ""},
		{"nowhere/a.go", ``, "no row of floorPlan"},
		{"guard/a.go", `import "` + module + `/internal/gateway"`, "guard imports internal/gateway"},
		{"internal/gateway/a.go", `import "` + module + `/store/sqlite"`, ""},
		{"internal/gateway/a.go", `import "` + module + `/internal/testparts"`, "no part of a gateway"},
		{"approval/a.go", `import "net/http"`, "approval uses net/http"},
		{"internal/edge/a.go", `import "net/http"`, ""},
		{"internal/edge/a.go", "import \"net/http\"\nvar c = http.DefaultClient", "uses net/http.DefaultClient"},
		{"audit/a.go", "import \"time\"\nvar t = time.Now", "uses time.Now"},
		{"audit/a.go", "import clock \"time\"\nvar t = clock.Now", "uses time.Now"},
		{"audit/a.go", "import \"time\"\nvar t = time.Second", ""},
		{"guard/a.go", "import \"os\"\nvar e = os.Getenv(\"X\")", "uses os.Getenv"},
		{"internal/config/a.go", "import \"os\"\nvar e = os.Getenv(\"X\")", ""},
		{"guard/a.go", `import "github.com/jackc/pgx/v5"`, "guard imports github.com/jackc/pgx"},
		{"store/postgres/a.go", `import "github.com/jackc/pgx/v5/pgxpool"`, ""},
		{"store/postgres/a.go", `import "example.com/surprise"`, "no row of dependencies"},
		{"guard/a_test.go", "func TestX(t *testing.T) { t.Skip() }", "skips"},
		{"guard/a_test.go", "func TestX(t *testing.T) { t.Log() }", ""},
		{"guard/a.go", "func long() {" + strings.Repeat("\n", longestFunction) + "}", "long is 61 lines"},
		{"guard/a.go", "func long() {" + strings.Repeat("\n", longestFunction-1) + "}", ""},
		{"guard/a.go", strings.Repeat("\n", longestFile+1), "501 lines"},
	} {
		got := strings.Join(everything(read(t, c.file, []byte("package p; "+c.text))), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s %.60q: got %q, want %q", c.file, c.text, got, c.want)
		}
	}
}

// A row is one line of a table: a name, the rooms it concerns, and why.
type row struct {
	name  string
	rooms []string
	why   string
}

// allows says whether room is among the row's rooms. A room that ends in
// /... stands for itself and all below it, * for every room.
func (r row) allows(room string) bool {
	return slices.ContainsFunc(r.rooms, func(pattern string) bool { return within(room, pattern) })
}

func within(room, pattern string) bool {
	above, open := strings.CutSuffix(pattern, "/...")
	return pattern == "*" || room == above || open && strings.HasPrefix(room, above+"/")
}

// rows reads a table. A line without a name goes on with the rooms of the
// row above it.
func rows(t *testing.T, table string) (all []row) {
	t.Helper()
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "|")
		if len(cells) != 3 {
			t.Fatalf("a row has a name, rooms and a reason: %q", line)
		}
		name, rooms, why := strings.TrimSpace(cells[0]), strings.Fields(cells[1]), strings.TrimSpace(cells[2])
		switch {
		case name == "" && len(all) > 0:
			all[len(all)-1].rooms = append(all[len(all)-1].rooms, rooms...)
		case name == "" || why == "":
			t.Fatalf("a row has a name, rooms and a reason: %q", line)
		default:
			all = append(all, row{name, rooms, why})
		}
	}
	return all
}

func report(t *testing.T, complaints []string) {
	t.Helper()
	slices.Sort(complaints)
	for _, c := range complaints {
		t.Error(c)
	}
}

func (s source) strayImports(plan []row) (complaints []string) {
	if s.test {
		return nil
	}
	at := slices.IndexFunc(plan, func(r row) bool { return within(s.room, r.name) })
	if at < 0 {
		return []string{fmt.Sprintf("%s: %s is in no row of floorPlan in house_test.go: add one that says which rooms it may enter, and why no more", s.name, s.room)}
	}
	for _, target := range s.imports() {
		room, inside := roomOf(target)
		if inside && !plan[at].allows(room) {
			complaints = append(complaints, fmt.Sprintf("%s: %s imports %s, which the floor plan in house_test.go does not let it enter (%s)", s.name, s.room, room, plan[at].why))
		}
	}
	return complaints
}

func (s source) bannedUses(banned []row) (complaints []string) {
	if s.test {
		return nil
	}
	for _, ban := range banned {
		if s.uses(ban.name) && !ban.allows(s.room) {
			complaints = append(complaints, fmt.Sprintf("%s: %s uses %s: %s", s.name, s.room, ban.name, ban.why))
		}
	}
	return complaints
}

func (s source) foreignImports(modules []row) (complaints []string) {
	if s.test {
		return nil
	}
	for _, target := range s.imports() {
		if host, _, _ := strings.Cut(target, "/"); !strings.Contains(host, ".") {
			continue // the standard library
		}
		if _, inside := roomOf(target); inside {
			continue
		}
		at := slices.IndexFunc(modules, func(r row) bool { return within(target, r.name+"/...") })
		if at < 0 {
			complaints = append(complaints, fmt.Sprintf("%s: %s is in no row of dependencies in house_test.go: add one that says who may use it and what for", s.name, target))
		} else if !modules[at].allows(s.room) {
			complaints = append(complaints, fmt.Sprintf("%s: %s imports %s, which is kept for %s (%s)", s.name, s.room, target, strings.Join(modules[at].rooms, ", "), modules[at].why))
		}
	}
	return complaints
}

func (s source) skips() (complaints []string) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		receiver, ok := selector.X.(*ast.Ident)
		tester := ok && slices.Contains([]string{"t", "b", "f", "tb"}, receiver.Name)
		if tester && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, selector.Sel.Name) {
			complaints = append(complaints, fmt.Sprintf("%s skips a test: what it needs is installed by make parts, and a test that can't run fails", s.set.Position(selector.Pos())))
		}
		return true
	})
	return complaints
}

func (s source) tooLong() (complaints []string) {
	if s.lines > longestFile {
		complaints = append(complaints, fmt.Sprintf("%s is %d lines long, over %d: it has more than one subject", s.name, s.lines, longestFile))
	}
	for _, declaration := range s.file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || s.test {
			continue
		}
		length := s.line(function.End()) - s.line(function.Pos()) + 1
		if length > longestFunction {
			complaints = append(complaints, fmt.Sprintf("%s: %s is %d lines long, over %d: name its steps", s.name, function.Name.Name, length, longestFunction))
		}
	}
	return complaints
}

// required returns the versions that a go.mod file requires, by module.
func required(t *testing.T, name string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.ParseLax(name, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, r := range mod.Require {
		versions[r.Mod.Path] = r.Mod.Version
	}
	return versions
}

// moduleFile returns the path of the go.mod of a module that ours requires.
func moduleFile(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.GoMod}}", name).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}
