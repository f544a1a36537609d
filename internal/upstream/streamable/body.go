package streamable

import (
	"io"
	"net/http"
	"sync"
)

// A sendBody lends bytes to one or more attempts of one request. The
// transport may still be reading when it has given up on a request or has
// been answered early; after takeBack it finds nothing more, and the bytes
// can be used for something else. Taking back breaks a connection over which
// they were not sent whole, so it waits until the answer is read.
type sendBody struct {
	mu    sync.RWMutex
	bytes []byte
	size  int
	over  bool
}

func lend(b []byte) *sendBody { return &sendBody{bytes: b, size: len(b)} }

func (b *sendBody) open() (io.ReadCloser, error) { return &sendReader{body: b}, nil }

func (b *sendBody) takeBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over, b.bytes = true, nil
}

type sendReader struct {
	body *sendBody
	at   int
}

func (r *sendReader) Read(p []byte) (int, error) {
	r.body.mu.RLock()
	defer r.body.mu.RUnlock()
	if r.at == r.body.size { // asked for even when the length is known
		return 0, io.EOF
	}
	if r.body.over {
		return 0, http.ErrBodyReadAfterClose
	}
	n := copy(p, r.body.bytes[r.at:])
	r.at += n
	return n, nil
}

func (r *sendReader) Close() error { return nil }
