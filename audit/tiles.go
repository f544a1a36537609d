package audit

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ostiary/ostiary/store"
)

// kindTile are records of hashes. They stand unsealed: a hash over a line
// with a random call id tells nothing, and every proof made from tiles is
// checked against a root.
const kindTile store.Kind = "audit_tile"

const (
	tileHeight = 8 // a tile holds up to 2^8 hashes, of every 8th level
	tileWidth  = 1 << tileHeight
)

type tileAt struct {
	level int // 0: hashes of lines
	n     int64
}

func (r *Reader) tileKey(log string, at tileAt) store.Key {
	return r.db.RowKey(kindTile, log+"/"+strconv.Itoa(at.level)+"/"+strconv.FormatInt(at.n, 10))
}

// tiles are those at the right edge of a tree, and full ones that are not
// kept yet.
type tiles map[tileAt][]byte

// put takes a node of the tree, as tree.add tells it.
func (t tiles) put(level int, n int64, h tlog.Hash) {
	if level%tileHeight != 0 {
		return
	}
	at := tileAt{level / tileHeight, n / tileWidth}
	t[at] = append(t[at][:n%tileWidth*tlog.HashSize], h[:]...)
}

// write adds all tiles to a transaction.
func (t tiles) write(tx *store.Tx, r *Reader, log string) {
	for at, hashes := range t {
		tx.Put(store.Put{Key: r.tileKey(log, at), Value: hashes})
	}
}

// dropFull forgets the tiles that nothing is added to any more.
func (t tiles) dropFull() {
	for at, hashes := range t {
		if len(hashes) == tileWidth*tlog.HashSize {
			delete(t, at)
		}
	}
}

// loadTiles reads the tiles that the next leaves of a tree are added to.
func (r *Reader) loadTiles(ctx context.Context, log string, size int64) (tiles, error) {
	t := tiles{}
	for level := 0; size > 0; level++ {
		if width := size % tileWidth; width > 0 {
			at := tileAt{level, size / tileWidth}
			hashes, err := r.tile(ctx, log, at, int(width))
			if err != nil {
				return nil, err
			}
			t[at] = hashes
		}
		size /= tileWidth
	}
	return t, nil
}

var errNoTile = errors.New("a tile of hashes is missing")

// tile reads the first width hashes of a tile.
func (r *Reader) tile(ctx context.Context, log string, at tileAt, width int) ([]byte, error) {
	rec, err := r.db.Get(ctx, r.tileKey(log, at))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read a tile of %s: %w", log, err)
	}
	if len(rec.Value) < width*tlog.HashSize {
		return nil, fmt.Errorf("read tile %d.%d of %s: %w", at.level, at.n, log, errNoTile)
	}
	return rec.Value[:width*tlog.HashSize], nil
}

// tileReader lets package tlog read kept tiles.
type tileReader struct {
	ctx context.Context // of the one proof that it is made for
	r   *Reader
	log string
}

func (t tileReader) Height() int { return tileHeight }

func (t tileReader) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(wanted))
	for i, w := range wanted {
		hashes, err := t.r.tile(t.ctx, t.log, tileAt{w.L, w.N}, w.W)
		if err != nil {
			return nil, err
		}
		all[i] = hashes
	}
	return all, nil
}

func (t tileReader) SaveTiles([]tlog.Tile, [][]byte) {}
