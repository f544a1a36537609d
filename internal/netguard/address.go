package netguard

import (
	"fmt"
	"net/netip"

	"code.dny.dev/ssrf"
)

// private are the ranges that somebody's own network is made of. Link-local
// addresses are not among them: there a cloud gives its machines their secrets.
var (
	private4 = prefixes("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
	private6 = prefixes("::1/128", "fc00::/7")
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// httpsPort is the one port that strangers may name.
const httpsPort = 443

var (
	public    = ssrf.New(ssrf.WithPorts(httpsPort))
	anyPort   = ssrf.New(ssrf.WithAnyPort())
	networked = ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(private4...), ssrf.WithAllowedV6Prefixes(private6...))
)

// check judges an address that is about to be dialled.
func (o Options) check(scheme, network, address string) error {
	rules := public
	if o.Private {
		rules = networked
	}
	if err := rules.Safe(network, address, nil); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if scheme == "http" && anyPort.Safe(network, address, nil) == nil {
		return fmt.Errorf("%w: http is for private networks, and %s is public", ErrRefused, address)
	}
	return nil
}
