package visit

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

type addressKey struct{}

// WithAddress returns the request with its client's address, for Address.
// X-Forwarded-For is believed as far as proxies of ours wrote it: read from
// its end, the first address that is no proxy's is the client's.
func WithAddress(r *http.Request, proxies []netip.Prefix) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), addressKey{}, clientAddress(r, proxies)))
}

// Address is where the request comes from; the zero Addr when that is not
// known.
func Address(ctx context.Context) netip.Addr {
	a, _ := ctx.Value(addressKey{}).(netip.Addr)
	return a
}

func clientAddress(r *http.Request, proxies []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	client := peer.Addr().Unmap().WithZone("")
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
