package edge

// Patterns are the patterns of the routes of people and programs.
func (e *Edge) Patterns() []string {
	var all []string
	for _, r := range e.routes() {
		all = append(all, r.pattern)
	}
	return all
}
