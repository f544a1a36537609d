package api

import (
	"net/http"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// ListApprovals is GET /approvals.
func (a *API) ListApprovals(w http.ResponseWriter, r *http.Request, c Caller) error {
	q, err := filters(r, "status")
	if err != nil {
		return err
	}
	status := approval.Pending
	if q.Has("status") {
		status = approval.Status(q.Get("status"))
		if err := allow("status", string(status), "pending", "approved", "denied", "expired"); err != nil {
			return err
		}
	}
	of, err := a.window(r, c)
	if err != nil {
		return err
	}
	requests, next, err := a.Approvals.Requests(r.Context(), c.decider(), status, of.limit, of.cursor)
	if err != nil {
		return err
	}
	for i := range requests {
		requests[i] = filled(requests[i])
	}
	writeList(w, a, of, requests, next)
	return nil
}

// filled has the operator's sentence with the arguments' values in it, marked
// as the agent's words.
func filled(r approval.Request) approval.Request {
	if r.Message != "" {
		r.Message = pages.Message(r.Message, r.Arguments).String()
	}
	return r
}

// ShowApproval is GET /approvals/{id}.
func (a *API) ShowApproval(w http.ResponseWriter, r *http.Request, c Caller) error {
	req, err := a.Approvals.Request(r.Context(), r.PathValue("id"))
	if err != nil {
		return answerTo(err)
	}
	if !req.MaySee(c.decider()) {
		return visit.NotFound()
	}
	writeJSON(w, http.StatusOK, filled(req))
	return nil
}

type decision struct {
	Decision  string         `json:"decision"`
	Scope     approval.Scope `json:"scope,omitempty"`
	TTL       int64          `json:"ttl,omitempty"` // seconds
	AnyClient bool           `json:"any_client,omitempty"`
	Reason    string         `json:"reason,omitempty"`
}

// Decide is POST /approvals/{id}/decision.
func (a *API) Decide(w http.ResponseWriter, r *http.Request, c Caller) error {
	in, err := readJSON[decision](a, w, r)
	if err != nil {
		return err
	}
	answer := approval.Answer{Decision: in.Decision, Scope: in.Scope, TTL: visit.Seconds(in.TTL), AnyClient: in.AnyClient, Reason: in.Reason}
	req, err := a.Approvals.Decide(r.Context(), r.PathValue("id"), c.decider(), answer, a.Reauth)
	if err != nil {
		return answerTo(err)
	}
	writeJSON(w, http.StatusOK, filled(req))
	return nil
}
