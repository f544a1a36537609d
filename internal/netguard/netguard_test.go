package netguard

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A far is a server that strangers name. It counts who comes as far as a
// connection.
type far struct {
	*httptest.Server
	visits atomic.Int64
}

func newFar(t *testing.T, tls bool, h http.HandlerFunc) *far {
	t.Helper()
	f := &far{Server: httptest.NewUnstartedServer(h)}
	f.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			f.visits.Add(1)
		}
	}
	f.Config.ErrorLog = nil
	if tls {
		f.StartTLS()
	} else {
		f.Start()
	}
	t.Cleanup(f.Close)
	return f
}

func (f *far) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(f.Certificate())
	return pool
}

// near is a client that may reach the server.
func (f *far) near(edits ...func(*Options)) *Client {
	o := Options{Private: true, MaxBody: 5 << 10, Timeout: time.Minute}
	if f.TLS != nil {
		o.Roots = f.roots()
	}
	for _, edit := range edits {
		edit(&o)
	}
	return New(o)
}

func answer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=60")
	fmt.Fprint(w, `{"a":1}`)
}

func TestADocumentIsFetched(t *testing.T) {
	for name, tls := range map[string]bool{"https": true, "http within private networks": false} {
		t.Run(name, func(t *testing.T) {
			f := newFar(t, tls, answer)
			got, err := f.near().Get(t.Context(), f.URL+"/x")
			if err != nil || string(got.Body) != `{"a":1}` || got.Header.Get("Cache-Control") != "max-age=60" {
				t.Errorf("got %q, %v; want the document", got.Body, err)
			}
		})
	}
}

// Every form of an address that is nobody's public one is refused when it is
// dialled; so are ports that are not https's.
func TestWhatMayBeDialled(t *testing.T) {
	const nowhere, inside, outside = 0, 1, 2 // outside: with and without Private
	for address, reach := range map[string]int{
		"93.184.216.34:443": outside, "[2606:2800:220:1:248:1893:25c8:1946]:443": outside, "1.1.1.1:443": outside,
		"93.184.216.34:80": inside, "93.184.216.34:8443": inside, "93.184.216.34:22": inside,
		"127.0.0.1:443": inside, "127.255.255.254:443": inside, "[::1]:443": inside,
		"10.0.0.1:443": inside, "172.16.0.1:443": inside, "172.31.255.255:443": inside, "192.168.1.1:443": inside,
		"100.64.0.1:443": inside, "100.127.255.255:443": inside, "[fc00::1]:443": inside, "[fd12:3456::1]:443": inside,
		"172.32.0.1:443": outside, "11.0.0.1:443": outside, "100.128.0.1:443": outside,
		"0.0.0.0:443": nowhere, "0.1.2.3:443": nowhere, "[::]:443": nowhere,
		"169.254.169.254:443": nowhere, "[fe80::1]:443": nowhere, "[fe80::1%lo]:443": nowhere, "[fd00:ec2::254%lo]:443": nowhere,
		"224.0.0.1:443": nowhere, "239.255.255.250:443": nowhere, "[ff02::1]:443": nowhere, "[ff0e::1]:443": nowhere,
		"240.0.0.1:443": nowhere, "255.255.255.255:443": nowhere,
		"192.0.0.1:443": nowhere, "192.0.2.1:443": nowhere, "198.51.100.1:443": nowhere, "203.0.113.1:443": nowhere, "198.18.0.1:443": nowhere, "192.88.99.1:443": nowhere,
		"[::ffff:127.0.0.1]:443": nowhere, "[::ffff:10.0.0.1]:443": nowhere, "[::ffff:169.254.169.254]:443": nowhere, "[::ffff:93.184.216.34]:443": nowhere,
		"[::127.0.0.1]:443": nowhere, "[::ffff:0:127.0.0.1]:443": nowhere, "[64:ff9b::7f00:1]:443": nowhere, "[64:ff9b::a9fe:a9fe]:443": nowhere, "[64:ff9b:1::7f00:1]:443": nowhere,
		"[2002:7f00:1::]:443": nowhere, "[2002:a00:1::1]:443": nowhere, "[2001:0:4136:e378:8000:63bf:3fff:fdd2]:443": nowhere,
		"[2001:db8::1]:443": nowhere, "[3fff::1]:443": nowhere, "[100::1]:443": nowhere, "[2001:20::1]:443": nowhere, "[fec0::1]:443": nowhere, "[5f00::1]:443": nowhere,
		"localhost:443": nowhere, "127.1:443": nowhere, "0x7f000001:443": nowhere, "2130706433:443": nowhere, "": nowhere,
	} {
		for _, private := range []bool{false, true} {
			network := "tcp4"
			if strings.HasPrefix(address, "[") {
				network = "tcp6"
			}
			err := Options{Private: private}.check("https", network, address)
			if want := reach == outside || reach == inside && private; (err == nil) != want || err != nil && !errors.Is(err, ErrRefused) {
				t.Errorf("%s with Private %t: got %v; want reached: %t", address, private, err, want)
			}
		}
	}
}

