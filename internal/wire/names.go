package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// A Scheme turns canonical ids, "app:tool", into names on the wire. The zero
// Scheme is that of an app served alone, whose names carry no prefix.
type Scheme struct{ Separator string }

const (
	longestName      = 64
	longestSeparator = 8
	hashDigits       = 12 // 48 bits; names that collide all the same are left out
)

// CheckSeparator tells whether names with this separator can be read back:
// it contains "_" or is one of . : / (ids of apps hold none of these) and is
// short enough to leave room for names.
func CheckSeparator(separator string) error {
	short := len(separator) <= longestSeparator
	plain := !strings.ContainsFunc(separator, func(r rune) bool { return r > 0x7f || !isNameByte(byte(r)) })
	if short && (plain && strings.Contains(separator, "_") || slices.Contains([]string{".", ":", "/"}, separator)) {
		return nil
	}
	return fmt.Errorf("separator %q: want one of . : / or up to %d of A-Za-z0-9_- with a _ among them", separator, longestSeparator)
}

// Name returns the name of an id on the wire. It is the app, the separator
// and the tool's own name where that makes at most 64 characters and the
// tool's name has none but A-Za-z0-9_-; else a name of that form which is
// readable and ends in a hash of the id. The same id always gets the same
// name.
func (s Scheme) Name(id string) string {
	app, tool, _ := strings.Cut(id, ":")
	prefix := app + s.Separator
	if s.Separator == "" {
		prefix = ""
	}
	if len(prefix)+len(tool) <= longestName && isPlainName(tool) {
		return prefix + tool
	}
	sum := sha256.Sum256([]byte(id))
	hash := "_" + hex.EncodeToString(sum[:])[:hashDigits]
	room := max(0, longestName-len(prefix)-len(hash))
	return prefix + readable(tool, room) + hash
}

func isPlainName(name string) bool {
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return false
		}
	}
	return name != ""
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// readable is the beginning of a name with "_" for every run of characters
// that may not stand there.
func readable(name string, room int) string {
	var b strings.Builder
	for i := 0; i < len(name) && b.Len() < room; i++ {
		switch {
		case isNameByte(name[i]):
			b.WriteByte(name[i])
		case !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	return strings.Trim(b.String(), "_")
}

// A NameTable knows the names of one endpoint. It never changes and may be
// used concurrently. The zero NameTable knows none.
type NameTable struct {
	names map[string]string // by id
	ids   map[string]string // by name, and by id where ids are accepted
}

// A Clash is a name that several ids would have, or one id that came several
// times. All of them are left out of the table: nobody guesses.
type Clash struct {
	Name string
	IDs  []string
}

// NewNameTable makes the table of a list of ids and reports those that it
// had to leave out, sorted by name.
func NewNameTable(s Scheme, ids []string) (*NameTable, []Clash) {
	t := &NameTable{names: make(map[string]string, len(ids)), ids: make(map[string]string, 2*len(ids))}
	claims := make(map[string][]string, len(ids))
	for _, id := range ids {
		name := s.Name(id)
		claims[name] = append(claims[name], id)
	}
	var clashes []Clash
	for name, claimants := range claims {
		if len(claimants) > 1 {
			clashes = append(clashes, Clash{name, claimants})
			continue
		}
		t.add(claimants[0], name, s.Separator != "")
	}
	slices.SortFunc(clashes, func(a, b Clash) int { return strings.Compare(a.Name, b.Name) })
	return t, clashes
}

// add makes an id known by its name and, where ids are accepted, by itself.
// No id is the name of another: names have a colon as separator only, and
// what stands on both sides of it is then the id of just that tool.
func (t *NameTable) add(id, name string, acceptID bool) {
	t.names[id] = name
	t.ids[name] = id
	if acceptID {
		t.ids[id] = id
	}
}

// ID returns the canonical id of a name that a client sent: a name on the
// wire, or, where names have prefixes, the canonical id itself.
func (t *NameTable) ID(name string) (id string, ok bool) {
	id, ok = t.ids[name]
	return id, ok
}

// Name returns the name of an id; not ok for ids that clash or are unknown.
func (t *NameTable) Name(id string) (name string, ok bool) {
	name, ok = t.names[id]
	return name, ok
}
