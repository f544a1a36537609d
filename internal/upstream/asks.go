package upstream

import "github.com/ostiary/ostiary/internal/wire"

// Asks is a set of what an upstream may ask of a client. The zero Asks is
// nothing.
type Asks uint8

// What may be asked.
const (
	AskForm            Asks = 1 << iota // elicitation by a form
	AskURL                              // elicitation by a link
	AskSampling                         // an answer of the client's model
	AskSamplingTools                    // with tools in it
	AskSamplingContext                  // with context of other servers in it
	AskRoots                            // the client's folders

	allAsks
)

// The groups that an operator allows or not.
const (
	AskElicitation = AskForm | AskURL
	AskAnySampling = AskSampling | AskSamplingTools | AskSamplingContext
)

// Has says whether all of b, which is not nothing, is in a.
func (a Asks) Has(b Asks) bool { return b != 0 && a&b == b }

// Needed is what a client must be able to do to be asked this; zero where no
// client can be asked it.
func Needed(method string, params []byte) Asks {
	switch method {
	case wire.MethodElicit:
		return neededMode(params)
	case wire.MethodSample:
		return neededSampling(params)
	case wire.MethodListRoots:
		return AskRoots
	}
	return 0
}

// neededMode: "clients that omit mode … form" (2025-11-25 client/elicitation).
func neededMode(params []byte) Asks {
	span, has := wire.Lookup(params, "mode")
	mode, _ := wire.Text(span)
	switch {
	case !has, mode == "form":
		return AskForm
	case mode == "url":
		return AskURL
	}
	return 0
}

func neededSampling(params []byte) Asks {
	for _, member := range []string{"tools", "toolChoice"} {
		if _, has := wire.Lookup(params, member); has {
			return AskSampling | AskSamplingTools
		}
	}
	return AskSampling
}

// Declared reads the capabilities of a client of a protocol version. Modes of
// elicitation, and what sampling may hold, are of 2025-11-25 and later; an
// elicitation without modes is one by forms.
func Declared(capabilities []byte, version string) Asks {
	var a Asks
	modes := version >= wire.Version20251125 // versions are dates
	if e, ok := object(capabilities, "elicitation"); ok && version >= wire.Version20250618 {
		a |= AskForm
		if modes {
			a = declaredModes(e)
		}
	}
	if s, ok := object(capabilities, "sampling"); ok {
		a |= AskSampling
		if modes {
			a |= within(s, "tools", AskSamplingTools) | within(s, "context", AskSamplingContext)
		}
	}
	return a | within(capabilities, "roots", AskRoots)
}

func declaredModes(elicitation []byte) Asks {
	url := within(elicitation, "url", AskURL)
	if url == 0 {
		return AskForm
	}
	return url | within(elicitation, "form", AskForm)
}

func within(raw []byte, member string, a Asks) Asks {
	if _, ok := object(raw, member); ok {
		return a
	}
	return 0
}

func object(raw []byte, member string) ([]byte, bool) {
	span, ok := wire.Lookup(raw, member)
	return span, ok && wire.IsObject(span)
}

// declarations has the capabilities that say each set, so that to declare one
// costs nothing. Roots are declared without listChanged: one connection may
// serve several sessions of a person, whose roots differ.
var declarations = func() (all [allAsks][]byte) {
	for a := range all {
		all[a] = Asks(a).declare()
	}
	return all
}()

// Capabilities is the set as a client declares it, as JSON that must not be
// changed.
func (a Asks) Capabilities() []byte { return declarations[a%allAsks] }

func (a Asks) declare() []byte {
	e := wire.NewEdit([]byte("{}"))
	for _, c := range []struct {
		of   Asks
		path []string
	}{
		{AskForm, []string{"elicitation", "form"}},
		{AskURL, []string{"elicitation", "url"}},
		{AskSamplingTools, []string{"sampling", "tools"}},
		{AskSamplingContext, []string{"sampling", "context"}},
	} {
		if a&c.of != 0 {
			e.Set([]byte("{}"), c.path...)
		}
	}
	if a&AskAnySampling == AskSampling {
		e.Set([]byte("{}"), "sampling")
	}
	if a&AskRoots != 0 {
		e.Set([]byte("{}"), "roots")
	}
	raw, err := e.Bytes()
	if err != nil {
		panic(err) // of constants
	}
	return raw
}

// inResults is what a stateless upstream may ask for in its result. Of callers
// of another era that is only elicitation.
func (r Request) inResults() Asks {
	if r.Sessions {
		return r.Asks & AskElicitation
	}
	return r.Asks
}

// inRequests is what an upstream of an era with sessions may ask by requests
// of its own. Of callers of another era that is only elicitation.
func (r Request) inRequests() Asks {
	if !r.Sessions {
		return r.Asks & AskElicitation
	}
	return r.Asks
}
