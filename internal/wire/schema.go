package wire

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A Schema is what a tool's input schema says of the names in arguments, in
// whichever of its parts it says so: beside each other (allOf, anyOf, oneOf,
// if, then, else, not, dependentSchemas), behind references within the schema,
// as a property, as required or as what others depend on.
type Schema struct {
	Fields []string            // see ostiary.Tool, SchemaFields
	Below  map[string][]string // SchemaBelow
	Open   bool                // SchemaOpen
	// Known holds the declared names, each where it is declared.
	Known *Known
}

// ReadSchema reads an input schema, which was checked before. What is no
// schema says nothing.
func ReadSchema(raw []byte) Schema {
	r := schemaReader{seen: map[uintptr]bool{}, made: map[string]*Known{}, below: map[string][]string{}}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&r.root) != nil {
		r.root = nil
	}
	known := &Known{}
	r.level(schemaLevel{[]any{r.root}, known, []string{}})
	for len(r.todo) > 0 && !r.cut {
		next := r.todo[0]
		r.todo = r.todo[1:]
		r.level(next)
		r.cut = r.work > maxSchemaWork && len(r.todo) > 0
	}
	seen := map[*Known]bool{}
	for _, k := range r.again {
		r.severally(k, seen)
	}
	r.elsewhere(r.root)
	if r.cut {
		r.unsure()
	}
	return Schema{Fields: r.fields, Below: r.below, Open: r.open, Known: known}
}

// maxSchemaWork bounds how many schemas and names are looked at for the levels
// below the arguments: with n parts that refer to each other, there may be 2^n
// levels.
const maxSchemaWork = 20_000

// A schemaLevel is the schemas that one value is held to.
type schemaLevel struct {
	schemas []any
	known   *Known
	path    []string // of properties to the value; nil: more than properties lead there
}

// A schemaPart is one schema object.
type schemaPart = map[string]any

type schemaReader struct {
	root  any
	todo  []schemaLevel
	seen  map[uintptr]bool  // parts that some level was made of
	made  map[string]*Known // by the parts it was made of
	again []*Known          // to which a second way led

	fields []string
	below  map[string][]string
	open   bool

	anchors map[string]any // once one was looked for
	work    int            // schemas and names so far
	cut     bool           // that was too much, and not all levels were read
}

