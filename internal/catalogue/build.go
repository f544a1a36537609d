package catalogue

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// A builder makes one snapshot.
type builder struct {
	catalogue *Catalogue
	accepted  map[ostiary.ToolID]Acceptance
	snapshot  *Snapshot
}

func (b *builder) build() *Snapshot {
	s := b.snapshot
	var tools, prompts, resources, templates []*Offer
	for _, a := range b.catalogue.config.Apps {
		lists, _ := b.catalogue.config.Source.Lists(a.ID)
		if lists.Subscribes {
			s.subscribes[a.ID] = true
		}
		tools = append(tools, collect(b, a, lists.Tools, b.tool(lists.Era))...)
		prompts = append(prompts, collect(b, a, lists.Prompts, pseudos("@prompts/", promptForm))...)
		resources = append(resources, collect(b, a, lists.Resources, pseudos("@resources/", resourceForm))...)
		templates = append(templates, collect(b, a, lists.Templates, readTemplate)...)
	}
	b.fill(s.tools, b.named(tools))
	b.fill(s.prompts, b.named(prompts))
	s.tools.acceptIDs()
	s.prompts.acceptIDs()
	b.fill(s.resources, b.located(resources))
	b.fill(s.templates, b.located(templates))
	return s
}

func collect(b *builder, a App, items []upstream.Item, read func(App, upstream.Item) (*Offer, string)) []*Offer {
	var out []*Offer
	for _, it := range items {
		o, why := read(a, it)
		if o == nil {
			b.leaveOut(a.ID, it.Name, why)
			continue
		}
		out = append(out, o)
	}
	return out
}

func (b *builder) leaveOut(app, name, why string) {
	b.snapshot.Problems = append(b.snapshot.Problems, Problem{app, name, why})
}

// tool reads tools of upstreams that speak a revision.
func (b *builder) tool(era string) func(App, upstream.Item) (*Offer, string) {
	return func(a App, it upstream.Item) (*Offer, string) {
		o, why := b.readTool(a, it)
		if o == nil {
			return nil, why
		}
		// A pinned tool is shown as it was accepted.
		if why := misshapen(o.Tool.Definition, objectOutput); why != "" {
			if !wire.Stateless(era) {
				return nil, why
			}
			o.outputOfAnyType = true
		}
		return o, ""
	}
}

func (b *builder) readTool(a App, it upstream.Item) (*Offer, string) {
	item, err := wire.ParseTool(it.Raw)
	if err != nil {
		return nil, err.Error()
	}
	if why := misshapen(it.Raw, toolForm); why != "" {
		return nil, why
	}
	if strings.HasPrefix(item.Name, "@") {
		return nil, "a tool's name must not begin with @, as the ids of resources and prompts do"
	}
	digest, err := ostiary.DefinitionDigest(item.Definition)
	if err != nil {
		return nil, err.Error()
	}
	schema := wire.ReadSchema(item.Definition.InputSchema)
	for _, name := range b.catalogue.config.ArgumentNames {
		schema.Known.Add(name)
	}
	t := &ostiary.Tool{
		ID: ostiary.MakeToolID(a.ID, item.Name), App: a.ID, AppName: a.Name, Digest: digest, Pinned: a.Pin,
		SchemaFields: schema.Fields, SchemaBelow: schema.Below, SchemaOpen: schema.Open, Definition: it.Raw,
	}
	if a.Trusted {
		t.Annotated = category(item.Definition.Annotations)
	}
	o := &Offer{Tool: t, Name: item.Name, Known: schema.Known}
	if o.Mirrors, err = upstream.Mirrors(it.Raw); err != nil {
		return nil, err.Error()
	}
	b.pin(o)
	return o, ""
}

// pin shows a changed tool of a pinned app as it was accepted.
func (b *builder) pin(o *Offer) {
	t := o.Tool
	if !t.Pinned {
		return
	}
	old, ok := b.accepted[t.ID]
	if !ok {
		return
	}
	t.Accepted = old.Digest
	if old.Digest != t.Digest {
		o.Pending, o.Now, t.Definition = true, t.Definition, old.Definition
	}
}

// category is what the annotations of a trusted app tell; nil: nothing.
func category(annotations []byte) *ostiary.Category {
	is := func(hint string) bool {
		span, ok := wire.Lookup(annotations, hint)
		return ok && string(span) == "true"
	}
	var c ostiary.Category
	switch {
	case is("readOnlyHint"):
		c = ostiary.CategoryRead
	case is("destructiveHint"):
		c = ostiary.CategoryDelete
	default:
		c = ostiary.CategoryWrite
	}
	return &c
}

