package web

import (
	"time"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/pages"
)

// viewRequest is a request as pages show it.
func viewRequest(r approval.Request) pages.Request {
	v := pages.Request{
		ID: r.ID, Subject: string(r.Subject),
		Client: pages.Client{Name: r.ClientName, Verified: r.ClientVerified, Personal: r.Client == identity.PersonalClient},
		Tool:   r.Tool.Name(), App: r.AppName, Site: string(r.Site), Category: r.Category, Risk: string(r.Risk),
		Message: r.Message, Arguments: r.Arguments, ArgumentsDigest: r.ArgumentsDigest.String(),
		Status: string(r.Status), CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, VotesNeeded: r.Approvers.Min,
	}
	if v.App == "" {
		v.App = r.App
	}
	if v.Risk == "" {
		v.Risk = "medium"
	}
	for _, vote := range r.Decisions {
		v.Decisions = append(v.Decisions, viewVote(vote))
	}
	return v
}

func viewVote(v approval.Vote) pages.Decision {
	return pages.Decision{
		By: nameOfGrantor(v.By), Decision: v.Decision, Scope: string(v.Scope), TTL: time.Duration(v.TTL) * time.Second,
		AnyClient: v.AnyClient, Reason: v.Reason, Origin: v.By.Origin, At: v.At,
	}
}

func nameOfGrantor(g approval.Grantor) string {
	if g.DisplayName != "" {
		return g.DisplayName
	}
	return g.Identifier
}

func (s *Web) viewGrant(g approval.Grant) pages.Grant {
	v := pages.Grant{
		ID: g.ID, Subject: string(g.Subject), Client: g.ClientName, Tool: g.Tool.Name(), App: s.appName(g.Tool.App()),
		Site: string(g.Site), Scope: string(g.Scope), State: string(g.State), Block: g.Block,
		By: nameOfGrantor(g.GrantedBy), Reason: g.Reason, GrantedAt: g.GrantedAt, Uses: g.Uses, MayRevoke: true,
		Personal: g.Client == identity.PersonalClient,
	}
	if v.Client == "" {
		v.Client = string(g.Client)
	}
	if g.ExpiresAt != nil {
		v.ExpiresAt = *g.ExpiresAt
	}
	return v
}

func (s *Web) appName(id string) string {
	if a, ok := s.Catalogue.App(id); ok && a.Name != "" {
		return a.Name
	}
	return id
}
