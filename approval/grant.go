package approval

import (
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
)

// A State is where a grant stands.
type State string

// The states. Denied is a remembered no; Suspended waits for a yes to the
// tool's changed definition.
const (
	StateApproved  State = "approved"
	StateDenied    State = "denied"
	StateSuspended State = "suspended"
	StateUsed      State = "used"
	StateExpired   State = "expired"
	StateRevoked   State = "revoked"
)

// A Grant is an approval in force, or a remembered denial, or what is left
// of either.
type Grant struct {
	ID              string            `json:"id"` // grt_…
	RequestID       string            `json:"approval_id,omitempty"`
	Tool            ostiary.ToolID    `json:"tool"`
	ToolDigest      ostiary.Digest    `json:"tool_digest"`
	State           State             `json:"state"`
	Scope           Scope             `json:"scope,omitempty"`
	Tenant          ostiary.Tenant    `json:"tenant,omitempty"`
	Subject         ostiary.Subject   `json:"subject"`
	Client          ostiary.ClientID  `json:"client,omitempty"` // "": any of the subject's
	ClientName      string            `json:"client_name,omitempty"`
	Site            ostiary.Site      `json:"site,omitempty"`
	Session         ostiary.SessionID `json:"session,omitempty"`
	ArgumentsDigest ostiary.Digest    `json:"arguments_digest,omitzero"`
	// Block: the denial holds for tool and site whatever the arguments,
	// session and client are.
	Block bool `json:"block,omitempty"`

	GrantedAt time.Time  `json:"granted_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	TTLMs     int64      `json:"ttl_ms,omitempty"`
	GrantedBy Grantor    `json:"granted_by"`
	Chain     []Grantor  `json:"approval_chain"`
	Reason    string     `json:"reason,omitempty"`
	Uses      int64      `json:"uses"`
	// UsedBy is the call that a yes for one use was used up by.
	UsedBy ostiary.CallID `json:"used_by,omitempty"`

	RevokedAt        *time.Time `json:"revoked_at,omitempty"`
	RevokedBy        *Revoker   `json:"revoked_by,omitempty"`
	RevocationReason string     `json:"revocation_reason,omitempty"`
	KeptUntil        time.Time  `json:"kept_until,omitzero"` // set once it is over
}

// Row implements store.Rower. Only what can still let through or stop a call
// stands in the index that calls look up.
func (g Grant) Row() store.Row {
	index := []store.Index{
		{Name: "all", Value: "all"},
		{Name: "tenant", Value: string(g.Tenant)},
		{Name: "subject", Value: join(string(g.Tenant), string(g.Subject))},
	}
	if g.live() {
		index = append(index, store.Index{Name: "tool", Value: string(g.Tool)})
		index = append(index, g.lookup()...)
		if g.Session != "" {
			index = append(index, store.Index{Name: "session", Value: string(g.Session)})
		}
		if g.ExpiresAt != nil {
			index = append(index, ending, endingIn(*g.ExpiresAt))
		}
	}
	return store.Row{Owner: g.Subject, Expires: g.KeptUntil, Index: index}
}

func (g Grant) live() bool {
	return slices.Contains([]State{StateApproved, StateDenied, StateSuspended}, g.State)
}

// lookup is where a call finds the grant: grants for one use under their
// arguments, denials for certain arguments under these and as one of some,
// all others under subject and tool.
func (g Grant) lookup() []store.Index {
	k := standingKey{g.Tenant, g.Subject, g.Tool}
	switch {
	case g.State == StateDenied && !g.Block:
		return []store.Index{k.exact(g.Session, g.ArgumentsDigest), k.some()}
	case g.State == StateApproved && g.Scope == Once:
		return []store.Index{onceIndex(g.Session, g.Tool, g.ArgumentsDigest)}
	default:
		return []store.Index{k.standing()}
	}
}

func onceIndex(session ostiary.SessionID, tool ostiary.ToolID, args ostiary.Digest) store.Index {
	return store.Index{Name: "once", Value: join(string(session), string(tool), args.String())}
}

// A standingKey is whose grants and denials of which tool.
type standingKey struct {
	tenant  ostiary.Tenant
	subject ostiary.Subject
	tool    ostiary.ToolID
}

// standing finds what may concern every call.
func (k standingKey) standing() store.Index {
	return store.Index{Name: "standing", Value: join(string(k.tenant), string(k.subject), string(k.tool))}
}

// some finds the denials that each concern certain arguments in a session:
// few calls need to know more than whether there are any.
func (k standingKey) some() store.Index {
	return store.Index{Name: "denied", Value: join(string(k.tenant), string(k.subject), string(k.tool))}
}

// exact finds the denial of these arguments in this session.
func (k standingKey) exact(session ostiary.SessionID, args ostiary.Digest) store.Index {
	return store.Index{Name: "denied_exact", Value: join(string(k.tenant), string(k.subject), string(k.tool), string(session), args.String())}
}

// At is the grant as it stands at a moment: past its end it is expired.
func (g Grant) At(now time.Time) Grant {
	if g.live() && g.ExpiresAt != nil && !now.Before(*g.ExpiresAt) {
		g.State = StateExpired
	}
	return g
}

// An Ask is what a call wants a yes for.
type Ask struct {
	Call   *ostiary.Call
	Gate   string
	Site   ostiary.Site
	Digest ostiary.Digest // of the arguments
	// Rule is what the operator lets a yes reach now, whatever was allowed when
	// it was given; nil: as far as it was given.
	Rule *policy.Approval
	// Held is how the call was held, for the entry that tells of a new request;
	// nil: it tells of the request alone.
	Held *audit.Decision
}

// waits says whether the grant is in force but for the tool's definition,
// which was another when it was given.
func (g Grant) waits(now ostiary.Digest) bool {
	return g.State == StateSuspended || g.State == StateApproved && g.ToolDigest != now
}

// reaches says whether the operator still lets a yes to more than one call
// reach as far as the grant does.
func (a Ask) reaches(g Grant) bool {
	r := a.Rule
	switch {
	case r == nil:
		return true
	case r.AlwaysPrompt || !slices.Contains(r.Scopes, string(g.Scope)):
		return false
	default:
		return g.Scope != TimeLimited || a.Call.Time.Before(g.GrantedAt.Add(r.MaxTTL))
	}
}

// covers says whether the grant's key fits the call, its state aside.
func (g Grant) covers(a Ask) bool {
	p := a.Call.Principal
	if g.Tool != a.Call.Tool.ID || g.Subject != p.Subject || g.Tenant != p.Tenant || g.Site != a.Site {
		return false
	}
	switch g.Scope {
	case Once:
		return p.Session != "" && g.Session == p.Session && g.ArgumentsDigest == a.Digest
	case Session:
		return p.Session != "" && g.Session == p.Session
	case User, TimeLimited:
		return g.Client == "" || g.Client == p.Client.ID
	default:
		return false
	}
}

// denies says whether a remembered no stops the call. A block holds for tool
// and site, and where either the no or the call names no site, for every
// one; any other no holds for the same arguments in the same session.
func (g Grant) denies(a Ask) bool {
	if g.State != StateDenied || g.Tool != a.Call.Tool.ID {
		return false
	}
	if g.Block {
		return g.Site == "" || a.Site == "" || g.Site == a.Site
	}
	return g.Session == a.Call.Principal.Session && g.ArgumentsDigest == a.Digest
}
