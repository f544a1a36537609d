package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/wire"
	agents "github.com/ostiary/ostiary/session"
)

type question struct {
	Subject   ostiary.Subject  `json:"subject"`
	Client    ostiary.ClientID `json:"client,omitempty"`
	Tool      ostiary.ToolID   `json:"tool"`
	Arguments json.RawMessage  `json:"arguments,omitempty"`
}

type explanation struct {
	Effect string         `json:"effect"`
	Reason ostiary.Reason `json:"reason,omitempty"`
	Gates  ostiary.Trail  `json:"gates"`
}

// Explain is POST /explain. Who is no operator may ask about themself. It says
// why a tool is hidden, as the record of a refused call does: people may know
// what their agents must not.
func (a *API) Explain(w http.ResponseWriter, r *http.Request, c Caller) error {
	in, err := readJSON[question](a, w, r)
	if err != nil {
		return err
	}
	if in.Subject == "" {
		in.Subject = c.User.ID
	}
	if in.Client == "" {
		in.Client = identity.PersonalClient
	}
	if len(in.Arguments) > 0 && !wire.IsObject(in.Arguments) {
		return invalid("arguments must be a JSON object.")
	}
	user, err := a.userOf(r.Context(), c, in.Subject)
	if err != nil {
		return err
	}
	p, err := a.asker(r.Context(), user, in.Client)
	if err != nil {
		return err
	}
	endpoint := endpointOf(p)
	o := a.Catalogue.Now().ByID(in.Tool)
	if o == nil {
		return visit.NotFound()
	}
	d, trail := a.Guard.Explain(r.Context(), p, o.Tool, ostiary.Arguments{Raw: in.Arguments, Lookup: wire.Lookup}, endpoint)
	writeJSON(w, http.StatusOK, explanation{d.Effect.String(), d.Reason, trail})
	return nil
}

// asker is a person through an agent, as the youngest of its sessions that are
// in force has it; where there is none, through one that was given everything.
func (a *API) asker(ctx context.Context, user identity.User, id ostiary.ClientID) (*ostiary.Principal, error) {
	sessions, _, err := a.Sessions.List(ctx, agents.Filter{Subject: user.ID, Client: id}, maxLimit, "")
	if err != nil {
		return nil, err
	}
	for _, ses := range sessions {
		p, err := a.Resolver.Absent(ctx, user.ID, ses.ID, netip.Addr{})
		if err == nil || !errors.Is(err, identity.ErrInvalidToken) {
			return p, err
		}
	}
	return a.person(ctx, user, id)
}

// endpointOf is one that the principal's token is for.
func endpointOf(p *ostiary.Principal) string {
	if p.For(endpoint) || len(p.Resources) == 0 {
		return endpoint
	}
	return p.Resources[0]
}
