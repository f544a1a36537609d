package audit

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A tree is the right edge of a Merkle tree (RFC 6962 section 2.1): the
// roots of its complete subtrees, largest first. That is all it takes to add
// leaves and to know the root. The zero tree is empty.
type tree struct {
	Size  int64       `json:"size"`
	Peaks []tlog.Hash `json:"peaks,omitempty"`
}

// add appends a leaf. Each node that it completes, the leaf first, is told to
// node (nil: nobody): the n-th of its level, over 2^level leaves.
func (t *tree) add(leaf tlog.Hash, node func(level int, n int64, h tlog.Hash)) {
	n := t.Size
	t.Size++
	t.Peaks = append(t.Peaks, leaf)
	for level := 0; ; level++ {
		last := len(t.Peaks) - 1
		if node != nil {
			node(level, n, t.Peaks[last])
		}
		if n&1 == 0 {
			return
		}
		t.Peaks[last-1] = tlog.NodeHash(t.Peaks[last-1], t.Peaks[last])
		t.Peaks = t.Peaks[:last]
		n >>= 1
	}
}

// root is the hash over all leaves.
func (t *tree) root() tlog.Hash {
	if t.Size == 0 {
		empty, _ := tlog.TreeHash(0, nil) // needs no hashes
		return empty
	}
	root := t.Peaks[len(t.Peaks)-1]
	for _, peak := range slices.Backward(t.Peaks[:len(t.Peaks)-1]) {
		root = tlog.NodeHash(peak, root)
	}
	return root
}
