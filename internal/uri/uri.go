// Package uri reads the addresses that clients are named by and that answers to
// them go to, in one strict form. It owns the parser and decides nothing: which
// address is whose is told by who asks.
package uri

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ErrForm means that a text is no redirect URI that is taken anywhere.
var ErrForm = errors.New("is not a redirect URI")

// MaxLength is how long a redirect URI may be, in bytes.
const MaxLength = 2048

// A URI is a redirect URI, taken apart once and strictly. Its parts are as they
// were written: put together again, they are the same bytes.
type URI struct {
	Scheme string // in lower case, as it has to be written
	Host   string // with its brackets where it has some; "" where Scheme is a program's own
	Port   string // "" for none
	Rest   string // path and query; for a program's own scheme, all that follows it
}

// Parse takes a URI only in the one form in which every reader sees the
// same: what a browser, a proxy or another parser would tidy up, decode or
// overlook (upper case, backslashes, odd numbers for addresses, dots) is
// refused. Any error wraps ErrForm.
func Parse(text string) (URI, error) {
	u, err := split(text)
	if err != nil {
		return URI{}, fmt.Errorf("%.200q %w: %w", text, ErrForm, err)
	}
	if u.String() != text {
		return URI{}, fmt.Errorf("%.200q %w: it isn't written in the usual way", text, ErrForm)
	}
	return u, nil
}

// String is what the URI was parsed from.
func (u URI) String() string {
	if !u.Web() {
		return u.Scheme + ":" + u.Rest
	}
	port := u.Port
	if port != "" {
		port = ":" + port
	}
	return u.Scheme + "://" + u.Host + port + u.Rest
}

// Web says whether it is an address of the web, and no program's own.
func (u URI) Web() bool { return u.Scheme == "https" || u.Scheme == "http" }

// Loopback says whether the answer stays on this computer (RFC 8252 section
// 7.3). Other names of it, like 127.0.0.2 or 0.0.0.0, are none of the three.
func (u URI) Loopback() bool {
	return u.Scheme == "http" && (u.Host == "127.0.0.1" || u.Host == "[::1]" || u.Host == "localhost")
}

func split(text string) (URI, error) {
	if len(text) > MaxLength {
		return URI{}, fmt.Errorf("it is longer than %d bytes", MaxLength)
	}
	if err := checkBytes(text); err != nil {
		return URI{}, err
	}
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok || !isScheme(scheme) {
		return URI{}, errors.New("it doesn't begin with a scheme in lower case")
	}
	u := URI{Scheme: scheme, Rest: rest}
	if u.Web() {
		return u.split()
	}
	if rest == "" || dangerous(scheme) {
		return URI{}, errors.New("its scheme leads to no program that could take an answer")
	}
	return u, nil
}

// split takes what follows the scheme of a web address apart.
func (u URI) split() (URI, error) {
	rest, ok := strings.CutPrefix(u.Rest, "//")
	if !ok {
		return URI{}, errors.New("it has no host")
	}
	at := strings.IndexAny(rest, "/?")
	if at < 0 {
		at = len(rest)
	}
	authority, rest := rest[:at], rest[at:]
	if strings.ContainsAny(rest, "[]") || dotted(rest) {
		return URI{}, errors.New("its path isn't one that every reader sees alike")
	}
	if authority, u.Port, ok = cutPort(authority); !ok {
		return URI{}, errors.New("its port isn't one from 1 to 65535")
	}
	u.Host, u.Rest = authority, rest
	if !isHost(u.Host) {
		return URI{}, errors.New("its host isn't a name or address in the usual form")
	}
	return u, nil
}

// checkBytes takes the characters of RFC 3986, and no fragment.
func checkBytes(text string) error {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '#':
			return errors.New("it has a fragment")
		case c == '%':
			if i+2 >= len(text) {
				return errors.New("a percent sign stands alone")
			}
			code, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
			if err != nil || code < ' ' || code == 0x7f {
				return errors.New("a percent sign stands for no printable character")
			}
		case !alphanumeric(c) && !strings.ContainsRune("-._~:/?[]@!$&'()*+,;=", rune(c)):
			return fmt.Errorf("it holds the byte %q", c)
		}
	}
	return nil
}

func alphanumeric(c byte) bool { return c >= 'A' && c <= 'Z' || lower(c) }
func lower(c byte) bool        { return c >= 'a' && c <= 'z' || digit(c) }
func digit(c byte) bool        { return c >= '0' && c <= '9' }

func isScheme(s string) bool {
	if s == "" || digit(s[0]) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !lower(byte(r)) && !strings.ContainsRune("+-.", r) }) && lower(s[0])
}

// dangerous are schemes that a browser takes itself, or that show or run what
// they are given.
func dangerous(scheme string) bool {
	return slices.Contains([]string{
		"about", "blob", "chrome", "data", "file", "filesystem", "ftp", "intent", "jar", "javascript", "mailto", "res", "sms", "tel", "vbscript", "view-source", "ws", "wss",
	}, scheme)
}

// cutPort cuts the port off. ok false: it isn't one, or written oddly.
func cutPort(authority string) (host, port string, ok bool) {
	at := strings.LastIndexByte(authority, ':')
	if at < 0 || at < strings.LastIndexByte(authority, ']') {
		return authority, "", true
	}
	host, port = authority[:at], authority[at+1:]
	n, err := strconv.ParseUint(port, 10, 16)
	return host, port, err == nil && n > 0 && strconv.FormatUint(n, 10) == port
}

// isHost takes names in lower case and addresses in their one usual form. A
// name whose last label is a number is an address to a browser, whatever else
// it looks like.
func isHost(host string) bool {
	if inside, ok := strings.CutPrefix(host, "["); ok {
		inside, ok = strings.CutSuffix(inside, "]")
		a, err := netip.ParseAddr(inside)
		return ok && err == nil && a.Is6() && !a.Is4In6() && a.Zone() == "" && a.String() == inside
	}
	labels := strings.Split(host, ".")
	if last := labels[len(labels)-1]; last != "" && digit(last[0]) {
		a, err := netip.ParseAddr(host)
		return err == nil && a.Is4()
	}
	return len(host) <= 253 && !slices.ContainsFunc(labels, func(l string) bool { return !isLabel(l) })
}

func isLabel(l string) bool {
	if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(l, func(r rune) bool { return r > 127 || r != '-' && !lower(byte(r)) })
}

// dotted says whether a path has a segment that readers take away: "." or
// "..", also where a dot is written with a percent sign.
func dotted(rest string) bool {
	path, _, _ := strings.Cut(rest, "?")
	for segment := range strings.SplitSeq(path, "/") {
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".", "..":
			return true
		}
	}
	return false
}
