package mcp

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/guard"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/wire"
)

// A form is how a refusal arrives at the client.
type form uint8

// The forms.
const (
	asResult    form = iota // a tool result with isError; a JSON-RPC error for what is no tool
	asChallenge             // 401
	asWiden                 // 403, where step_up is http; else a result
)

// forms has the reasons that don't arrive as results. What is hidden is
// unknown, whatever the reason.
var forms = map[ostiary.Reason]form{
	ostiary.ReasonUnauthenticated:   asChallenge,
	ostiary.ReasonInsufficientScope: asWiden,
}

// widening are the reasons that the owner of the token can do away with.
var widening = map[ostiary.Reason]bool{
	ostiary.ReasonInsufficientScope:     true,
	ostiary.ReasonAuthorizationRequired: true,
	ostiary.ReasonToolNotConsented:      true,
}

// states are where a request stands under the reasons that tell of one.
var approvalStates = map[ostiary.Reason]approval.Status{
	ostiary.ReasonApprovalRequired: approval.Pending,
	ostiary.ReasonApprovalDenied:   approval.Denied,
	ostiary.ReasonApprovalExpired:  approval.Expired,
}

// refused answers a call that was not let through: in the first form that
// the client declared it can take.
func (q *question) refused(ctx context.Context, t target, a guard.Answer) answer {
	if ctx.Err() != nil {
		return q.abandoned(ctx)
	}
	d := a.Decision
	switch {
	case d.Reason == ostiary.ReasonUnauthenticated:
		return q.unauthenticated(q.m.ID)
	case d.Hidden:
		return q.unknown()
	case q.task != nil:
		return q.given()
	case d.Reason == ostiary.ReasonSuperseded && q.round() != nil:
		return q.errored(wire.CodeInvalidParams, "requestState: it was used before. Call again without it.", nil)
	case d.Effect == ostiary.Hold && a.Waiting != nil && q.takesSteps() && !q.declined():
		return q.step(t, a)
	case forms[d.Reason] == asWiden && q.config.StepUp == StepUpHTTP:
		return q.widen(a)
	}
	return q.told(a)
}

// told says no in words: a tool result, so that the model reads it; an error
// for what has no such results.
func (q *question) told(a guard.Answer) answer {
	text, meta := q.text(a), q.meta(a)
	if q.m.Method != wire.MethodToolsCall {
		return q.errored(wire.CodeInvalidRequest, text, data(meta))
	}
	dst := wire.AppendString([]byte(`{"content":[{"type":"text","text":`), text)
	dst = append(dst, `}],"isError":true,"_meta":`...)
	dst = append(dst, meta...)
	return q.answered(q.typed(dst, "complete"))
}

// typed ends a result of ours, with its type where the era has them.
func (q *question) typed(dst []byte, kind string) []byte {
	if q.stateless() {
		dst = wire.AppendString(append(dst, `,"resultType":`...), kind)
	}
	return append(dst, '}')
}

func data(meta []byte) []byte { return append(append([]byte(`{"_meta":`), meta...), '}') }

// step hands the step to a client that can show a link and come back.
func (q *question) step(t target, a guard.Answer) answer {
	url, text := q.approvalURL(a.Waiting.ID), q.sentence(a)
	if !q.stateless() {
		// 2025-11-25 client/elicitation, URL elicitation required error.
		elicitation := append(wire.AppendString([]byte(`{"mode":"url","url":`), url), `,"message":`...)
		elicitation = append(wire.AppendString(elicitation, text), `,"elicitationId":`...)
		elicitation = append(wire.AppendString(elicitation, a.Waiting.ID), '}')
		all := append(append([]byte(`{"elicitations":[`), elicitation...), `],"_meta":`...)
		return q.errored(wire.CodeURLElicitationRequired, text, append(append(all, q.meta(a)...), '}'))
	}
	sealed, err := q.stateOf(t, *a.Waiting)
	if err != nil {
		q.config.Logger.Error("a request state could not be sealed", "call_id", a.Call.ID, "error", err)
		return q.told(a)
	}
	dst := []byte(`{"inputRequests":{"` + stepKey + `":{"method":"elicitation/create","params":{"mode":"url","message":`)
	dst = wire.AppendString(append(wire.AppendString(dst, text), `,"url":`...), url)
	dst = wire.AppendString(append(dst, `}}},"requestState":`...), sealed)
	dst = append(append(dst, `,"_meta":`...), q.meta(a)...)
	return q.answered(q.typed(dst, "input_required"))
}

