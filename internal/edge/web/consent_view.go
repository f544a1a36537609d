package web

import (
	"net/http"
	"slices"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// showConsent shows the form as it is filled in.
func (s *Web) showConsent(w http.ResponseWriter, r *http.Request, v visit.Visitor, c consent, status int, a answered, problem string) error {
	tier := a.Tier
	if t, ok := ostiary.ParseTier(tier); !ok || t > c.offer.tier {
		tier = ostiary.TierRead.String()
	}
	agent, returns := c.agent(), returnsTo(c.request.Asked.Redirect)
	agent.Unproven = returns.Loopback
	page := pages.Consent{
		Action: r.URL.EscapedPath(), Agent: agent, Returns: returns, Message: s.ConsentMessage, Person: nameOf(v.User),
		Tier: tier, MaxTier: c.offer.tier.String(), NoTools: s.NoConsent, AllowSkip: s.AllowSkip, End: visit.Seconds(a.Expires), MaxEnd: s.GrantMax,
		Admin: c.offer.admin, KeepAdmin: bool(a.KeepAdmin), Remembers: c.request.Asked.Origin != "", Remember: bool(a.Remember), Apps: s.viewApps(c.offer, a), Problem: problem,
	}
	page.Providers = len(s.Federated) > 0
	for _, site := range c.offer.sites {
		page.Sites = append(page.Sites, string(site))
	}
	return s.render(w, status, s.frame(v), page, formTarget(c.request.Asked.Redirect))
}

func (s *Web) viewApps(o offer, a answered) (all []pages.ConsentApp) {
	for _, app := range o.apps {
		view := pages.ConsentApp{
			Choosable: pages.Choosable{ID: app.ID, Name: app.Name, Checked: slices.Contains(a.Apps, app.ID)}, Description: app.Description,
			Asked: app.scopes, MaxTier: app.tier.String(), State: app.state, Skipped: slices.Contains(a.Skip, app.ID), Whole: slices.Contains(a.Tools, app.ID+":*"),
			Reads: s.SkippedApps != nil && slices.Contains(s.SkippedApps(), app.ID),
		}
		for _, kind := range kinds {
			group := pages.ToolGroup{Kind: kind}
			for _, t := range app.tools {
				if kindOf(t.category) == kind {
					group.Tools = append(group.Tools, viewTool(t, a))
				}
			}
			if group.Tools != nil {
				view.Groups = append(view.Groups, group)
			}
		}
		all = append(all, view)
	}
	return all
}

func viewTool(t offeredTool, a answered) pages.ConsentTool {
	id := string(t.Tool.ID)
	return pages.ConsentTool{
		Choosable: pages.Choosable{ID: id, Name: t.Name, Checked: slices.Contains(a.Tools, id)}, Description: t.description, Scopes: t.scopes, Had: t.had, Admin: t.admin,
	}
}

// kinds are the groups that tools are shown in.
var kinds = []string{"read", "write", "destructive"}

func kindOf(c ostiary.Category) string {
	switch c {
	case ostiary.CategoryRead:
		return "read"
	case ostiary.CategoryWrite:
		return "write"
	default:
		return "destructive"
	}
}
