package identity

import (
	"net/netip"
	"slices"
)

// tidy returns the prefixes as they are compared: without host bits, and
// those of IPv4 as IPv4, also when they were written mapped into IPv6.
func tidy(prefixes []netip.Prefix) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, p := range prefixes {
		if !p.IsValid() {
			return nil, ErrTokenCIDR
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// inside says whether a prefix lies in one of others.
func inside(p netip.Prefix, outer []netip.Prefix) bool {
	return slices.ContainsFunc(outer, func(o netip.Prefix) bool { return o.Bits() <= p.Bits() && o.Contains(p.Addr()) })
}

// from says whether addr lies in one of the prefixes; none means anywhere.
// An IPv4 address is itself also when it comes mapped into IPv6.
func from(addr netip.Addr, prefixes []netip.Prefix) bool {
	if len(prefixes) == 0 {
		return true
	}
	addr = addr.Unmap().WithZone("")
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
