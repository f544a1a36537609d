package store

import "sync"

// maxPeople bounds how many people's data keys are remembered; when full,
// all are forgotten and read again.
const maxPeople = 20_000

// people remembers data keys by where they stand. The zero value is empty.
type people struct {
	mu        sync.RWMutex
	keys      map[Key]*dataKey
	forgotten uint64 // how often something was
}

// find returns the key that stands at k, or nil; since is for keep.
func (p *people) find(k Key) (key *dataKey, since uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.keys[k], p.forgotten
}

// keep remembers a key that was read after find returned since, unless
// something was forgotten meanwhile: it may have been this one, destroyed.
func (p *people) keep(k Key, key *dataKey, since uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.forgotten != since {
		return
	}
	if p.keys == nil || len(p.keys) >= maxPeople {
		p.keys = map[Key]*dataKey{}
	}
	p.keys[k] = key
}

// forget drops the key that stands at k; the zero Key drops all.
func (p *people) forget(k Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgotten++
	if k == (Key{}) {
		clear(p.keys)
		return
	}
	delete(p.keys, k)
}
