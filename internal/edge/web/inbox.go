package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// How much an inbox shows.
const (
	maxWaiting = 200
	maxGrants  = 200
	maxRecent  = 20
	maxPages   = 20 // of a list, read to find as many
)

// Inbox is GET /approvals.
func (s *Web) Inbox(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	box, err := s.inbox(r.Context(), deciderOf(v))
	if err != nil {
		return err
	}
	if done := r.URL.Query().Get("done"); done == "revoked" || done == "lifted" {
		box.Done = done
	}
	return s.show(w, http.StatusOK, v, box)
}

func (s *Web) inbox(ctx context.Context, d approval.Decider) (box pages.Inbox, err error) {
	pending, more, err := s.requests(ctx, d, approval.Pending, maxWaiting)
	if err != nil {
		return box, err
	}
	for _, r := range slices.Backward(pending) {
		if r.MayDecide(d) == nil && !r.Voted(d) {
			box.Waiting, box.More = append(box.Waiting, viewRequest(r)), more
			continue
		}
		box.Others = append(box.Others, viewRequest(r))
	}
	if box.Grants, err = s.grants(ctx, d); err != nil {
		return box, err
	}
	box.Recent, err = s.recent(ctx, d)
	return box, err
}

// requests reads the newest requests of a status that the decider may see.
func (s *Web) requests(ctx context.Context, d approval.Decider, status approval.Status, limit int) (all []approval.Request, more bool, err error) {
	cursor := ""
	for range maxPages {
		page, next, err := s.Approvals.Requests(ctx, d, status, limit, cursor)
		if err != nil {
			return nil, false, err
		}
		all, cursor = append(all, page...), next
		if len(all) >= limit || next == "" {
			break
		}
	}
	return all[:min(len(all), limit)], cursor != "" || len(all) > limit, nil
}

// grants are the yeses and noes in force that the decider may take back.
func (s *Web) grants(ctx context.Context, d approval.Decider) (all []pages.Grant, err error) {
	live := []approval.State{approval.StateApproved, approval.StateDenied, approval.StateSuspended}
	cursor := ""
	for range maxPages {
		page, next, err := s.Approvals.Grants(ctx, d, approval.GrantFilter{}, maxGrants, cursor)
		if err != nil {
			return nil, err
		}
		for _, g := range page {
			if slices.Contains(live, g.State) {
				all = append(all, s.viewGrant(g))
			}
		}
		if cursor = next; len(all) >= maxGrants || next == "" {
			break
		}
	}
	return all[:min(len(all), maxGrants)], nil
}

// recent are the last requests that are over.
func (s *Web) recent(ctx context.Context, d approval.Decider) ([]pages.Request, error) {
	var over []approval.Request
	for _, status := range []approval.Status{approval.Approved, approval.Denied, approval.Expired} {
		some, _, err := s.requests(ctx, d, status, maxRecent)
		if err != nil {
			return nil, err
		}
		over = append(over, some...)
	}
	slices.SortStableFunc(over, func(a, b approval.Request) int {
		return cmp.Compare(endOf(b), endOf(a))
	})
	var recent []pages.Request
	for _, r := range over[:min(len(over), maxRecent)] {
		recent = append(recent, viewRequest(r))
	}
	return recent, nil
}

// endOf is when a request that is over ended, in microseconds.
func endOf(r approval.Request) int64 {
	if r.DecidedAt != nil {
		return r.DecidedAt.UnixMicro()
	}
	return r.ExpiresAt.UnixMicro()
}

// Revoke is POST /approvals: it takes a yes back, or lifts a no.
func (s *Web) Revoke(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	if f.one("action") != "revoke" {
		return visit.Refuse(http.StatusBadRequest, "invalid_request", "Unknown action.")
	}
	g, err := s.Approvals.Grant(r.Context(), f.one("id"))
	if err != nil || !g.MaySee(deciderOf(v)) {
		return orNotFound(err)
	}
	done := "revoked"
	if g.State == approval.StateDenied {
		done = "lifted"
	}
	if _, err := s.Approvals.Revoke(r.Context(), g.ID, approval.UserRevoker(v.User.ID, nameOf(v.User)), ""); err != nil {
		return err
	}
	redirect(w, r, "/approvals?done="+done)
	return nil
}
