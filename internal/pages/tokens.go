package pages

import (
	"net/url"
	"time"
)

// A PersonalTokens is the page /account/tokens.
type PersonalTokens struct {
	Made   *Made
	Tokens []PersonalToken // working ones first, newest first
	Form   TokenForm
	// SignInAgain is where to sign in again before a token can be made or
	// rotated; "" when the sign-in is fresh enough.
	SignInAgain string
	// Done is what the reader just did: revoked, narrowed, or "".
	Done string
}

// A Narrowing is the page /account/tokens with the form that takes away from
// one token.
type Narrowing struct{ Form TokenForm }

// A PersonalToken is one that was made before. Its value is not known.
type PersonalToken struct {
	ID         string
	Name       string
	Hint       string // prefix and last four characters
	Tier       string
	Apps       Picked
	Tools      Picked
	Sites      Picked
	Addresses  []string // prefixes that it is good from; none: anywhere
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
	ExpiresAt  time.Time // zero: never
	EndedAt    time.Time // zero: it works
	EndReason  string    // why it ended, in words
}

// NarrowPath is where it can be narrowed.
func (t PersonalToken) NarrowPath() string {
	return "/account/tokens?" + url.Values{"narrow": {t.ID}}.Encode()
}

// AddressList is for people.
func (t PersonalToken) AddressList() string { return listOr(t.Addresses, "anywhere") }

// Label is the token's name for a button.
func (t PersonalToken) Label() Sentence { return Sentence{}.quote(t.Name) }

// A TokenForm is the form that makes or narrows a personal token: what it offers
// and what was filled in before.
type TokenForm struct {
	// Narrows is the token as it is; nil makes a new one.
	Narrows  *PersonalToken
	Problems Problems
	Name     string
	Tier     string // "" chooses read
	AllApps  bool
	Apps     []AppChoice
	AllTools bool
	AllSites bool
	Sites    []Choosable
	TTL      time.Duration // chosen; 0 chooses the default
	Default  time.Duration
	MaxTTL   time.Duration
	// AllowEndless offers a token without end, which is sent as ttl=0.
	AllowEndless bool
	CIDRs        string // as it was typed
}

// Action is what the form asks for.
func (f TokenForm) Action() string {
	if f.Narrows != nil {
		return "narrow"
	}
	return "create"
}

// OffersAllApps says whether "all" is on offer: a narrower token can't be
// given all of what it has some of.
func (f TokenForm) OffersAllApps() bool { return f.Narrows == nil || f.Narrows.Apps.All }

// OffersAllTools is like OffersAllApps.
func (f TokenForm) OffersAllTools() bool { return f.Narrows == nil || f.Narrows.Tools.All }

// OffersAllSites is like OffersAllApps.
func (f TokenForm) OffersAllSites() bool {
	return f.Narrows == nil && len(f.Sites) > 0 || f.Narrows != nil && f.Narrows.Sites.All
}

// An AppChoice is an app and its tools.
type AppChoice struct {
	Choosable
	Tools []Choosable // canonical ids
}

func (Narrowing) template() string { return "narrow" }
func (Narrowing) section() string  { return "account" }
func (Narrowing) title() string    { return "Narrow a token · Account" }

func (PersonalTokens) template() string { return "tokens" }
func (PersonalTokens) section() string  { return "account" }
func (PersonalTokens) title() string    { return "Personal tokens · Account" }

// A TierChoice is a tier and what it means.
type TierChoice struct {
	Tier    string
	Means   string
	Checked bool
}

// Tiers are the tiers on offer, the least one checked by default.
func (f TokenForm) Tiers() []TierChoice {
	all := []TierChoice{
		{"read", "look at things, change nothing", false},
		{"write", "also change, delete and run things", false},
		{"admin", "everything that you may do", false},
	}
	for i := range all {
		all[i].Checked = all[i].Tier == f.Tier || f.Tier == "" && i == 0
		if f.Narrows != nil && all[i].Tier == f.Narrows.Tier {
			return all[:i+1]
		}
	}
	return all
}

// TTLs are the times on offer.
func (f TokenForm) TTLs() []TTL {
	chosen := f.TTL
	if chosen == 0 && f.Narrows == nil {
		chosen = f.Default
	}
	all := offer(f.MaxTTL, chosen)
	if f.Narrows != nil && len(all) > 0 {
		return all[:len(all)-1] // its own end is on offer as such
	}
	return all
}

// HasTools says whether single tools can be chosen.
func (f TokenForm) HasTools() bool {
	for _, app := range f.Apps {
		if len(app.Tools) > 0 {
			return true
		}
	}
	return false
}

// An OperatorTokens is the page /account/operator.
type OperatorTokens struct {
	Made        *Made
	Tokens      []OperatorToken
	Form        OperatorForm
	SignInAgain string // as in PersonalTokens
	Done        string
}

// An OperatorToken is one that was made before.
type OperatorToken struct {
	ID        string
	Name      string
	Hint      string
	Rights    []string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Label is the token's name for a button.
func (t OperatorToken) Label() Sentence { return Sentence{}.quote(t.Name) }

// An OperatorForm is the form that makes an operator token.
type OperatorForm struct {
	Problems Problems
	Name     string
	Rights   []Choosable // those that the person has
	TTL      time.Duration
	MaxTTL   time.Duration
}

func (OperatorTokens) template() string { return "operator" }
func (OperatorTokens) section() string  { return "account" }
func (OperatorTokens) title() string    { return "Operator tokens · Account" }

// RightList is the token's rights for people.
func (t OperatorToken) RightList() string { return listOr(t.Rights, "none") }

// TTLs are the times on offer.
func (f OperatorForm) TTLs() []TTL { return offer(f.MaxTTL, f.TTL) }

// Means says what a right is good for.
func (f OperatorForm) Means(right string) string {
	return map[string]string{
		"read":    "look at requests, grants and records",
		"approve": "answer approval requests in your name",
		"admin":   "change everything that an operator may",
	}[right]
}
