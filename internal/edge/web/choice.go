package web

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/authserver/pending"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// An answered is the consent form as it was filled in, on a page or by JSON.
type answered struct {
	Decision  string   `json:"decision"`
	Apps      []string `json:"apps"`
	Skip      []string `json:"skip"`
	Tools     []string `json:"tools"`
	Tier      string   `json:"tier"`
	Expires   int64    `json:"expires"` // seconds; 0: as proposed
	KeepAdmin flag     `json:"keep_admin"`
	Remember  flag     `json:"remember"`

	sessions []string // that an app is opened for
	scopes   []string // of the app, besides tools
}

// noTime is what an end that was said and can't be stands for: who says 0 must
// not get the end that is given where nothing is said.
const noTime = -1

// A flag is a tick: in JSON true, or what a form has for it.
type flag bool

// UnmarshalJSON takes true, 1 and "1" for a tick.
func (f *flag) UnmarshalJSON(raw []byte) error {
	*f = flag(slices.Contains([]string{"true", "1", `"1"`}, string(raw)))
	return nil
}

func answeredIn(f form) answered {
	a := answered{
		Decision: f.one("decision"), Apps: f.all("apps"), Skip: f.all("skip"), Tools: f.all("tools"), Tier: f.one("tier"), KeepAdmin: f.one("keep_admin") == "1", Remember: f.one("remember") == "1",
	}
	if text := strings.TrimSpace(f.one("expires")); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		a.Expires = n
		if err != nil || n == 0 {
			a.Expires = noTime
		}
	}
	return a
}

// problem says why an answer comes back to who gave it; "" where it is one.
// What was not on offer is no problem: it is passed over.
func (a answered) problem(o offer, longest time.Duration) string {
	if a.Tier != "" {
		if tier, ok := ostiary.ParseTier(a.Tier); !ok || tier > o.tier {
			return "Choose how far the agent reaches, among what is on offer."
		}
	}
	if a.Expires < 0 || visit.Seconds(a.Expires) > longest {
		return "An agent can't stay connected for so long here."
	}
	for _, app := range o.apps {
		opened := slices.Contains(a.Apps, app.ID)
		if opened && app.skippable && slices.Contains(a.Skip, app.ID) {
			return "You opened and skipped the same app. Choose one of both."
		}
		if !opened && slices.ContainsFunc(a.Tools, app.offers) {
			return "You chose tools of an app that you did not open: open it too, or leave them."
		}
	}
	return ""
}

// said is the answer by which the same one is known again.
func (a answered) said() (string, error) {
	text, err := json.Marshal(a)
	return string(text), err
}

// decision is the answer for the one who keeps the request.
func (a answered) decision(o offer) pending.Decision {
	tier, _ := ostiary.ParseTier(a.Tier)
	return pending.Decision{
		Allow: a.Decision == "allow", Apps: a.Apps, Skip: a.Skip, Tools: a.Tools, Tier: tier,
		Sites: ostiary.Selection{All: true}, TTL: visit.Seconds(a.Expires), KeepAdmin: o.admin && bool(a.KeepAdmin), Remember: bool(a.Remember),
	}
}
