package visit

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

type addressKey struct{}

// ConnContext is for http.Server: all requests of a connection are from its
// peer, unless proxies of ours say otherwise.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, addressKey{}, peer(c.RemoteAddr().String()))
}

// WithAddress returns the request with its client's address, for Address.
// X-Forwarded-For is believed as far as proxies of ours wrote it: read from
// its end, the first address that is no proxy's is the client's.
func WithAddress(r *http.Request, proxies []netip.Prefix) *http.Request {
	known := Address(r.Context())
	client := clientAddress(r, proxies)
	if known.IsValid() && known == client {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), addressKey{}, client))
}

// Address is where the request comes from; the zero Addr when that is not
// known.
func Address(ctx context.Context) netip.Addr {
	a, _ := ctx.Value(addressKey{}).(netip.Addr)
	return a
}

func clientAddress(r *http.Request, proxies []netip.Prefix) netip.Addr {
	client := peer(r.RemoteAddr)
	if !within(proxies, client) {
		return client
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !within(proxies, client) {
			return client
		}
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return client
		}
		client = before.Unmap().WithZone("")
	}
	return client
}

func peer(address string) netip.Addr {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

func within(prefixes []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// AddressKey names an address for limits: in IPv6 the network that one
// subscriber has whole (RFC 6177 section 2), else the address.
func AddressKey(a netip.Addr) string {
	if a.Is6() && !a.Is4In6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
