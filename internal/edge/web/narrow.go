package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// showNarrowing is GET /account/tokens?narrow=…: one of the visitor's tokens,
// to take something away from it.
func (s *Web) showNarrowing(w http.ResponseWriter, r *http.Request, v visit.Visitor, id string) error {
	t, err := s.own(r, v, id)
	if err != nil {
		return err
	}
	if !t.Alive(s.clock.Now()) {
		return orOver(identity.ErrTokenOver)
	}
	return s.narrowing(w, r, v, http.StatusOK, t, asItIs(t))
}

func (s *Web) narrowing(w http.ResponseWriter, r *http.Request, v visit.Visitor, status int, t identity.Personal, f pages.TokenForm) error {
	now, chosen := s.clock.Now(), f
	view := viewToken(t, t.Created, now)
	f.Narrows = &view
	if err := s.offerSelections(r.Context(), v, &f); err != nil {
		return err
	}
	f.Apps, f.Sites = heldApps(t, f.Apps, chosen.Apps), held(t.Sites, f.Sites, chosen.Sites)
	if f.MaxTTL = s.Personal.MaxTTL; t.Expires != nil {
		f.MaxTTL = t.Expires.Sub(now)
	}
	return s.show(w, status, v, pages.Narrowing{Form: f})
}

// asItIs is the form that changes nothing.
func asItIs(t identity.Personal) pages.TokenForm {
	f := pages.TokenForm{Name: t.Name, Tier: t.Tier, AllApps: t.Apps.All, AllTools: t.Tools.All, AllSites: t.Sites.All}
	for _, id := range t.Apps.IDs {
		f.Apps = append(f.Apps, pages.AppChoice{Choosable: pages.Choosable{ID: id, Checked: true}})
	}
	for _, id := range t.Tools.IDs {
		f.Apps = append(f.Apps, pages.AppChoice{Tools: []pages.Choosable{{ID: id, Checked: true}}})
	}
	for _, id := range t.Sites.IDs {
		f.Sites = append(f.Sites, pages.Choosable{ID: id, Checked: true})
	}
	var lines []string
	for _, p := range t.CIDRs {
		lines = append(lines, p.String())
	}
	f.CIDRs = strings.Join(lines, "\n")
	return f
}

// heldApps are the apps that the token holds now, with the tools of them that it
// holds.
func heldApps(t identity.Personal, offered, chosen []pages.AppChoice) (all []pages.AppChoice) {
	offeredApps, tools := apart(offered)
	chosenApps, ticked := apart(chosen)
	for _, app := range held(t.Apps, offeredApps, chosenApps) {
		of := func(id string) bool { return ostiary.ToolID(id).App() == app.ID }
		holds := ostiary.Selection{All: t.Tools.Has(app.ID + ":*"), IDs: only(t.Tools.IDs, of)}
		mine := slices.DeleteFunc(slices.Clone(tools), func(c pages.Choosable) bool { return !of(c.ID) })
		all = append(all, pages.AppChoice{Choosable: app, Tools: held(holds, mine, ticked)})
	}
	return all
}

// apart are the apps of choices, and all of their tools.
func apart(choices []pages.AppChoice) (apps, tools []pages.Choosable) {
	for _, c := range choices {
		if c.ID != "" {
			apps = append(apps, c.Choosable)
		}
		tools = append(tools, c.Tools...)
	}
	return apps, tools
}

func only(ids []string, wanted func(string) bool) (some []string) {
	for _, id := range ids {
		if wanted(id) {
			some = append(some, id)
		}
	}
	return some
}

// held are the choices that a selection covers, and what it has besides though
// that is not on offer any more: it is not lost by narrowing something else.
func held(s ostiary.Selection, offered, chosen []pages.Choosable) []pages.Choosable {
	all := slices.DeleteFunc(slices.Clone(offered), func(c pages.Choosable) bool { return !s.Has(c.ID) })
	for _, id := range s.IDs {
		if !slices.ContainsFunc(all, func(c pages.Choosable) bool { return c.ID == id }) {
			all = append(all, pages.Choosable{ID: id, Checked: among(chosen, id)})
		}
	}
	return all
}

// narrowToken takes away from a token whatever is not ticked any more.
func (s *Web) narrowToken(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	t, err := s.own(r, v, f.one("id"))
	if err != nil {
		return err
	}
	change, err := narrowingIn(f)
	if err == nil {
		_, err = s.Tokens.Narrow(r.Context(), t.ID, change, actorOf(v))
	}
	if err == nil {
		redirect(w, r, tokensPath+"?done=narrowed")
		return nil
	}
	field, words := tokenProblem(err)
	if words == "" {
		return orOver(err)
	}
	form := chosenIn(f)
	form.Problems = pages.Problems{field: words}
	return s.narrowing(w, r, v, http.StatusUnprocessableEntity, t, form)
}

func narrowingIn(f form) (identity.Narrowing, error) {
	spec, err := specOf(f)
	n := identity.Narrowing{Name: &spec.Name, Tier: &spec.Tier, Apps: &spec.Apps, Tools: &spec.Tools, Sites: &spec.Sites, CIDRs: &spec.CIDRs}
	if f.one("ttl") != "" { // left out, the end stays
		n.TTL = &spec.TTL
	}
	return n, err
}
