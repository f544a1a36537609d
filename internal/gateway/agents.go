package gateway

import (
	"context"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/session"
)

// AgentSessions are all authorization sessions of a person and a client; ""
// stands for every one.
func (c *Core) AgentSessions(ctx context.Context, subject ostiary.Subject, client ostiary.ClientID) ([]session.Session, error) {
	var all []session.Session
	for cursor := ""; ; {
		page, next, err := c.Sessions.List(ctx, session.Filter{Subject: subject, Client: client}, 200, cursor)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" {
			return all, nil
		}
		cursor = next
	}
}