// pseudos reads what is no tool.
func pseudos(prefix string, form rule) func(App, upstream.Item) (*Offer, string) {
	return func(a App, it upstream.Item) (*Offer, string) {
		if err := wire.Check(it.Raw); err != nil {
			return nil, err.Error()
		}
		if why := misshapen(it.Raw, form); why != "" {
			return nil, why
		}
		return &Offer{Tool: pseudo(a, prefix, it), Name: it.Name}, ""
	}
}

var readCategory = ostiary.CategoryRead

// pseudo makes what the gates decide on for what is no tool: category read.
func pseudo(a App, prefix string, it upstream.Item) *ostiary.Tool {
	return &ostiary.Tool{
		ID: ostiary.MakeToolID(a.ID, prefix+it.Name), App: a.ID, AppName: a.Name,
		Annotated: &readCategory, Definition: it.Raw,
	}
}

// Resource is the pseudo-tool of a URI that no list names: one that fits a
// template.
func (k *Catalogue) Resource(app App, uri string) *ostiary.Tool {
	return pseudo(app, "@resources/", upstream.Item{Name: uri})
}

// named gives tools and prompts their names on the wire and leaves out those
// whose name would be somebody else's too.
func (b *builder) named(offers []*Offer) []*Offer {
	ids := make([]string, len(offers))
	for i, o := range offers {
		ids[i] = o.nameID()
	}
	table, clashes := wire.NewNameTable(b.catalogue.scheme, ids)
	for _, c := range clashes {
		for _, id := range c.IDs {
			b.leaveOut(ostiary.ToolID(id).App(), ostiary.ToolID(id).Name(), "its name is not unique: "+c.Name)
		}
	}
	return slices.DeleteFunc(offers, func(o *Offer) bool {
		name, ok := table.Name(o.nameID())
		o.WireName = name
		return !ok || !b.render(o)
	})
}

// render makes the entries of an offer in lists.
func (b *builder) render(o *Offer) bool {
	bare, err := wire.NewEdit(o.Tool.Definition).SetText(o.Name, "name").Bytes()
	if err == nil {
		o.Bare = bare
		o.Listed, err = wire.NewEdit(o.Tool.Definition).SetText(o.WireName, "name").Bytes()
	}
	if err == nil && o.outputOfAnyType {
		o.bareInSession, err = wire.NewEdit(o.Bare).Drop("outputSchema").Bytes()
	}
	if err == nil && o.outputOfAnyType {
		o.listedInSession, err = wire.NewEdit(o.Listed).Drop("outputSchema").Bytes()
	}
	if err != nil {
		b.leaveOut(o.Tool.App, o.Name, err.Error())
	}
	return err == nil
}

// located leaves out URIs where they are ambiguous: those that an app offers
// twice everywhere, those that several apps offer at /mcp. There they have no
// name on the wire; where an app is served alone, they are its own.
func (b *builder) located(offers []*Offer) []*Offer {
	apps, own := map[string]int{}, map[ostiary.ToolID]int{}
	for _, o := range offers {
		if own[o.Tool.ID]++; own[o.Tool.ID] == 1 {
			apps[o.Name]++
		}
	}
	return slices.DeleteFunc(offers, func(o *Offer) bool {
		o.WireName, o.Listed, o.Bare = o.Name, o.Tool.Definition, o.Tool.Definition
		twice := own[o.Tool.ID] > 1
		switch {
		case twice:
			b.ambiguous(o, "its URI is not unique", "", Endpoint(o.Tool.App))
		case apps[o.Name] > 1:
			o.WireName = ""
			b.ambiguous(o, "another app has the same URI, so it is left out at /mcp", "")
		}
		return twice
	})
}

func (b *builder) ambiguous(o *Offer, why string, at ...Endpoint) {
	for _, e := range at {
		b.snapshot.ambiguous[place{e, o.Name}] = true
	}
	b.leaveOut(o.Tool.App, o.Name, why)
}

func (b *builder) fill(s *shelf, offers []*Offer) {
	slices.SortFunc(offers, func(x, y *Offer) int {
		return cmp.Or(cmp.Compare(x.WireName, y.WireName), cmp.Compare(x.Tool.App, y.Tool.App))
	})
	for _, o := range offers {
		s.add(o)
		b.snapshot.byID[o.Tool.ID] = o
	}
	for _, own := range maps.All(s.app) {
		slices.SortFunc(own, func(x, y *Offer) int { return cmp.Compare(x.Name, y.Name) })
	}
}
