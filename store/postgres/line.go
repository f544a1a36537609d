package postgres

import (
	"fmt"

	"github.com/ostiary/ostiary/store"
)

// watchLines has the lines of txs remembered, so that a batch that is begun
// anew asks for none twice, and refuses those of a log that was taken.
func (c *claims) watchLines(txs []store.Tx) {
	for i := range txs {
		appends := make([]store.Append, len(txs[i].Appends))
		for j, a := range txs[i].Appends {
			a.Line = c.watchLine(a)
			appends[j] = a
		}
		txs[i].Appends = appends
	}
}

func (c *claims) watchLine(a store.Append) func(uint64) ([]byte, error) {
	var line []byte
	var err error
	var called bool
	var at uint64
	return func(seq uint64) ([]byte, error) {
		if c.isTaken(a.Log) {
			return nil, fmt.Errorf("log %s: %w", a.Log, store.ErrLogTaken)
		}
		if !called || at != seq {
			line, err = a.Line(seq)
			called, at = true, seq
		}
		return line, err
	}
}