// unauthenticated is a 401 with one challenge: without an error when nothing
// was presented (RFC 6750 section 3.1).
func (x *exchange) unauthenticated(id []byte) answer {
	scope := cmp.Or(x.config.SignInScope, "mcp:read")
	challenge, text := x.challenge("", scope), "Sign in first: this endpoint needs a token."
	if x.hasToken {
		challenge, text = x.challenge("invalid_token", scope), "This token is not good here: it is unknown, expired, revoked or for another resource."
	}
	return answer{status: http.StatusUnauthorized, challenge: challenge, id: id, fault: fault(wire.CodeInvalidRequest, text, nil)}
}

// widen is a 403 that names all scopes that the call needs (RFC 6750 section
// 3.1).
func (q *question) widen(a guard.Answer) answer {
	return answer{
		status: http.StatusForbidden, id: q.m.ID, challenge: q.challenge("insufficient_scope", strings.Join(scopesOf(a), " ")),
		fault: fault(wire.CodeInvalidRequest, q.text(a), data(q.meta(a))),
	}
}

func (x *exchange) challenge(code, scope string) string {
	c := `Bearer resource_metadata="` + x.config.PublicURL + "/.well-known/oauth-protected-resource" + x.resource + `", scope="` + scope + `"`
	if code != "" {
		c += `, error="` + code + `"`
	}
	return c
}

func scopesOf(a guard.Answer) []string {
	if a.Decision.Step == nil {
		return nil
	}
	return a.Decision.Step.Scopes
}

// text is what a person or model reads: what was asked, what is needed, and
// the full link.
func (q *question) text(a guard.Answer) string {
	d := a.Decision
	switch {
	case d.Reason == ostiary.ReasonApprovalRequired && a.Waiting != nil:
		return q.sentence(a) + " Open " + q.approvalURL(a.Waiting.ID) + " to decide (until " + moment(a.Waiting.ExpiresAt) +
			"). Nothing was called. Once it is approved, make the same call again, with the same arguments."
	case q.closed(a):
		return string(a.Call.Tool.ID) + ": The app " + a.Call.Tool.App + " is not open for this agent, and apps are opened only when an agent is connected: " +
			"end it at " + q.widenURL(a) + " and connect it again. Nothing was called."
	case widening[d.Reason]:
		return string(a.Call.Tool.ID) + ": " + d.Message + " See " + q.widenURL(a) + " . Nothing was called."
	}
	if d.Reason == ostiary.ReasonUnavailable {
		return string(a.Call.Tool.ID) + ": " + d.Message
	}
	return string(a.Call.Tool.ID) + ": " + d.Message + " Nothing was called."
}

func (q *question) sentence(a guard.Answer) string {
	if a.Waiting.Approvers.Named() {
		return string(a.Call.Tool.ID) + " needs the approval of somebody else before it runs."
	}
	return string(a.Call.Tool.ID) + " needs your approval before it runs."
}

// widens says whether the token's person can give it more: those that agents
// got by a person's consent.
func (h *Handler) widens(a guard.Answer) bool {
	p := a.Call.Principal
	return h.config.SignInScope != "" && p != nil && p.Session != "" && p.Client.ID != identity.PersonalClient && string(p.Client.ID) != string(p.Subject)
}

// closed says whether an agent's person could open the app only when they
// connected it.
func (h *Handler) closed(a guard.Answer) bool {
	return h.config.NoIncremental && a.Decision.Reason == ostiary.ReasonAuthorizationRequired && h.widens(a)
}

