package visit

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// A Site is where this Ostiary stands on the web.
type Site struct {
	URL *url.URL // public_url
	// Loopback: the listener is reached from this machine only, under any
	// name of it.
	Loopback bool
}

// ServesHost says whether a request's Host is one that we answer to. Only a
// loopback listener asks: there a foreign name means that a page elsewhere
// had its name turned to this machine (DNS rebinding).
func (s Site) ServesHost(host string) bool {
	if !s.Loopback || strings.EqualFold(host, s.URL.Host) {
		return true
	}
	name := host
	if h, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		name = h
	}
	return isLoopback(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"))
}

func isLoopback(name string) bool {
	if strings.EqualFold(name, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a.Unmap().IsLoopback()
}

// SameOrigin says whether a browser, if it was one, sent the request from a
// page of ours. Origin "null" passes: browsers send it with forms of ours
// too, and the token of the form decides.
func (s Site) SameOrigin(r *http.Request) bool {
	for _, fetch := range r.Header.Values("Sec-Fetch-Site") {
		if fetch != "same-origin" && fetch != "none" {
			return false
		}
	}
	for _, origin := range r.Header.Values("Origin") {
		if origin != "null" && !s.ours(origin, r.Host) {
			return false
		}
	}
	return true
}

func (s Site) ours(origin, host string) bool {
	if strings.EqualFold(origin, s.URL.Scheme+"://"+s.URL.Host) {
		return true
	}
	// On loopback a page of ours may have been opened under another name of
	// this machine; ServesHost has looked at it.
	return s.Loopback && strings.EqualFold(origin, s.URL.Scheme+"://"+host)
}