// level reads everything that is said of one value.
func (r *schemaReader) level(l schemaLevel) {
	atRoot := l.path != nil && len(l.path) == 0
	g := gathering{r, map[uintptr]bool{}, nil, atRoot}
	for _, s := range l.schemas {
		g.add(s)
	}
	properties := map[string][]any{}
	var names []string
	var each, rest []any
	for _, p := range g.parts {
		names = append(names, declaredIn(p)...)
		for name, schema := range objectOf(p["properties"]) {
			properties[name] = append(properties[name], schema)
		}
		each = append(append(each, p["contains"], p["unevaluatedItems"], p["additionalItems"], p["items"]), listOf(p["items"])...)
		each = append(each, listOf(p["prefixItems"])...)
		rest = append(append(rest, p["additionalProperties"], p["unevaluatedProperties"]), valuesOf(p["patternProperties"])...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	r.work += len(g.parts) + len(names)
	r.declare(names, l, atRoot)
	for _, name := range names {
		if below := r.under(properties[name], extended(l.path, name)); below != nil {
			if l.known.below == nil {
				l.known.below = map[string]*Known{}
			}
			l.known.below[name] = below
		}
	}
	l.known.each, l.known.rest = r.under(each, nil), r.under(rest, nil)
}

// declare keeps the names of a level.
func (r *schemaReader) declare(names []string, l schemaLevel, atRoot bool) {
	for _, name := range names {
		l.known.add(name)
		if !atRoot {
			r.mention(name, extended(l.path, name))
		}
	}
	if atRoot {
		r.fields = names
	}
}

// mention keeps that a name is declared below the arguments themselves.
func (r *schemaReader) mention(name string, path []string) {
	if _, several := r.below[name]; several {
		path = nil
	}
	r.below[name] = path
}

func extended(path []string, name string) []string {
	if path == nil {
		return nil
	}
	return append(path[:len(path):len(path)], name)
}

// under is what is known of a value that is held to these schemas; nil when
// they say nothing of names. It is read later, so that what is near is read
// first.
func (r *schemaReader) under(schemas []any, path []string) *Known {
	schemas = slices.DeleteFunc(schemas, func(s any) bool { _, ok := s.(schemaPart); return !ok })
	if !slices.ContainsFunc(schemas, func(s any) bool { return speaks(s.(schemaPart)) }) { //nolint:forcetypeassert // the others are gone
		return nil
	}
	var id strings.Builder
	for _, s := range schemas {
		id.WriteString(strconv.FormatUint(uint64(identity(s)), 36) + " ")
	}
	if k := r.made[id.String()]; k != nil {
		r.again = append(r.again, k)
		return k
	}
	k := &Known{}
	r.made[id.String()] = k
	r.todo = append(r.todo, schemaLevel{schemas, k, path})
	return k
}

func identity(p any) uintptr { return reflect.ValueOf(p).Pointer() }

// beside are the keywords whose schemas hold for the same value.
var beside = []string{"allOf", "anyOf", "oneOf", "if", "then", "else", "not", "dependentSchemas", "dependencies"}

// speaks says whether a schema can say anything of names.
func speaks(p schemaPart) bool {
	for key := range p {
		switch key {
		case "properties", "required", "dependentRequired", "items", "prefixItems", "additionalItems", "unevaluatedItems", "contains",
			"additionalProperties", "unevaluatedProperties", "patternProperties", "$ref", "$dynamicRef", "$recursiveRef":
			return true
		}
		if slices.Contains(beside, key) {
			return true
		}
	}
	return false
}

// A gathering is the schemas of one level.
type gathering struct {
	*schemaReader
	in     map[uintptr]bool
	parts  []schemaPart
	atRoot bool
}

// add adds a schema and all that stand beside it.
func (g *gathering) add(schema any) {
	p, ok := schema.(schemaPart)
	if !ok || g.in[identity(p)] {
		return
	}
	g.in[identity(p)], g.seen[identity(p)] = true, true
	g.parts = append(g.parts, p)
	for _, keyword := range beside {
		all := append(listOf(p[keyword]), p[keyword])
		if strings.HasPrefix(keyword, "depend") {
			all = valuesOf(p[keyword])
		}
		for _, s := range all {
			g.add(s)
		}
	}
	for _, keyword := range []string{"$ref", "$dynamicRef", "$recursiveRef"} {
		if ref, ok := p[keyword].(string); ok {
			target, found := g.resolve(ref)
			g.open = g.open || g.atRoot && !found
			g.add(target)
		}
	}
}

// resolve finds what a reference within the schema leads to.
func (r *schemaReader) resolve(ref string) (target any, found bool) {
	fragment, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil, false
	}
	pointer, err := url.PathUnescape(fragment)
	if err != nil {
		return nil, false
	}
	if pointer == "" {
		return r.root, true
	}
	if !strings.HasPrefix(pointer, "/") {
		return r.anchored(pointer)
	}
	at := r.root
	for _, step := range strings.Split(pointer[1:], "/") {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		switch node := at.(type) {
		case schemaPart:
			at, found = node[step]
		case []any:
			i, err := strconv.Atoi(step)
			if found = err == nil && i >= 0 && i < len(node); found {
				at = node[i]
			}
		default:
			found = false
		}
		if !found {
			return nil, false
		}
	}
	return at, true
}

// anchored finds the schema that bears an anchor.
func (r *schemaReader) anchored(name string) (any, bool) {
	if r.anchors == nil {
		r.anchors = map[string]any{}
		r.index(r.root)
	}
	target, ok := r.anchors[name]
	return target, ok
}

func (r *schemaReader) index(node any) {
	p := objectOf(node)
	for _, keyword := range []string{"$anchor", "$dynamicAnchor", "$id"} {
		if name, ok := p[keyword].(string); ok {
			r.anchors[strings.TrimPrefix(name, "#")] = p
		}
	}
	for _, child := range append(valuesOf(node), listOf(node)...) {
		r.index(child)
	}
}

// declaredIn returns the names that one schema declares.
func declaredIn(p schemaPart) []string {
	names := textsOf(p["required"])
	for _, keyword := range []string{"properties", "dependentSchemas", "dependentRequired", "dependencies"} {
		for name, value := range objectOf(p[keyword]) {
			names = append(names, name)
			if keyword != "properties" {
				names = append(names, textsOf(value)...)
			}
		}
	}
	return names
}

// severally marks what several ways lead to: none of them is the way.
func (r *schemaReader) severally(k *Known, seen map[*Known]bool) {
	if k == nil || seen[k] {
		return
	}
	seen[k] = true
	for _, names := range k.exact {
		for _, name := range names {
			r.below[name] = nil
		}
	}
	for below := range maps.Values(k.below) {
		r.severally(below, seen)
	}
	r.severally(k.rest, seen)
	r.severally(k.each, seen)
}

// unsure forgets all paths: there may be others.
func (r *schemaReader) unsure() {
	for name := range r.below {
		r.below[name] = nil
	}
}

// elsewhere finds names in parts that nothing followed here leads to.
func (r *schemaReader) elsewhere(node any) {
	if p, ok := node.(schemaPart); ok && !r.seen[identity(p)] {
		for _, name := range declaredIn(p) {
			r.below[name] = nil
		}
	}
	for _, child := range append(valuesOf(node), listOf(node)...) {
		r.elsewhere(child)
	}
}

func objectOf(v any) schemaPart { p, _ := v.(schemaPart); return p }

func listOf(v any) []any { list, _ := v.([]any); return slices.Clone(list) }

func valuesOf(v any) []any { return slices.Collect(maps.Values(objectOf(v))) }

func textsOf(v any) []string {
	var texts []string
	for _, e := range listOf(v) {
		if text, ok := e.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}
