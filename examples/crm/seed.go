package crm

// seed is what every new CRM starts with. Ada Lovelace is there twice, so
// that somebody has a reason to delete c-17.
func seed() []Contact {
	return []Contact{
		{"c-11", "site-A", "Ada Lovelace", "ada@analytical.example", "Analytical Engines"},
		{"c-12", "site-A", "Charles Babbage", "charles@analytical.example", "Analytical Engines"},
		{"c-13", "site-A", "Grace Hopper", "grace@harbour.example", "Harbour Compilers"},
		{"c-14", "site-A", "Katherine Johnson", "katherine@orbit.example", "Orbit Mechanics"},
		{"c-17", "site-A", "Ada Lovelace", "a.lovelace@analytical.example", "Analytical Engines"},
		{"c-21", "site-B", "Alan Turing", "alan@bombe.example", "Bombe & Sons"},
		{"c-22", "site-B", "Emmy Noether", "emmy@symmetry.example", "Symmetry Works"},
		{"c-23", "site-B", "Hedy Lamarr", "hedy@hopping.example", "Hopping Radio"},
		{"c-24", "site-B", "Edsger Dijkstra", "edsger@shortest.example", "Shortest Path Logistics"},
	}
}
