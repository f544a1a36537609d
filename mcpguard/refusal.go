package mcpguard

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/guard"
)

// DecisionKey is where `_meta` of a refusal tells the decision.
const DecisionKey = "dev.ostiary/decision"

// approvalStates are where a request stands under the reasons that tell of one.
var approvalStates = map[ostiary.Reason]approval.Status{
	ostiary.ReasonApprovalRequired: approval.Pending,
	ostiary.ReasonApprovalDenied:   approval.Denied,
	ostiary.ReasonApprovalExpired:  approval.Expired,
}

// refusal is a no that the model can read.
func (q *question) refusal(a guard.Answer) *mcp.CallToolResult {
	return &mcp.CallToolResult{
		Meta: q.meta(a), IsError: true, Content: []mcp.Content{&mcp.TextContent{Text: q.text(a)}},
	}
}

// refusedError is a no to what has no results that say so.
func (q *question) refusedError(a guard.Answer) error {
	data, err := json.Marshal(map[string]any{"_meta": q.meta(a)})
	if err != nil {
		return err
	}
	return &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: q.text(a), Data: data}
}

func (q *question) text(a guard.Answer) string {
	text := string(a.Call.Tool.ID) + ": " + a.Decision.Message
	if a.Decision.Reason != ostiary.ReasonUnavailable {
		text += " Nothing was called."
	}
	if a.Decision.Reason != ostiary.ReasonApprovalRequired || a.Waiting == nil {
		return text
	}
	if url := q.approvalURL(a.Waiting); url != "" {
		text += " Open " + url + " to decide (until " + moment(a.Waiting.ExpiresAt) + ")."
	}
	return text + " Once it is approved, make the same call again, with the same arguments."
}

func (q *question) approvalURL(r *approval.Request) string {
	if q.config.ApprovalURL == "" {
		return ""
	}
	return strings.TrimSuffix(q.config.ApprovalURL, "/") + "/" + r.ID
}

func (q *question) meta(a guard.Answer) mcp.Meta {
	d := a.Decision
	decision := map[string]any{"reason": d.Reason, "gate": d.Gate, "call_id": a.Call.ID}
	m := mcp.Meta{"code": strings.ToUpper(string(d.Reason)), DecisionKey: decision}
	if d.Step != nil && len(d.Step.Scopes) > 0 {
		m["required_scopes"] = d.Step.Scopes
	}
	r, state := a.Waiting, approvalStates[d.Reason]
	if r == nil || state == "" {
		return m
	}
	decision["approval_id"], decision["expires_at"] = r.ID, moment(r.ExpiresAt)
	m["approval_id"], m["state"] = r.ID, state
	m["options"] = map[string]any{
		"allowedScopes": r.Scopes, "defaultScope": r.DefaultScope, "maxTtlMs": r.MaxTTL * 1000, "category": r.Category, "riskLevel": r.Risk,
	}
	if url := q.approvalURL(r); url != "" {
		decision["url"], m["approval_url"] = url, url
	}
	return m
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
