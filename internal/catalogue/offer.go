package catalogue

import (
	"regexp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

// An Offer is one thing that an app offers.
type Offer struct {
	// Tool is what the gates decide on: a tool, or the pseudo-tool of a
	// resource, template or prompt. Nobody changes it.
	Tool *ostiary.Tool
	// Name is the upstream's own: a name, a URI or a URI template.
	Name string
	// WireName is the name at /mcp; for resources and templates the URI. ""
	// where it has none, because another app's resource has the same URI.
	WireName string
	// Listed is the entry in lists at /mcp; Bare in those of the app alone.
	Listed, Bare []byte
	// outputOfAnyType: the output schema is one of 2026-07-28 alone. Clients of
	// the eras with sessions, which would throw the whole list away, don't get it.
	outputOfAnyType                bool
	listedInSession, bareInSession []byte
	// Known holds the argument names in which look-alikes are refused.
	Known *wire.Known
	// Mirrors are the arguments that clients of the stateless era repeat in
	// headers.
	Mirrors []upstream.Mirror
	// Pending: the definition now differs from the accepted one, which is
	// the one listed; Now is the new one.
	Pending bool
	Now     []byte

	pattern *regexp.Regexp // of a template: the URIs that it can become
}

// nameID is what the name on the wire is made of: prompts are named like
// tools, without what marks their canonical id.
func (o *Offer) nameID() string { return string(ostiary.MakeToolID(o.Tool.App, o.Name)) }

// A Problem is something that an app offers and that is left out.
type Problem struct {
	App, Name, Why string
}

// A shelf is the offers of one kind, sorted by wire name.
type shelf struct {
	offers []*Offer
	byName map[string]*Offer            // at /mcp: wire name or canonical id
	byApp  map[string]map[string]*Offer // app → own name
	app    map[string][]*Offer          // app → offers, sorted by own name
}

func newShelf() *shelf {
	return &shelf{byName: map[string]*Offer{}, byApp: map[string]map[string]*Offer{}, app: map[string][]*Offer{}}
}

func (s *shelf) add(o *Offer) {
	if o.WireName != "" {
		s.offers = append(s.offers, o)
		s.byName[o.WireName] = o
	}
	if s.byApp[o.Tool.App] == nil {
		s.byApp[o.Tool.App] = map[string]*Offer{}
	}
	s.byApp[o.Tool.App][o.Name] = o
	s.app[o.Tool.App] = append(s.app[o.Tool.App], o)
}

// acceptIDs makes canonical ids names as well, but for those that are the
// name of another offer. Resources have no such names: their URI goes
// upstream as the client sent it.
func (s *shelf) acceptIDs() {
	for _, o := range s.offers {
		if id := string(o.Tool.ID); s.byName[id] == nil {
			s.byName[id] = o
		}
	}
}

// A Snapshot is everything on offer at one moment. It never changes.
type Snapshot struct {
	Version   uint64 // grows with every change
	Problems  []Problem
	tools     *shelf
	resources *shelf
	templates *shelf
	prompts   *shelf
	byID      map[ostiary.ToolID]*Offer
	ambiguous map[place]bool // URIs that were left out
	apps      []App
	appByID   map[string]App
	// subscribes has the apps that tell when their resources change.
	subscribes map[string]bool
}

// A place is a URI at an endpoint.
type place struct {
	at  Endpoint
	uri string
}

// An Endpoint is where a client asks: "" is /mcp with all apps, else the app
// served alone.
type Endpoint string

// Path is the resource that a token for the endpoint names.
func (e Endpoint) Path() string {
	if e == "" {
		return "/mcp"
	}
	return "/" + string(e) + "/mcp"
}

func (s *shelf) list(e Endpoint) []*Offer {
	if e == "" {
		return s.offers
	}
	return s.app[string(e)]
}

func (s *shelf) find(e Endpoint, name string) *Offer {
	if e == "" {
		return s.byName[name]
	}
	return s.byApp[string(e)][name]
}

// Tools lists the tools of an endpoint, sorted by name.
func (s *Snapshot) Tools(e Endpoint) []*Offer { return s.tools.list(e) }

// Resources lists the resources of an endpoint, sorted by URI.
func (s *Snapshot) Resources(e Endpoint) []*Offer { return s.resources.list(e) }

// Templates lists the resource templates of an endpoint.
func (s *Snapshot) Templates(e Endpoint) []*Offer { return s.templates.list(e) }

// Prompts lists the prompts of an endpoint, sorted by name.
func (s *Snapshot) Prompts(e Endpoint) []*Offer { return s.prompts.list(e) }

// Tool finds a tool by the name that a client of the endpoint uses; at /mcp
// also by its canonical id. nil: there is none.
func (s *Snapshot) Tool(e Endpoint, name string) *Offer { return s.tools.find(e, name) }

// Prompt finds a prompt likewise.
func (s *Snapshot) Prompt(e Endpoint, name string) *Offer { return s.prompts.find(e, name) }

// Resource finds a listed resource by its URI.
func (s *Snapshot) Resource(e Endpoint, uri string) *Offer { return s.resources.find(e, uri) }

// ByID finds anything by its canonical id.
func (s *Snapshot) ByID(id ostiary.ToolID) *Offer { return s.byID[id] }

// Subscribes says whether an app tells when its resources change.
func (s *Snapshot) Subscribes(app string) bool { return s.subscribes[app] }

// SubscribesAt says whether any app of an endpoint does.
func (s *Snapshot) SubscribesAt(e Endpoint) bool {
	if e == "" {
		return len(s.subscribes) > 0
	}
	return s.subscribes[string(e)]
}

// Entry is the offer's entry in the lists of an endpoint, for clients of the
// stateless era or of those with sessions.
func (o *Offer) Entry(e Endpoint, stateless bool) []byte {
	listed, bare := o.Listed, o.Bare
	if o.outputOfAnyType && !stateless {
		listed, bare = o.listedInSession, o.bareInSession
	}
	if e == "" {
		return listed
	}
	return bare
}
