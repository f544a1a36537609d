package config

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary"
)

func (s Server) check(r *report) {
	checkAddress(r, "server.listen", s.Listen)
	if s.AdminListen != "" {
		checkAddress(r, "server.admin_listen", s.AdminListen)
	}
	if s.AdminListen == s.Listen && !strings.HasSuffix(s.Listen, ":0") {
		r.refuse("server.admin_listen", "is the same address as listen")
	}
	if (s.TLS.CertFile == "") != (s.TLS.KeyFile == "") {
		r.refuse("server.tls", "needs both cert_file and key_file")
	}
	s.checkPublicURL(r)
	for i, text := range s.AllowedOrigins {
		checkOrigin(r, index("server.allowed_origins", i), text)
	}
}

func checkAddress(r *report, path, address string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		r.refuse(path, "%q is not host:port (like 127.0.0.1:8080)", address)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		r.refuse(path, "%q has no port from 0 to 65535", address)
	}
}

// checkPublicURL keeps tokens off the open network: they travel to public_url.
func (s Server) checkPublicURL(r *report) {
	const path = "server.public_url"
	u := s.PublicURL
	if u == nil {
		return
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		r.refuse(path, "must be an http or https URL")
	case strings.HasSuffix(u.Path, "/"):
		r.refuse(path, "must not end with a slash")
	case u.Path != "":
		r.refuse(path, "must not have a path: clients look for metadata below the host's root (RFC 8414)")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		r.refuse(path, "must be no more than scheme, host and port")
	case !validPort(u):
		r.refuse(path, badPort)
	case !loopbackHost(u.Hostname()) && origin(u) != u.Scheme+"://"+u.Host:
		r.refuse(path, "must be written as browsers do: %s", origin(u))
	case u.Scheme == "https":
	case !loopbackHost(u.Hostname()):
		r.refuse(path, insecure)
	case s.Listen != "" && !s.Loopback():
		r.refuse(path, "must be an https URL that others can reach: listen (%s) is not loopback", s.Listen)
	case s.TLS.Enabled():
		r.refuse(path, "must be https: tls is set")
	}
}

// checkOrigin takes what browsers send (RFC 6454 section 6.2). "*" and "null" would
// let any page in.
func checkOrigin(r *report, path, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || origin(u) != text || !validPort(u) {
		r.refuse(path, "%q is not an origin (like https://app.example)", text)
	}
}

func (s Storage) check(r *report, key ostiary.Secret) {
	if s.KeyFile == "" && key == "" {
		r.refuse("storage.key_file", "names no file, and OSTIARY_KEY is not set")
	}
	const path = "storage.url"
	scheme, rest, _ := strings.Cut(s.URL.Reveal(), ":")
	switch scheme {
	case "sqlite":
		if rest == "" {
			r.refuse(path, "names no file (like sqlite:ostiary.db)")
		}
	case "postgres", "redis", "rediss":
		if u, err := url.Parse(s.URL.Reveal()); err != nil || u.Host == "" && u.RawQuery == "" {
			r.refuse(path, "is not a %s URL (like %s://user@host/name)", scheme, scheme)
		}
	default:
		r.refuse(path, "must begin with sqlite:, postgres:// or redis://")
	}
}
