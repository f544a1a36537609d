package guard

import "github.com/ostiary/ostiary"

// A ruling is what calls are decided by, in one edition of the configuration.
type ruling struct {
	edition  uint64
	gates    []ostiary.Gate
	category Categories
}

// Replace has calls decided by other gates from now on; answers name the
// edition that they were decided by. The gates must have the names of those
// before, in their order, since the record tells of them by name.
//
// A decision is made by one list alone, never by parts of two. What the old
// list let pass may still be committed until an epoch that it asserts has
// moved: bump the deployment's afterwards. A decision reads the epochs first
// and then takes the list, so that none by the old list can know the new epoch.
func (g *Guard) Replace(edition uint64, gates []ostiary.Gate, category Categories) {
	g.now.Store(&ruling{edition, gates, category})
}

// Gates are what calls are decided by now, in their order.
func (g *Guard) Gates() []ostiary.Gate { return g.now.Load().gates }
