package ostiary

import "strings"

// A ToolID is the canonical id, "app:tool". It stands in configuration,
// consent, approvals, audit and `_meta`; the name on the wire differs.
// Resources and prompts are "app:@resources/URI" and "app:@prompts/NAME".
type ToolID string

// MakeToolID joins an app and an upstream's own tool name.
func MakeToolID(app, name string) ToolID { return ToolID(app + ":" + name) }

// App is the part before the first colon.
func (id ToolID) App() string {
	app, _, _ := strings.Cut(string(id), ":")
	return app
}

// Name is the upstream's own name, the part after the first colon.
func (id ToolID) Name() string {
	_, name, _ := strings.Cut(string(id), ":")
	return name
}

// A Category says what kind of thing a tool does. Unknown tools count as
// write: the zero Category is CategoryWrite.
type Category uint8

// The categories.
const (
	CategoryWrite Category = iota
	CategoryRead
	CategoryDelete
	CategoryExecute
	CategoryAdmin
)

var categoryNames = [...]string{"write", "read", "delete", "execute", "admin"}

func (c Category) String() string {
	if int(c) >= len(categoryNames) {
		return categoryNames[CategoryWrite]
	}
	return categoryNames[c]
}

// ParseCategory reads a category's name.
func ParseCategory(s string) (Category, bool) {
	for i, name := range categoryNames {
		if name == s {
			return Category(i), true
		}
	}
	return CategoryWrite, false
}

// A Tool is what a call is for, as the catalogue knows it. Tools are shared
// between goroutines and never changed after they were made.
type Tool struct {
	ID  ToolID
	App string
	// AppName is the app's name for people; "" when it has none.
	AppName string
	// Digest covers the definition as it is now; Accepted the one that an
	// operator accepted, where the app is pinned (zero: none yet).
	Digest   Digest
	Accepted Digest
	Pinned   bool
	// Annotated is the category that the upstream's annotations tell, when
	// its app is trusted.
	Annotated *Category
	// SchemaFields are the properties that any part of the input schema
	// declares for the arguments themselves.
	SchemaFields []string
	// SchemaBelow are those that it declares for what stands inside them, each
	// with the one path of properties that leads there; nil where several do,
	// or none that can be told.
	SchemaBelow map[string][]string
	// SchemaOpen: a part of the schema stands elsewhere, so that there may be
	// more SchemaFields.
	SchemaOpen bool
	// Definition is the upstream's own JSON, byte for byte; for a pinned tool
	// that has changed, the one that was accepted.
	Definition []byte
}
