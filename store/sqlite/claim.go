package sqlite

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"

	"github.com/ostiary/ostiary/store"
)

// locks are the logs that this Store has claimed. Beside a file each is a
// lock file that the system frees when the process dies, however it dies.
// Lock files stay: whoever removed one could remove another's.
type locks struct {
	path string // of the database; Memory: nobody else can open it
	mu   *sync.Mutex
	held map[string]*os.File // nil values beside a database in memory
}

// errLocked means that somebody else holds a lock.
var errLocked = errors.New("locked")

func newLocks(path string) locks {
	return locks{path: path, mu: &sync.Mutex{}, held: map[string]*os.File{}}
}

// Claim implements store.Store.
func (s *Store) Claim(ctx context.Context, prefix string) (string, func(), error) {
	for i := 1; ; i++ {
		if err := ctx.Err(); err != nil {
			return "", nil, err
		}
		if s.isClosed() {
			return "", nil, fmt.Errorf("claim a log: %w", store.ErrClosed)
		}
		log := prefix + strconv.Itoa(i)
		err := s.locks.take(log)
		if err == nil {
			return log, sync.OnceFunc(func() { s.locks.release(log) }), nil
		}
		if !errors.Is(err, errLocked) {
			return "", nil, fmt.Errorf("claim log %s: %w", log, err)
		}
	}
}

func (l *locks) take(log string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, held := l.held[log]; held {
		return errLocked
	}
	if l.path == Memory {
		l.held[log] = nil
		return nil
	}
	f, err := os.OpenFile(l.path+"-"+url.PathEscape(log)+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := lock(f); err != nil {
		return errors.Join(err, f.Close())
	}
	l.held[log] = f
	return nil
}

func (l *locks) release(log string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.close(log)
}

func (l *locks) releaseAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for log := range l.held {
		l.close(log)
	}
}

func (l *locks) close(log string) {
	if f := l.held[log]; f != nil {
		_ = f.Close() // which frees the lock
	}
	delete(l.held, log)
}
