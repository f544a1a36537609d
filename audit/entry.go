package audit

import (
	"encoding/json"
	"net/netip"
	"time"

	"github.com/ostiary/ostiary"
)

// A Kind says what an entry tells of.
type Kind string

// The kinds.
const (
	KindIntent   Kind = "intent"  // a call is about to be sent upstream
	KindOutcome  Kind = "outcome" // how it ended
	KindRefusal  Kind = "refusal" // a call that was not let through
	KindApproval Kind = "approval"
	KindGrant    Kind = "grant"
	KindSession  Kind = "session"
	KindToken    Kind = "token"
	KindClient   Kind = "client"
	KindVault    Kind = "vault"
	KindSkill    Kind = "skill"
	KindPolicy   Kind = "policy"
	KindAdmin    Kind = "admin"
	KindAuth     Kind = "auth"
)

// A Status is how an allowed call ended.
type Status string

// The statuses. Unknown stands only where a crash, or a connection that was
// lost after bytes were sent, lay between.
const (
	StatusOK      Status = "ok"
	StatusError   Status = "error"
	StatusUnknown Status = "unknown"
	StatusNotSent Status = "not_sent" // proven: nothing left the process
)

// EventEntrusted marks the outcome of a call that an upstream has taken on as a
// task, which Target names: it goes on, and another outcome with that Target
// tells how it ended.
const EventEntrusted = "entrusted"

// EventCutOff marks the outcome of a call that was ended because its caller was
// no longer let in while the answer was on the way to them.
const EventCutOff = "cut_off"

// An Entry is one line of the log. Seq, Log and Time are filled in when it is
// appended. People appear by id only.
type Entry struct {
	Seq           uint64          `json:"seq"`
	Log           string          `json:"log"`
	Time          time.Time       `json:"time"`
	CallID        ostiary.CallID  `json:"call_id,omitempty"`
	Kind          Kind            `json:"kind"`
	Actor         Actor           `json:"actor"`
	Tool          ostiary.ToolID  `json:"tool,omitempty"`
	Arguments     json.RawMessage `json:"arguments,omitempty"` // keyed digest, redacted copy, or nothing
	Decision      *Decision       `json:"decision,omitempty"`
	ApprovalID    string          `json:"approval_id,omitempty"`
	GrantID       string          `json:"grant_id,omitempty"`
	PolicyVersion string          `json:"policy_version,omitempty"`
	ToolDigest    string          `json:"tool_digest,omitempty"`
	Upstream      *Upstream       `json:"upstream,omitempty"`
	// Event says what happened to Target, for kinds that are not calls:
	// "created", "revoked", "approved".
	Event  string            `json:"event,omitempty"`
	Target string            `json:"target,omitempty"`
	Detail map[string]string `json:"detail,omitempty"`

	// RawArguments are the call's arguments; the log keeps of them what
	// `audit.arguments` says.
	RawArguments []byte `json:"-"`
}

// An Actor is who did it.
type Actor struct {
	Tenant  ostiary.Tenant    `json:"tenant,omitempty"`
	Subject ostiary.Subject   `json:"subject,omitempty"`
	Client  ostiary.ClientID  `json:"client,omitempty"`
	Session ostiary.SessionID `json:"session,omitempty"`
	IPClass string            `json:"ip_class,omitempty"` // loopback, private or public
}

// ActorOf is the actor of a principal; nil is nobody.
func ActorOf(p *ostiary.Principal) Actor {
	if p == nil {
		return Actor{}
	}
	return Actor{Tenant: p.Tenant, Subject: p.Subject, Client: p.Client.ID, Session: p.Session}
}

// IPClass says of an address only what the log may tell: loopback, private or
// public; "" when it is not known.
func IPClass(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return ""
	case a.IsLoopback():
		return "loopback"
	case a.IsPrivate(), a.IsLinkLocalUnicast():
		return "private"
	default:
		return "public"
	}
}

// A Decision is what was decided, and by which gate.
type Decision struct {
	Effect string         `json:"effect"`
	Reason ostiary.Reason `json:"reason,omitempty"`
	Gate   string         `json:"gate,omitempty"`
	Rule   string         `json:"rule,omitempty"` // of the configuration, that Gate went by; of a pass: that an exception was made by
	// Trail names the gates that were asked, in order: all passed but Gate.
	Trail []string `json:"trail,omitempty"`
}

// Upstream is how an allowed call ended.
type Upstream struct {
	Status     Status `json:"status"`
	DurationMs int64  `json:"durationMs"`
	Bytes      int64  `json:"bytes"`
}
