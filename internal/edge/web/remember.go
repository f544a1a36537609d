package web

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/authserver/pending"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
	"github.com/ostiary/ostiary/internal/uri"
	"github.com/ostiary/ostiary/session"
)

// remembers is the origin for which this request's yes may be remembered, and a
// remembered one counts; "": neither. Never for answers to a program on this
// computer, which can be any; and of clients that no operator set up, only where
// the person came by themself, not from a page that somebody else made.
func (a *asking) remembers(r *http.Request) string {
	u, err := uri.Parse(a.redirect)
	from := r.Header.Values("Sec-Fetch-Site")
	switch {
	case !a.Remember, err != nil, u.Scheme != "https", isHere(u.Host), len(from) != 1:
		return ""
	case a.client.Origin != client.Static && from[0] != "none":
		return ""
	}
	return origin(u)
}

// isHere says whether a host is this computer under any name.
func isHere(host string) bool {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && (addr.IsLoopback() || addr.IsUnspecified())
}

func origin(u uri.URI) string {
	if u.Port != "" {
		return u.Scheme + "://" + u.Host + ":" + u.Port
	}
	return u.Scheme + "://" + u.Host
}

// recalled is what the visitor may give again by one press; false: they are
// shown the list.
func (s *Web) recalled(ctx context.Context, c consent, chooses bool) (pending.Decision, bool, error) {
	if chooses {
		return pending.Decision{}, false, nil
	}
	return s.Pending.Recall(ctx, c.request)
}

// showAgain shows what was remembered, filled in. Nothing is given by looking
// at it.
func (s *Web) showAgain(w http.ResponseWriter, r *http.Request, v visit.Visitor, c consent, d pending.Decision) error {
	page := pages.Again{
		Action: r.URL.EscapedPath(), Agent: c.agent(), Returns: returnsTo(c.request.Asked.Redirect), Person: nameOf(v.User),
		Tier: d.Tier.String(), Skip: d.Skip, Seconds: int64(d.TTL / time.Second), Ends: s.clock.Now().Add(d.TTL), NoTools: s.NoConsent,
	}
	for _, app := range c.offer.apps {
		if !slices.Contains(d.Apps, app.ID) {
			continue
		}
		again := pages.AgainApp{ID: app.ID, Name: app.Name}
		for _, id := range d.Tools {
			if app.offers(id) {
				again.Tools = append(again.Tools, id)
			}
		}
		page.Apps = append(page.Apps, again)
	}
	return s.render(w, http.StatusOK, s.frame(v), page, formTarget(c.request.Asked.Redirect))
}

// rememberedConsents are those of a visitor, for them to see and forget.
func (s *Web) rememberedConsents(ctx context.Context, v visit.Visitor) (all []pages.RememberedConsent, err error) {
	remembered, err := s.AgentSessions.RememberedOf(ctx, v.User.ID)
	for _, m := range remembered {
		all = append(all, s.viewRemembered(m))
	}
	return all, err
}

func (s *Web) viewRemembered(m session.Remembered) pages.RememberedConsent {
	d := m.Draft
	view := pages.RememberedConsent{
		ID: m.ID, Agent: agentThen(d.Client), Origin: m.Origin,
		Tier: d.Tier, Tools: d.Consent.SelectedTools, Given: m.Given, Ends: d.Expires,
	}
	for _, app := range d.Authorized {
		view.Apps = append(view.Apps, pages.Choosable{ID: app, Name: s.appName(app)})
	}
	return view
}
