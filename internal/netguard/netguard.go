package netguard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ostiary/ostiary"
)

// Errors that Get returns wrapped.
var (
	// ErrRefused means that the URL, or the address that it leads to, is not one
	// that may be reached. Asking again is of no use while the URL stays.
	ErrRefused = errors.New("may not be reached from here")
	// ErrAnswer means that whoever is there answered with something that is not
	// taken: a redirect, a status other than 200, another type, too much.
	ErrAnswer = errors.New("was not answered as it should be")
	// ErrDown means that nobody answered in time, or with a fault of their own
	// (429, 5xx). It may be different the next time.
	ErrDown = errors.New("could not be reached")
)

// Options say what a client may reach. The zero value reaches nothing, since
// it takes no byte of any answer.
type Options struct {
	// Private opens private and loopback addresses, there also plain http, and
	// every port. Without, https on port 443 of public addresses is all.
	Private bool
	// MaxBody is how long an answer may be, in bytes.
	MaxBody int64
	// Timeout bounds a whole exchange, from the look-up of the name to the last
	// byte; zero means 5 s.
	Timeout time.Duration
	// Roots are who may vouch for a server; nil: whom the machine trusts.
	Roots *x509.CertPool
	// Resolver looks names up; nil: the machine's.
	Resolver *net.Resolver
}

// A Client fetches documents. It keeps no connection between two of them, and
// is safe for concurrent use.
type Client struct{ options Options }

// New returns a client.
func New(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	return &Client{o}
}

// A Response is a document that was fetched.
type Response struct {
	Header http.Header
	Body   []byte
}

// A Request is what Send sends besides the URL. The zero Request asks for a
// document and says nothing of who asks.
type Request struct {
	Form          url.Values // not nil: it is posted
	Authorization ostiary.Secret
}

// Get fetches a JSON document: application/json, or one of the types given
// instead.
func (c *Client) Get(ctx context.Context, location string, types ...string) (Response, error) {
	return c.Send(ctx, location, Request{}, types...)
}

// Send is Get with more to say. A form is sent once: whoever gets ErrDown
// can't know whether it arrived.
func (c *Client) Send(ctx context.Context, location string, r Request, types ...string) (Response, error) {
	u, err := c.target(location)
	if err != nil {
		return Response{}, fmt.Errorf("%q %w", location, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	if len(types) == 0 {
		types = []string{"application/json"}
	}
	response, err := c.exchange(ctx, u, r, types)
	if err != nil {
		return Response{}, fmt.Errorf("%q %w", location, err)
	}
	return response, nil
}

// target holds a URL to what may be reached at all, before any name is looked
// up.
func (c *Client) target(location string) (*url.URL, error) {
	u, err := url.Parse(location)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return nil, fmt.Errorf("%w: it is not a URL with a host", ErrRefused)
	case u.Scheme != "https" && (u.Scheme != "http" || !c.options.Private):
		return nil, fmt.Errorf("%w: it is not https", ErrRefused)
	case u.User != nil:
		return nil, fmt.Errorf("%w: it holds a user or password", ErrRefused)
	case u.Fragment != "" || strings.Contains(location, "#"):
		return nil, fmt.Errorf("%w: it has a fragment", ErrRefused)
	case !c.options.Private && u.Port() != "" && u.Port() != "443":
		return nil, fmt.Errorf("%w: its port is not 443", ErrRefused)
	}
	return u, nil
}

// request is what goes out.
func (r Request) request(ctx context.Context, u *url.URL) (*http.Request, error) {
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if r.Form != nil {
		method, body = http.MethodPost, strings.NewReader(r.Form.Encode())
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if r.Form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if r.Authorization != "" {
		request.Header.Set("Authorization", r.Authorization.Reveal())
	}
	return request, nil
}

func (c *Client) exchange(ctx context.Context, u *url.URL, r Request, types []string) (Response, error) {
	request, err := r.request(ctx, u)
	if err != nil {
		return Response{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	request.Header.Set("Accept", strings.Join(types, ", "))
	request.Header.Set("User-Agent", "ostiary")
	transport := c.transport(u.Scheme)
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request) // not through a Client: nothing is followed, no cookie kept
	if err != nil {
		if errors.Is(err, ErrRefused) {
			return Response{}, err
		}
		return Response{}, fmt.Errorf("%w: %w", ErrDown, err)
	}
	defer response.Body.Close()
	if err := acceptable(response, types); err != nil {
		return Response{}, err
	}
	return c.read(response)
}

// maxHeader is how long the head of an answer may be, in bytes.
const maxHeader = 32 << 10

func (c *Client) transport(scheme string) *http.Transport {
	dialer := &net.Dialer{
		Resolver: c.options.Resolver,
		Control: func(network, address string, _ syscall.RawConn) error {
			return c.options.check(scheme, network, address)
		},
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: c.options.Roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// acceptable looks at the head of an answer.
func acceptable(r *http.Response, types []string) error {
	switch kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); {
	case r.StatusCode == http.StatusTooManyRequests || r.StatusCode >= 500:
		return fmt.Errorf("%w: status %d", ErrDown, r.StatusCode)
	case r.StatusCode != http.StatusOK:
		return fmt.Errorf("%w: status %d; redirects are not followed", ErrAnswer, r.StatusCode)
	case r.Header.Get("Content-Encoding") != "":
		return fmt.Errorf("%w: it is compressed, which was not asked for", ErrAnswer)
	case err != nil || !slices.Contains(types, kind):
		return fmt.Errorf("%w: it is not %s", ErrAnswer, strings.Join(types, " or "))
	}
	return nil
}

func (c *Client) read(r *http.Response) (Response, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, c.options.MaxBody+1))
	if int64(len(body)) > c.options.MaxBody {
		return Response{}, fmt.Errorf("%w: it is longer than %d bytes", ErrAnswer, c.options.MaxBody)
	}
	if err != nil {
		return Response{}, fmt.Errorf("%w: %w", ErrDown, err)
	}
	return Response{r.Header, body}, nil
}