// widenURL is where the token's person gives it more, or sees what their tokens
// reach.
func (h *Handler) widenURL(a guard.Answer) string {
	switch {
	case !h.widens(a):
		return h.config.PublicURL + "/account/tokens"
	case h.closed(a):
		return h.config.PublicURL + "/account/agents"
	}
	q := url.Values{"app": {a.Call.Tool.App}}
	if scopes := scopesOf(a); len(scopes) > 0 {
		q.Set("scope", strings.Join(scopes, " "))
	}
	return h.config.PublicURL + "/oauth/authorize?" + q.Encode()
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// meta is what every refusal and step carries in _meta.
type meta struct {
	Code string `json:"code"`

	AuthorizationRequired bool     `json:"authorization_required,omitempty"`
	App                   string   `json:"app,omitempty"`
	Tool                  string   `json:"tool,omitempty"`
	AuthURL               string   `json:"auth_url,omitempty"`
	RequiredScopes        []string `json:"required_scopes,omitzero"`
	SessionMode           string   `json:"session_mode,omitempty"`
	SupportsIncremental   *bool    `json:"supports_incremental,omitempty"`

	ApprovalURL string          `json:"approval_url,omitempty"`
	ApprovalID  string          `json:"approval_id,omitempty"`
	State       approval.Status `json:"state,omitempty"`
	Options     *options        `json:"options,omitempty"`

	Decision decision `json:"dev.ostiary/decision"`
}

// options are how far a yes may reach.
type options struct {
	AllowedScopes []approval.Scope `json:"allowedScopes"`
	DefaultScope  approval.Scope   `json:"defaultScope"`
	MaxTTLMs      int64            `json:"maxTtlMs"`
	Category      string           `json:"category"`
	RiskLevel     string           `json:"riskLevel"`
}

type decision struct {
	Reason     ostiary.Reason `json:"reason"`
	Gate       string         `json:"gate,omitempty"`
	CallID     ostiary.CallID `json:"call_id,omitempty"` // none where it can't be known who calls
	URL        string         `json:"url,omitempty"`
	ExpiresAt  string         `json:"expires_at,omitempty"`
	ApprovalID string         `json:"approval_id,omitempty"`
}

func (q *question) meta(a guard.Answer) []byte {
	d := a.Decision
	m := meta{
		Code: strings.ToUpper(string(d.Reason)), State: approvalStates[d.Reason],
		Decision: decision{Reason: d.Reason, Gate: d.Gate, CallID: a.Call.ID},
	}
	if widening[d.Reason] {
		q.fillWidening(&m, a)
	}
	if a.Waiting != nil && m.State != "" {
		q.fillApproval(&m, a.Waiting)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err) // of strings and numbers
	}
	return raw
}

func (q *question) fillWidening(m *meta, a guard.Answer) {
	incremental := q.widens(a) && !q.closed(a) // personal tokens are narrowed or made anew
	m.AuthorizationRequired, m.SupportsIncremental = true, &incremental
	m.App, m.Tool = a.Call.Tool.App, string(a.Call.Tool.ID)
	m.AuthURL = q.widenURL(a)
	m.Decision.URL = m.AuthURL
	m.RequiredScopes = append([]string{}, scopesOf(a)...) // also when there are none
	m.SessionMode = "stateful"
	if q.stateless() {
		m.SessionMode = "stateless"
	}
}

func (q *question) fillApproval(m *meta, r *approval.Request) {
	m.ApprovalURL, m.ApprovalID = q.approvalURL(r.ID), r.ID
	m.Decision.URL, m.Decision.ApprovalID, m.Decision.ExpiresAt = m.ApprovalURL, r.ID, moment(r.ExpiresAt)
	m.Options = &options{
		AllowedScopes: r.Scopes, DefaultScope: r.DefaultScope, MaxTTLMs: r.MaxTTL * 1000,
		Category: r.Category, RiskLevel: string(r.Risk),
	}
}
