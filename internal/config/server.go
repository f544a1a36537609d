package config

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Server is the group `server`.
type Server struct {
	// The address that agents and browsers reach.
	Listen string `yaml:"listen" default:"127.0.0.1:8080"`
	// The address of /metrics and /debug/pprof; "" turns it off.
	AdminListen string `yaml:"admin_listen" default:"127.0.0.1:9091"`
	// The issuer, and the base of every link. https is required unless the host is
	// loopback. No path and no trailing slash. Left out, it follows a loopback
	// `listen`.
	PublicURL *url.URL `yaml:"public_url" default:"http://127.0.0.1:8080"`
	// The certificate to serve; both files or neither.
	TLS TLS `yaml:"tls"`
	// CIDRs whose X-Forwarded-For is believed. Host headers never change `public_url`.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	// The longest request body that is read.
	MaxBody Size `yaml:"max_body" default:"4MiB" min:"1KiB"`
	// Rates per address, and per account where there is one.
	Limits Limits `yaml:"limits"`
	// Browser origins besides `public_url` that may call MCP endpoints.
	AllowedOrigins []string `yaml:"allowed_origins"`
}

// TLS is the group `server.tls`. Both files empty means plain HTTP.
type TLS struct {
	// PEM file with the certificate chain.
	CertFile string `yaml:"cert_file"`
	// PEM file with its private key.
	KeyFile string `yaml:"key_file"`
}

// Enabled reports whether the listener speaks TLS itself.
func (t TLS) Enabled() bool { return t.CertFile != "" }

// Limits is the group `server.limits`. A zero Rate turns a limit off.
type Limits struct {
	// Failed sign-ins; those that succeed do not count. 0 turns it off.
	LoginFailures Rate `yaml:"login_failures" default:"10/m"`
	// Client registrations, and unknown metadata documents that authorization requests
	// name, each. 0 turns it off.
	Register Rate `yaml:"register" default:"20/m"`
	// Requests to the token endpoint. 0 turns it off.
	Token Rate `yaml:"token" default:"600/m"`
	// Answers at the approval callback. 0 turns it off.
	Callback Rate `yaml:"callback" default:"120/m"`
}

// Loopback reports whether only this machine can reach Listen.
func (s Server) Loopback() bool { return loopbackAddress(s.Listen) }

// loopbackAddress reports whether host:port is loopback. An empty host listens
// on every interface, so it is not.
func loopbackAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopbackHost(host)
}

// loopbackHost takes the two names that RFC 8252 section 7.3 and RFC 6761
// section 6.3 leave no doubt about: loopback addresses and localhost.
func loopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
