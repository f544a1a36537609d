package approval

import "errors"

// What can be wrong with an answer. All are returned wrapped.
var (
	ErrNotFound       = errors.New("no such approval request or grant")
	ErrNotApprover    = errors.New("not an approver of this request")
	ErrSelfApproval   = errors.New("the asking person may not approve this themself")
	ErrReauthenticate = errors.New("this needs a fresh sign-in")
	ErrDecided        = errors.New("already decided")
	ErrExpired        = errors.New("the request has expired")
	ErrScope          = errors.New("this approval scope is not offered here")
	ErrTTL            = errors.New("longer than this tool allows")
	ErrTTLMissing     = errors.New("a time-limited yes needs a time of at least a second")
	ErrAnswer         = errors.New("decision must be approve, deny or block")
	ErrReason         = errors.New("a reason may have up to 4,000 bytes")
	// ErrTooMany means that the subject has as many pending requests as the
	// operator allows.
	ErrTooMany = errors.New("too many pending approval requests")
)
