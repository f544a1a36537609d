package wire

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// Headers of streamable HTTP, as net/http writes them.
const (
	HeaderVersion   = "Mcp-Protocol-Version"
	HeaderMethod    = "Mcp-Method"
	HeaderName      = "Mcp-Name"
	HeaderSession   = "Mcp-Session-Id"
	HeaderLastEvent = "Last-Event-Id"
)

// Versions lists the revisions that the gateway speaks, newest first.
func Versions() []string {
	return []string{Version20260728, Version20251125, Version20250618, Version20250326}
}

// Stateless tells whether a revision has the rules of 2026-07-28: each
// request says all there is to know, headers repeat the body.
func Stateless(version string) bool { return version == Version20260728 }

// A HeaderError says that the headers of a message don't agree with its
// body. It is answered with HTTP status 400 and Code.
type HeaderError struct {
	Code   int // CodeHeaderMismatch, CodeUnsupportedVersion or CodeInvalidParams
	Header string
	Detail string
	// Requested is the version that is not supported; AppendData tells the
	// client what is.
	Requested string
}

func (e *HeaderError) Error() string { return e.Header + ": " + e.Detail }

// AppendData appends the data of the JSON-RPC error where it must have some
// (schema, UnsupportedProtocolVersionError); else nothing.
func (e *HeaderError) AppendData(dst []byte) []byte {
	if e.Code != CodeUnsupportedVersion {
		return dst
	}
	dst = append(dst, `{"supported":[`...)
	for i, version := range Versions() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, version)
	}
	dst = append(dst, `],"requested":`...)
	return append(AppendString(dst, e.Requested), '}')
}

func mismatch(header, format string, args ...any) error {
	return &HeaderError{Code: CodeHeaderMismatch, Header: header, Detail: fmt.Sprintf(format, args...)}
}

// ProtocolVersion returns the revision by which a message is to be read. get
// returns all values of a header, as http.Header.Values does.
//
// A message whose _meta names a version is one of 2026-07-28 or later, and
// its header must name the same. Without header it is an initialize, or one
// of 2025-03-26, which had no such header (2025-06-18, Protocol Version
// Header). Errors are HeaderErrors.
func ProtocolVersion(get func(string) []string, m *Message) (string, error) {
	header, err := single(get, HeaderVersion)
	if err != nil {
		return "", err
	}
	body := m.Meta.ProtocolVersion
	switch {
	case body != "" && header != body:
		return "", mismatch(HeaderVersion, "%s, and the body says %s", excerpt([]byte(header)), excerpt([]byte(body)))
	case header == "":
		return Version20250326, nil
	case !slices.Contains(Versions(), header):
		return "", &HeaderError{
			Code: CodeUnsupportedVersion, Header: HeaderVersion, Requested: header,
			Detail: excerpt([]byte(header)) + " is not supported",
		}
	case Stateless(header) && m.Kind == Request && (body == "" || m.Meta.ClientCapabilities == nil):
		return "", &HeaderError{
			Code: CodeInvalidParams, Header: HeaderVersion,
			Detail: header + " wants " + MetaProtocolVersion + " and " + MetaClientCapabilities + " in params._meta",
		}
	}
	return header, nil
}

// CheckHeaders holds the headers to the body: those that 2026-07-28 requires
// must be there, and what is there must be there once and equal the body.
// Somebody between the client and us may have let the message pass by what
// the headers said. Errors are HeaderErrors.
//
// Messages of older revisions need no such headers; if they carry them they
// must be right all the same. A header without a counterpart in the body
// agrees with nothing.
func CheckHeaders(get func(string) []string, m *Message) error {
	version, err := ProtocolVersion(get, m)
	if err != nil {
		return err
	}
	required := Stateless(version) && m.Kind == Request
	if err := checkHeader(get, HeaderMethod, m.Method, required, plainValue); err != nil {
		return err
	}
	return checkHeader(get, HeaderName, m.Name, required && needsName(m.Method), DecodeHeader)
}

// needsName tells for which methods Mcp-Name is required (2026-07-28,
// Standard Request Headers; tasks, Routing Headers).
func needsName(method string) bool {
	switch method {
	case MethodToolsCall, MethodPromptsGet, MethodResourcesRead, MethodTasksGet, MethodTasksUpdate, MethodTasksCancel:
		return true
	}
	return false
}

func checkHeader(get func(string) []string, name, body string, required bool, decode func(string) (string, bool)) error {
	value, err := single(get, name)
	if err != nil {
		return err
	}
	if value == "" && len(get(name)) == 0 {
		if required {
			return mismatch(name, "missing")
		}
		return nil
	}
	decoded, ok := decode(value)
	if !ok {
		return mismatch(name, "no valid value: %s", excerpt([]byte(value)))
	}
	if decoded != body {
		return mismatch(name, "%s, and the body says %s", excerpt([]byte(decoded)), excerpt([]byte(body)))
	}
	return nil
}

// single returns the value of a header that may be there once; "" when it
// isn't.
func single(get func(string) []string, name string) (string, error) {
	values := get(name)
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", mismatch(name, "there %d times", len(values))
}

func plainValue(value string) (string, bool) { return value, !needsEncoding(value) }

const (
	encodedPrefix = "=?base64?"
	encodedSuffix = "?="
)

// EncodeHeader returns the value of Mcp-Name or Mcp-Param-* for a text: the
// text itself, or its base64 form where it could not stand in a header or
// would look like that form (2026-07-28, Value Encoding).
func EncodeHeader(text string) string {
	if !needsEncoding(text) {
		return text
	}
	return encodedPrefix + base64.StdEncoding.EncodeToString([]byte(text)) + encodedSuffix
}

// DecodeHeader returns the text of such a value; not ok where it holds what
// no such value may.
func DecodeHeader(value string) (text string, ok bool) {
	if !isEncoded(value) || !isVisible(value) {
		return plainValue(value)
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(value[len(encodedPrefix) : len(value)-len(encodedSuffix)])
	return string(decoded), err == nil
}

func isEncoded(value string) bool {
	return len(value) >= len(encodedPrefix)+len(encodedSuffix) &&
		strings.HasPrefix(value, encodedPrefix) && strings.HasSuffix(value, encodedSuffix)
}

// needsEncoding tells which texts may not be written as they are: all but
// visible ASCII with spaces and tabs inside (RFC 9110 section 5.5).
func needsEncoding(text string) bool {
	return !isVisible(text) || strings.Trim(text, " \t") != text || isEncoded(text)
}

func isVisible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') })
}
