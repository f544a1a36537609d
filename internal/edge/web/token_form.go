package web

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// offerSelections fills in what a token can be given, with what was chosen
// before: apps, the tools of them that the person may know of, their sites.
func (s *Web) offerSelections(ctx context.Context, v visit.Visitor, f *pages.TokenForm) error {
	person, err := s.person(ctx, v)
	if err != nil {
		return err
	}
	chosen := f.Apps
	f.Apps = nil
	for _, a := range s.Catalogue.Apps() {
		choice := pages.AppChoice{Choosable: pages.Choosable{ID: a.ID, Name: a.Name, Checked: ticked(chosen, a.ID)}}
		for _, o := range s.Catalogue.Now().Tools("") {
			if o.Tool.App == a.ID && s.Guard.Visible(ctx, person, o.Tool, "/mcp") {
				id := string(o.Tool.ID)
				choice.Tools = append(choice.Tools, pages.Choosable{ID: id, Name: o.Name, Checked: toolTicked(chosen, id)})
			}
		}
		f.Apps = append(f.Apps, choice)
	}
	sites := f.Sites
	f.Sites = nil
	for _, site := range person.Sites {
		f.Sites = append(f.Sites, pages.Choosable{ID: string(site), Checked: among(sites, string(site))})
	}
	return nil
}

func ticked(apps []pages.AppChoice, id string) bool {
	return slices.ContainsFunc(apps, func(a pages.AppChoice) bool { return a.ID == id && a.Checked })
}

func toolTicked(apps []pages.AppChoice, id string) bool {
	return slices.ContainsFunc(apps, func(a pages.AppChoice) bool { return among(a.Tools, id) })
}

func among(all []pages.Choosable, id string) bool {
	return slices.ContainsFunc(all, func(c pages.Choosable) bool { return c.ID == id && c.Checked })
}

func specOf(f form) (identity.PersonalSpec, error) {
	tier, _ := ostiary.ParseTier(f.one("tier"))
	ttl, given := f.ttl()
	cidrs, err := cidrsIn(f)
	return identity.PersonalSpec{
		Name: f.one("name"), Tier: tier, TTL: ttl, Endless: given && ttl == 0, CIDRs: cidrs,
		Apps: selectionOf(f.all("apps")), Tools: selectionOf(f.all("tools")), Sites: selectionOf(f.all("sites")),
	}, err
}

// cidrsIn are the prefixes that a form names, apart by spaces, commas or lines.
func cidrsIn(f form) (all []netip.Prefix, err error) {
	apart := func(r rune) bool { return r == ',' || unicode.IsSpace(r) }
	for _, text := range strings.FieldsFunc(f.one("cidrs"), apart) {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, identity.ErrTokenCIDR
		}
		all = append(all, p)
	}
	return all, nil
}

// selectionOf reads ticks: "all" takes everything, none nothing.
func selectionOf(ids []string) ostiary.Selection {
	if slices.Contains(ids, "all") {
		return ostiary.Selection{All: true}
	}
	return ostiary.Selection{IDs: ids}
}

// chosenIn is the form as it was filled in.
func chosenIn(f form) pages.TokenForm {
	ttl, _ := f.ttl()
	form := pages.TokenForm{
		Name: f.one("name"), Tier: f.one("tier"), TTL: ttl, CIDRs: f.one("cidrs"),
		AllApps: slices.Contains(f.all("apps"), "all"), AllTools: slices.Contains(f.all("tools"), "all"), AllSites: slices.Contains(f.all("sites"), "all"),
	}
	for _, id := range f.all("apps") {
		form.Apps = append(form.Apps, pages.AppChoice{Choosable: pages.Choosable{ID: id, Checked: true}})
	}
	for _, id := range f.all("tools") {
		form.Apps = append(form.Apps, pages.AppChoice{Tools: []pages.Choosable{{ID: id, Checked: true}}})
	}
	for _, id := range f.all("sites") {
		form.Sites = append(form.Sites, pages.Choosable{ID: id, Checked: true})
	}
	return form
}

// tokenProblem tells which field was wrong, and how; no words for a fault.
func tokenProblem(err error) (field, words string) {
	for _, p := range []struct {
		err          error
		field, words string
	}{
		{identity.ErrTokenName, "name", "A token needs a name of up to 100 characters."},
		{identity.ErrTokenNamed, "name", "You have a token of this name already."},
		{identity.ErrTokenTier, "tier", "Choose how far the token reaches."},
		{identity.ErrTokenTTL, "ttl", "A token can't live that long here."},
		{identity.ErrTokenWider, "", "A token can only be narrowed. For more, make a new one."},
		{identity.ErrTokenShort, "ttl", "A token has to live for some time."},
		{identity.ErrTokenCIDR, "cidrs", "Write prefixes such as 192.0.2.0/24 or 2001:db8::/32, one a line."},
		{identity.ErrTokenAdmin, "", "You have admin rights, and no program may act for people who have."},
		{identity.ErrTokenEndless, "ttl", "Tokens without an end are not allowed here."},
		{identity.ErrRightNone, "rights", "Choose at least one right."},
		{identity.ErrRight, "rights", "You can't give a right that you don't have."},
	} {
		if errors.Is(err, p.err) {
			return p.field, p.words
		}
	}
	return "", ""
}
