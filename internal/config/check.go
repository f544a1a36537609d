package config

import (
	"cmp"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// check holds the keys against each other, group by group. It runs also after
// problems of decoding, so it takes zero values without complaint where decode has
// complained.
func (c *Config) check(r *report) {
	c.Server.check(r)
	c.Storage.check(r, c.Process.Key)
	c.Auth.check(r, c)
	c.checkApps(r)
	c.checkTools(r)
	c.checkSites(r)
	c.Approvals.check(r, c)
	c.Skills.check(r)
	c.checkRuntime(r)
}

// The forms of texts that many keys hold.
var (
	// scopeToken is RFC 6749 section 3.3.
	scopeToken = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`)
	// headerName is RFC 9110 section 5.1.
	headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	// hostName is a DNS name or an IPv4 address.
	hostName = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)
	// dottedPath names a claim, or one inside another.
	dottedPath = regexp.MustCompile(`^[^.\s]+(\.[^.\s]+)*$`)
)

// refuseError reports what somebody else's rule says of a value, if it does.
func refuseError(r *report, path string, err error) {
	if err != nil {
		r.refuse(path, "%v", err)
	}
}

// unique reports the second of two equal texts; key names the key inside an entry.
func unique(r *report, path, key string, values []string) {
	first := map[string]int{}
	for i, v := range values {
		at := index(path, i)
		if key != "" {
			at = under(at, key)
		}
		if j, twice := first[v]; twice && v != "" {
			r.refuse(at, "%q is there twice, first as %s", v, index(path, j))
			continue
		}
		first[v] = i
	}
}

// each reports the entries of a list of texts that are not what they should be.
func each(r *report, path string, values []string, form *regexp.Regexp, what string) {
	for i, v := range values {
		if !form.MatchString(v) {
			r.refuse(index(path, i), "%q is not %s", v, what)
		}
	}
}

// notEmpty reports empty texts in a list.
func notEmpty[T ~string](r *report, path string, values []T) {
	for i, v := range values {
		if v == "" {
			r.refuse(index(path, i), "must not be empty")
		}
	}
}

// ordered reports a key whose value is over that of the key that bounds it.
func ordered[T cmp.Ordered](r *report, path string, value T, bound string, most T) {
	if value > most {
		r.refuse(path, "is over %s (%v)", bound, most)
	}
}

// insecure says why requests to a URL could be read or changed on their way.
const insecure = "must be https: its host is not loopback"

// checkURL takes absolute http and https URLs without user or fragment; empty is
// left out. tls asks for https unless the host is loopback.
func checkURL(r *report, path, text string, tls bool) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		r.refuse(path, "is not an http or https URL")
	case u.User != nil:
		r.refuse(path, "must not hold a user or password")
	case u.Fragment != "":
		r.refuse(path, "must not have a fragment")
	case !validPort(u):
		r.refuse(path, badPort)
	case tls && u.Scheme != "https" && !loopbackHost(u.Hostname()):
		r.refuse(path, insecure)
	}
}

// badPort says of a URL's port what is wrong with it.
const badPort = "has no port from 0 to 65535"

// validPort takes a URL without a port too.
func validPort(u *url.URL) bool {
	_, err := strconv.ParseUint(cmp.Or(u.Port(), "0"), 10, 16)
	return err == nil
}

// origin is scheme, host and port as browsers write them (RFC 6454 section 6.2).
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	for _, suffix := range []string{":", map[string]string{"http": ":80", "https": ":443"}[u.Scheme]} {
		host = strings.TrimSuffix(host, suffix)
	}
	return u.Scheme + "://" + host
}

// validHeaderValue reports whether a value can be sent as it is (RFC 9110 section 5.5).
func validHeaderValue(value string) bool {
	return !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}
