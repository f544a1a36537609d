package uri

import (
	"fmt"
	"strings"
)

// AnyLabel begins the Host of a pattern: it takes the place of the label that a
// "*" stands for.
const AnyLabel = "x."

// ParsePattern parses a URI whose host begins with "*.", which stands for one
// label. Any error wraps ErrForm.
func ParsePattern(text string) (URI, error) {
	rest, ok := strings.CutPrefix(text, "https://*.")
	if !ok {
		return URI{}, fmt.Errorf("%.200q %w", text, ErrForm)
	}
	u, err := Parse("https://" + AnyLabel + rest)
	if err == nil && !strings.Contains(strings.TrimPrefix(u.Host, AnyLabel), ".") {
		err = fmt.Errorf("%.200q %w: it would take every host below a top-level name", text, ErrForm)
	}
	return u, err
}
