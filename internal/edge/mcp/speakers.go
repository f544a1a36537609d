package mcp

import (
	"slices"
	"sync"
)

// speakers knows the streams of transport sessions that are open here, and
// whose turn it is: the newest's, since an older one may be one that nobody
// reads any more. The zero value is ready.
type speakers struct {
	mu   sync.Mutex
	open map[string][]*listener // by session key, the newest last
}

// join gives the turn to a stream, until leave is called.
func (s *speakers) join(l *listener) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string][]*listener{}
	}
	key := l.session.Key
	s.pass(key)
	s.open[key] = append(s.open[key], l)
	return func() { s.leave(l) }
}

func (s *speakers) leave(l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := l.session.Key
	s.open[key] = slices.DeleteFunc(s.open[key], func(other *listener) bool { return other == l })
	if len(s.open[key]) == 0 {
		delete(s.open, key)
	}
	s.pass(key)
}

// pass tells the newest stream of a session that the turn may have moved.
func (s *speakers) pass(key string) {
	all := s.open[key]
	if len(all) == 0 {
		return
	}
	select {
	case all[len(all)-1].turn <- struct{}{}:
	default:
	}
}

func (s *speakers) speaks(l *listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.open[l.session.Key]
	return len(all) > 0 && all[len(all)-1] == l
}
