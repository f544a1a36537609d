package postgres_test

import (
	"bytes"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// A proxy stands between a store and its server and breaks things.
type proxy struct {
	url      string // what the store connects to
	socket   string // of the server
	listener net.Listener
	down     atomic.Bool // refuses every new connection

	mu    sync.Mutex
	links map[*link]bool
	// request and answer see what passes by, and say whether to hand it on.
	// One that said no is not asked again.
	request, answer func(*link, []byte) bool
	wg              sync.WaitGroup
}

// A link is one connection through the proxy.
type link struct{ client, server net.Conn }

func (l *link) cut() {
	l.client.Close()
	l.server.Close()
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		url:      "postgres://ostiary@" + listener.Addr().String() + u.Path + "?sslmode=disable",
		socket:   filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432"),
		listener: listener, links: map[*link]bool{},
	}
	p.wg.Go(p.serve)
	t.Cleanup(func() {
		listener.Close()
		p.cutAll()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.socket)
		if err != nil || p.down.Load() {
			client.Close()
			continue
		}
		l := &link{client, server}
		p.mu.Lock()
		p.links[l] = true
		p.mu.Unlock()
		p.wg.Go(func() { p.pump(l, client, server, &p.request) })
		p.wg.Go(func() { p.pump(l, server, client, &p.answer) })
	}
}

func (p *proxy) pump(l *link, from, to net.Conn, hook *func(*link, []byte) bool) {
	buf := make([]byte, 1<<20)
	for {
		n, err := from.Read(buf)
		if err == nil && !p.passes(hook, l, buf[:n]) {
			return // what becomes of the link is the hook's business
		}
		if err == nil {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			to.Close()
			return
		}
	}
}

func (p *proxy) passes(hook *func(*link, []byte) bool, l *link, chunk []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if *hook == nil || (*hook)(l, chunk) {
		return true
	}
	*hook = nil
	return false
}

// onRequest has then called, once, with the first request that holds mark,
// which is not handed on.
func (p *proxy) onRequest(mark string, then func(*link, []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.request = once(mark, then)
}

// onAnswer is onRequest for what the server says.
func (p *proxy) onAnswer(mark string, then func(*link, []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = once(mark, then)
}

func once(mark string, then func(*link, []byte)) func(*link, []byte) bool {
	return func(l *link, chunk []byte) bool {
		if !bytes.Contains(chunk, []byte(mark)) {
			return true
		}
		then(l, chunk)
		return false
	}
}

// cutAll ends every connection.
func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
	clear(p.links)
}
