package approval

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// Requests returns a page of the requests of a status that the decider may
// see, newest first. A page may hold fewer than limit, even none, while next
// says that there are more.
func (s *Service) Requests(ctx context.Context, d Decider, status Status, limit int, cursor string) ([]Request, string, error) {
	if status == Expired && cursor == "" {
		// What has run out but is not swept yet stands among the pending.
		if err := s.sweepRequests(ctx, requestIndex(d, Pending)); err != nil {
			return nil, "", err
		}
	}
	items, next, err := s.requests.List(ctx, requestIndex(d, status), limit, cursor)
	if err != nil {
		return nil, "", err
	}
	var out []Request
	for _, it := range items {
		if r := it.Value.At(s.clock.Now()); r.Status == status && r.MaySee(d) {
			out = append(out, r)
		}
	}
	return out, next, nil
}

func requestIndex(d Decider, status Status) store.Index {
	if d.Admin && d.Tenant == "" {
		return store.Index{Name: "status", Value: string(status)}
	}
	return store.Index{Name: "tenant_status", Value: join(string(d.Tenant), string(status))}
}

// A GrantFilter selects grants and remembered denials. Zero fields select all.
type GrantFilter struct {
	Subject ostiary.Subject
	Tool    ostiary.ToolID
	State   State
}

// Grants returns a page of the grants and denials that the decider may see:
// their own, and as an operator those of the tenant. Newest first; a page may
// hold fewer than limit while next says that there are more.
func (s *Service) Grants(ctx context.Context, d Decider, f GrantFilter, limit int, cursor string) ([]Grant, string, error) {
	items, next, err := s.grants.List(ctx, grantIndex(d), limit, cursor)
	if err != nil {
		return nil, "", err
	}
	var out []Grant
	for _, it := range items {
		g, err := s.present(ctx, it.Value)
		if err != nil {
			return nil, "", err
		}
		if g.MaySee(d) && f.fits(g) {
			out = append(out, g)
		}
	}
	return out, next, nil
}

// Equals counts how often since a time somebody said yes to a call of the
// request's tool, site, subject and client, for that call or its session
// alone: each could have been spared by a wider yes.
func (s *Service) Equals(ctx context.Context, r Request, since time.Time) (int, error) {
	own := store.Index{Name: "subject", Value: join(string(r.Tenant), string(r.Subject))}
	for n, cursor := 0, ""; ; {
		items, next, err := s.grants.List(ctx, own, equalsAtOnce, cursor)
		if err != nil {
			return 0, fmt.Errorf("count equal approvals: %w", err)
		}
		for _, it := range items {
			if it.Value.GrantedAt.Before(since) {
				return n, nil // they come newest first
			}
			if it.Value.equals(r) {
				n++
			}
		}
		if cursor = next; next == "" {
			return n, nil
		}
	}
}

const equalsAtOnce = 200

func (g Grant) equals(r Request) bool {
	return g.Tool == r.Tool && g.Site == r.Site && g.Client == r.Client && (g.Scope == Once || g.Scope == Session)
}

func grantIndex(d Decider) store.Index {
	switch {
	case !d.Admin:
		return store.Index{Name: "subject", Value: join(string(d.Tenant), string(d.Subject))}
	case d.Tenant != "":
		return store.Index{Name: "tenant", Value: string(d.Tenant)}
	default:
		return store.Index{Name: "all", Value: "all"}
	}
}

func (f GrantFilter) fits(g Grant) bool {
	return (f.Subject == "" || f.Subject == g.Subject) && (f.Tool == "" || f.Tool == g.Tool) && (f.State == "" || f.State == g.State)
}

// MaySee says whether a grant is the decider's own, or they are an operator
// of its tenant. Only they may revoke it.
func (g Grant) MaySee(d Decider) bool {
	if d.Admin {
		return d.Tenant == "" || d.Tenant == g.Tenant
	}
	return d.Tenant == g.Tenant && d.Subject == g.Subject
}