func TestNothingButTCPIsDialled(t *testing.T) {
	for _, network := range []string{"udp4", "unix", "tcp", "ip4"} {
		if err := (Options{Private: true}).check("https", network, "127.0.0.1:443"); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: got %v; want ErrRefused", network, err)
		}
	}
}

func TestHTTPLeavesNoPrivateNetwork(t *testing.T) {
	o := Options{Private: true}
	if err := o.check("http", "tcp4", "93.184.216.34:80"); !errors.Is(err, ErrRefused) {
		t.Errorf("a public address: got %v; want ErrRefused", err)
	}
	if err := o.check("http", "tcp4", "10.0.0.1:80"); err != nil {
		t.Errorf("a private address: %v", err)
	}
}

// What is refused is refused before a byte, or even a connection, leaves.
func TestAPrivateAddressIsNotEvenConnectedTo(t *testing.T) {
	f := newFar(t, true, answer)
	_, port, _ := net.SplitHostPort(f.Listener.Addr().String())
	public := New(Options{MaxBody: 5 << 10, Roots: f.roots()})
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "127.0.0.2"} {
		for _, location := range []string{"https://" + host + ":" + port + "/", "https://" + host + "/"} {
			if _, err := public.Get(t.Context(), location); !errors.Is(err, ErrRefused) || errors.Is(err, ErrDown) {
				t.Errorf("%s: got %v; want ErrRefused", location, err)
			}
		}
	}
	if n := f.visits.Load(); n != 0 {
		t.Errorf("the server had %d connections", n)
	}
	if _, err := f.near().Get(t.Context(), f.URL); err != nil || f.visits.Load() != 1 {
		t.Errorf("who may: %v, %d connections", err, f.visits.Load())
	}
}

func TestWhatIsNoPlainHTTPSURLIsRefused(t *testing.T) {
	c := New(Options{MaxBody: 5 << 10})
	for _, location := range []string{
		"", "http://example.com/", "HTTP://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/",
		"https:///x", "https://:443/", "https:example.com", "https://user@example.com/", "https://user:pw@example.com/", "https://example.com/#x", "https://example.com/#",
		"https://example.com:80/", "https://example.com:8443/", "https://example.com:0443/", "https://exa mple.com/", "https://example.com\n/", "unix:///run/x",
	} {
		if _, err := c.Get(t.Context(), location); !errors.Is(err, ErrRefused) {
			t.Errorf("%q: got %v; want ErrRefused", location, err)
		}
	}
}

// A dns is a name server whose answers a test decides.
func dns(t *testing.T, answer func(asked int64) netIP) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply := resolve(buffer[:n], &asked, answer); reply != nil {
				conn.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
}

type netIP = [4]byte

func resolve(query []byte, asked *atomic.Int64, answer func(int64) netIP) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: answer(asked.Add(1))},
		}}
	}
	reply, err := m.Pack()
	if err != nil {
		return nil
	}
	return reply
}

// A name that turns to this machine between two look-ups is judged by what is
// dialled, each time.
func TestANameThatTurnsToAPrivateAddressIsRefused(t *testing.T) {
	f := newFar(t, true, answer)
	for _, turned := range []netIP{{127, 0, 0, 1}, {169, 254, 169, 254}, {10, 0, 0, 1}, {0, 0, 0, 0}} {
		c := New(Options{MaxBody: 5 << 10, Resolver: dns(t, func(int64) netIP { return turned })})
		for range 2 {
			if _, err := c.Get(t.Context(), "https://rebound.example/"); !errors.Is(err, ErrRefused) {
				t.Errorf("%v: got %v; want ErrRefused", turned, err)
			}
		}
	}
	if n := f.visits.Load(); n != 0 {
		t.Errorf("the server had %d connections", n)
	}
	_, port, _ := net.SplitHostPort(f.Listener.Addr().String())
	c := f.near(func(o *Options) { o.Resolver = dns(t, func(int64) netIP { return netIP{127, 0, 0, 1} }) })
	if _, err := c.Get(t.Context(), "https://example.com:"+port+"/"); err != nil { // httptest's certificate names it
		t.Errorf("who may reach private networks: %v", err)
	}
}

func TestANameThatNobodyKnowsIsDown(t *testing.T) {
	c := New(Options{MaxBody: 5 << 10, Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name server")
	}}})
	if _, err := c.Get(t.Context(), "https://nowhere.example/"); !errors.Is(err, ErrDown) {
		t.Errorf("got %v; want ErrDown", err)
	}
}

