package upstream

import "github.com/ostiary/ostiary/internal/wire"

// Tasks says whether an app is known to answer calls with tasks, where the
// caller can take one (io.modelcontextprotocol/tasks).
func (f *Fleet) Tasks(app string) bool {
	a, ok := f.app(app)
	if !ok {
		return false
	}
	known := a.era.Load()
	return known != nil && known.tasks
}

// tasks says whether an upstream declared the extension.
func (h capabilities) tasks() bool {
	declared, ok := h.Extensions[wire.ExtensionTasks]
	return ok && wire.IsObject(declared)
}

// declares is what a stateless upstream is told that its caller can do.
func (r Request) declares(asks Asks) []byte {
	if r.Tasks {
		return declarationsWithTasks[asks%allAsks]
	}
	return asks.Capabilities()
}

var declarationsWithTasks = func() (all [allAsks][]byte) {
	for a := range all {
		raw, err := wire.NewEdit(declarations[a]).Set([]byte("{}"), "extensions", wire.ExtensionTasks).Bytes()
		if err != nil {
			panic(err) // of constants
		}
		all[a] = raw
	}
	return all
}()
