package grants

// An Error is a refusal of the token endpoint (RFC 6749 section 5.2), of
// revocation or of introspection. Every other error is a fault.
type Error struct {
	Code        string // error
	Description string // error_description: ASCII, without quotes
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// The codes.
const (
	CodeInvalidRequest     = "invalid_request"
	CodeInvalidGrant       = "invalid_grant"
	CodeInvalidScope       = "invalid_scope"
	CodeInvalidTarget      = "invalid_target" // RFC 8707 section 2
	CodeUnauthorizedClient = "unauthorized_client"
	CodeUnsupportedGrant   = "unsupported_grant_type"
)

func invalidRequest(what string) *Error { return &Error{CodeInvalidRequest, what} }

func invalidGrant(what string) *Error { return &Error{CodeInvalidGrant, what} }

func invalidScope(scope string) *Error {
	return &Error{CodeInvalidScope, "the scope " + plain(scope) + " is more than was granted"}
}

func invalidTarget(resource string) *Error {
	return &Error{CodeInvalidTarget, "the resource " + plain(resource) + " is not one that this grant is for"}
}

func unauthorizedClient(what string) *Error { return &Error{CodeUnauthorizedClient, what} }

func unsupportedGrant() *Error {
	return &Error{CodeUnsupportedGrant, "this grant type is not one of this server"}
}

// plain is foreign text as a description may hold it (RFC 6749 section 5.2:
// %x20-21 / %x23-5B / %x5D-7E).
func plain(text string) string {
	const longest = 100
	out := make([]byte, 0, min(len(text), longest))
	for i := range min(len(text), longest) {
		c := text[i]
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			c = '?'
		}
		out = append(out, c)
	}
	return string(out)
}