func TestWhatIsNoPlainDocumentIsNotTaken(t *testing.T) {
	var elsewhere *far
	typed := func(kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{kind}
			fmt.Fprint(w, "{}")
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	redirect := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, code) }
	}
	elsewhere = newFar(t, true, answer)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"moved for good":  {redirect(301), ErrAnswer},
		"moved for now":   {redirect(302), ErrAnswer},
		"see other":       {redirect(303), ErrAnswer},
		"moved, the same": {redirect(307), ErrAnswer},
		"no content":      {status(204), ErrAnswer},
		"not there":       {status(404), ErrAnswer},
		"gone":            {status(410), ErrAnswer},
		"too many":        {status(429), ErrDown},
		"a fault":         {status(500), ErrDown},
		"not available":   {status(503), ErrDown},
		"a page":          {typed("text/html"), ErrAnswer},
		"text":            {typed("text/plain; charset=utf-8"), ErrAnswer},
		"no type":         {typed(""), ErrAnswer},
		"nearly JSON":     {typed("application/json, text/html"), ErrAnswer},
		"compressed": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			answer(w, r)
		}, ErrAnswer},
		"JSON": {typed("application/json"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFar(t, true, c.answer)
			if _, err := f.near().Get(t.Context(), f.URL); !errors.Is(err, c.want) {
				t.Errorf("got %v; want %v", err, c.want)
			}
		})
	}
	if n := elsewhere.visits.Load(); n != 0 {
		t.Errorf("a redirect was followed: %d connections", n)
	}
}

func TestAnotherTypeIsTakenWhereItIsAskedFor(t *testing.T) {
	f := newFar(t, true, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", strings.Split(r.Header.Get("Accept"), ", ")[1])
		fmt.Fprint(w, "{}")
	})
	if _, err := f.near().Get(t.Context(), f.URL, "application/json", "application/jwk-set+json"); err != nil {
		t.Error(err)
	}
}

func TestNoMoreIsReadThanIsTaken(t *testing.T) {
	exactly := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write(bytes.Repeat([]byte("1"), n))
		}
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		block := bytes.Repeat([]byte("1"), 64<<10)
		for range 1 << 30 / len(block) { // a gigabyte
			if _, err := w.Write(block); err != nil {
				return
			}
		}
		t.Error("somebody took a gigabyte")
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"as long as may be": {exactly(5 << 10), nil},
		"one byte too long": {exactly(5<<10 + 1), ErrAnswer},
		"a gigabyte":        {endless, ErrAnswer},
		"a head without end": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 2*maxHeader))
			answer(w, r)
		}, ErrDown},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("{"))
		}, ErrDown},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFar(t, true, c.answer)
			got, err := f.near().Get(t.Context(), f.URL)
			if !errors.Is(err, c.want) || err != nil && got.Body != nil {
				t.Errorf("got %d bytes, %v; want %v", len(got.Body), err, c.want)
			}
		})
	}
}

// The time is for the whole exchange: one who answers byte by byte gains
// nothing.
func TestWhoTricklesIsLeft(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	trickle := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	}
	for name, h := range map[string]http.HandlerFunc{"says nothing": hang, "byte by byte": trickle} {
		t.Run(name, func(t *testing.T) {
			f := newFar(t, true, h)
			c := f.near(func(o *Options) { o.Timeout, o.MaxBody = 200*time.Millisecond, 1<<40 })
			if _, err := c.Get(t.Context(), f.URL); !errors.Is(err, ErrDown) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v; want ErrDown, out of time", err)
			}
		})
	}
}

func TestACertificateOfNobodyKnownIsRefused(t *testing.T) {
	f := newFar(t, true, answer)
	if _, err := f.near(func(o *Options) { o.Roots = x509.NewCertPool() }).Get(t.Context(), f.URL); !errors.Is(err, ErrDown) {
		t.Errorf("got %v; want ErrDown", err)
	}
}

// The environment's proxy would be the one to dial, unjudged. (The standard
// library reads it once a process, and never asks it for loopback: so what is
// looked at is that nobody is asked.)
func TestNoProxyIsAsked(t *testing.T) {
	if New(Options{}).transport("https").Proxy != nil {
		t.Error("a proxy would be asked")
	}
}

func TestNoCookieIsKept(t *testing.T) {
	var sent atomic.Value
	f := newFar(t, true, func(w http.ResponseWriter, r *http.Request) {
		sent.Store(r.Header.Get("Cookie") + r.Header.Get("Authorization") + r.Header.Get("Referer"))
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		answer(w, r)
	})
	c := f.near()
	for range 2 {
		if _, err := c.Get(t.Context(), f.URL); err != nil || sent.Load() != "" {
			t.Errorf("got %v, sent %q; want nothing sent along", err, sent.Load())
		}
	}
}

func TestAFormIsPostedOnceWithWhoAsks(t *testing.T) {
	var asked atomic.Int64
	f := newFar(t, false, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method != http.MethodPost || r.FormValue("code") != "c&=" || r.Header.Get("Authorization") != "Basic eA==" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		answer(w, r)
	})
	request := Request{Form: url.Values{"code": {"c&="}}, Authorization: "Basic eA=="}
	if _, err := f.near().Send(t.Context(), f.URL, request); err != nil || asked.Load() != 1 {
		t.Errorf("got %v after %d requests", err, asked.Load())
	}
	if _, err := f.near().Get(t.Context(), f.URL); !errors.Is(err, ErrAnswer) {
		t.Errorf("without a form: got %v", err)
	}
	if _, err := New(Options{MaxBody: 1}).Send(t.Context(), f.URL, request); !errors.Is(err, ErrRefused) || asked.Load() != 2 {
		t.Errorf("a form to what may not be reached: got %v after %d requests", err, asked.Load())
	}
}
