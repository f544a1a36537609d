package audit

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ostiary/ostiary"
)

// A leaf is one line that was looked at by itself.
type leaf struct {
	log  string
	seq  uint64
	hash tlog.Hash
	flaw string // what is wrong with it; "" nothing
}

// checkLine looks at a plain line: it must be in canonical form, and say
// where it stands.
func checkLine(plain []byte) leaf {
	canonical, err := ostiary.AppendCanonical(make([]byte, 0, len(plain)), plain)
	if err != nil {
		return leaf{flaw: "is not JSON that can be read in one way only"}
	}
	if !bytes.Equal(canonical, plain) {
		return leaf{flaw: "is not in canonical form"}
	}
	l := leaf{log: text(plain, "log"), hash: tlog.RecordHash(plain)}
	l.seq, err = strconv.ParseUint(string(member(plain, "seq")), 10, 63)
	if err != nil || l.log == "" {
		l.flaw = "does not say where it stands"
	}
	return l
}

// A checker takes leaves one after the other, builds the trees anew and
// compares them with what checkpoints say.
type checker struct {
	Report
	logs map[string]*logCheck
}

// A logCheck is one log while it is checked. After its first problem no more
// is looked for.
type logCheck struct {
	tree   tree
	marks  []mark // not reached yet, by size
	good   uint64 // entries that the last mark covered
	broken bool
}

// A mark is a root that a log had at a size, and who says so.
type mark struct {
	size uint64
	root tlog.Hash
	who  string
}

func (c *checker) log(name string) *logCheck {
	if c.logs == nil {
		c.logs = map[string]*logCheck{}
	}
	l, ok := c.logs[name]
	if !ok {
		l = &logCheck{}
		c.logs[name] = l
	}
	return l
}

// expect adds what a checkpoint says. All are added before the first leaf.
func (c *checker) expect(p Checkpoint, whose string) {
	c.Checkpoints++
	for _, s := range p.Logs {
		c.expectState(s, whose+" checkpoint of "+p.Time.Format(time.RFC3339))
	}
}

func (c *checker) expectState(s LogState, who string) {
	l := c.log(s.Log)
	m := mark{s.Size, s.Root, who}
	i, found := slices.BinarySearchFunc(l.marks, m.size, func(m mark, size uint64) int { return cmp.Compare(m.size, size) })
	if !found {
		l.marks = slices.Insert(l.marks, i, m)
	} else if l.marks[i].root != m.root {
		l.broken = true
		c.problem(s.Log, nil, "%s and %s contradict each other", l.marks[i].who, m.who)
	}
}

// compare says exactly which entry is bad where the hash that it had is
// known. The trees are checked all the same.
func (c *checker) compare(x leaf, had tlog.Hash) {
	l := c.log(x.log)
	if !l.broken && x.flaw == "" && x.seq == uint64(l.tree.Size) && x.hash != had {
		c.breaks(x.log, x.seq, "is not the one whose hash was kept")
	}
}

// add takes the next leaf of a log.
func (c *checker) add(x leaf) {
	c.Entries++
	l := c.log(x.log)
	next := uint64(l.tree.Size)
	switch {
	case l.broken:
	case x.seq > next:
		c.breaks(x.log, next, "is missing; entry %d comes in its place", x.seq)
	case x.seq < next:
		c.breaks(x.log, next, "is missing; entry %d comes again, or out of order, in its place", x.seq)
	case x.flaw != "":
		c.breaks(x.log, next, "%s", x.flaw)
	default:
		l.tree.add(x.hash, nil)
		c.reach(x.log, l)
	}
}

// reach compares the tree with what is said of it at this size.
func (c *checker) reach(name string, l *logCheck) {
	size := uint64(l.tree.Size)
	for len(l.marks) > 0 && l.marks[0].size <= size {
		m := l.marks[0]
		l.marks = l.marks[1:]
		if m.size < size {
			continue // of an empty tree
		}
		if m.root != l.tree.root() {
			c.breaks(name, l.good, "this or a later one, up to %d, is not what %s covers", size-1, m.who)
			return
		}
		l.good = size
	}
}

func (c *checker) breaks(log string, entry uint64, format string, args ...any) {
	c.log(log).broken = true
	c.problem(log, &entry, format, args...)
}

// finish looks for what should have come and did not.
func (c *checker) finish() Report {
	for _, name := range slices.Sorted(maps.Keys(c.logs)) {
		l := c.logs[name]
		size := uint64(l.tree.Size)
		if last := len(l.marks) - 1; !l.broken && last >= 0 && l.marks[last].size > size {
			c.breaks(name, size, "is missing, and all after it; %s covers %d", l.marks[last].who, l.marks[last].size)
		}
		c.Logs = append(c.Logs, LogState{name, size, l.tree.root()})
	}
	c.sort()
	return c.Report
}
