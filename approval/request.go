package approval

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
)

// A Status is where a request stands.
type Status string

// The statuses.
const (
	Pending  Status = "pending"
	Approved Status = "approved"
	Denied   Status = "denied"
	Expired  Status = "expired"
)

// A Request asks people for a yes to one call.
type Request struct {
	ID              string            `json:"id"` // req_…
	Tool            ostiary.ToolID    `json:"tool"`
	App             string            `json:"app"`
	AppName         string            `json:"app_name,omitempty"`
	Site            ostiary.Site      `json:"site"`
	Tenant          ostiary.Tenant    `json:"tenant,omitempty"`
	Subject         ostiary.Subject   `json:"subject"`
	Client          ostiary.ClientID  `json:"client"`
	ClientName      string            `json:"client_name,omitempty"`
	ClientVerified  bool              `json:"client_verified"`
	Session         ostiary.SessionID `json:"session"`
	Gate            string            `json:"gate"`
	Arguments       json.RawMessage   `json:"arguments"`
	ArgumentsDigest ostiary.Digest    `json:"arguments_digest"`
	ToolDigest      ostiary.Digest    `json:"tool_digest"`
	// ToolChanged is the definition that an earlier yes, now suspended, was
	// given for; zero when nothing changed.
	ToolChanged  ostiary.Digest   `json:"tool_changed_from,omitzero"`
	Status       Status           `json:"status"`
	Category     string           `json:"category"`
	Risk         policy.Risk      `json:"risk_level"`
	Message      string           `json:"message"` // template, not filled in
	Scopes       []Scope          `json:"allowed_scopes"`
	DefaultScope Scope            `json:"default_scope"`
	MaxTTL       int64            `json:"max_ttl"` // seconds
	Approvers    policy.Approvers `json:"approvers"`
	CreatedAt    time.Time        `json:"created_at"`
	ExpiresAt    time.Time        `json:"expires_at"`
	DecidedAt    *time.Time       `json:"decided_at"`
	Decisions    []Vote           `json:"decisions"`
	GrantID      string           `json:"grant_id,omitempty"`
	// KeptUntil is when the decided or expired request leaves the lists.
	KeptUntil time.Time `json:"kept_until"`
}

// A Vote is one person's answer.
type Vote struct {
	By        Grantor   `json:"by"`
	Decision  string    `json:"decision"` // approve, deny, block
	Scope     Scope     `json:"scope,omitempty"`
	TTL       int64     `json:"ttl,omitempty"` // seconds
	AnyClient bool      `json:"any_client,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	At        time.Time `json:"at"`
}

// Row implements store.Rower. A request belongs to the person whose agent
// asks: deleting them deletes what their agent wanted to do.
func (r Request) Row() store.Row {
	return store.Row{
		Owner:   r.Subject,
		Expires: r.KeptUntil,
		Index: []store.Index{
			{Name: "status", Value: string(r.Status)},
			{Name: "tenant_status", Value: join(string(r.Tenant), string(r.Status))},
			{Name: "subject_status", Value: join(string(r.Tenant), string(r.Subject), string(r.Status))},
			{Name: "session_status", Value: join(string(r.Session), string(r.Status))},
			{Name: "tool_status", Value: join(string(r.Tool), string(r.Status))},
		},
	}
}

// At is the request as it stands at a moment: pending ones past their end
// are expired.
func (r Request) At(now time.Time) Request {
	if r.Status == Pending && !now.Before(r.ExpiresAt) {
		r.Status = Expired
	}
	return r
}

// join makes one index value of several, so that no two lists of parts give
// the same.
func join(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(strconv.Itoa(len(p)))
		b.WriteByte(':')
		b.WriteString(p)
	}
	return b.String()
}
