package pages

import "time"

// A PersonalTokens is the page /account/tokens.
type PersonalTokens struct {
	Made   *Made
	Tokens []PersonalToken // working ones first, newest first
	Form   TokenForm
	// SignInAgain is where to sign in again before a token can be made or
	// rotated; "" when the sign-in is fresh enough.
	SignInAgain string
	// Done is what the reader just did: revoked, or "".
	Done string
}

// A PersonalToken is one that was made before. Its value is not known.
type PersonalToken struct {
	ID         string
	Name       string
	Hint       string // prefix and last four characters
	Tier       string
	Apps       Picked
	Tools      Picked
	Sites      Picked
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
	ExpiresAt  time.Time // zero: never
	EndedAt    time.Time // zero: it works
	EndReason  string    // revoked, expired
}

// Label is the token's name for a button.
func (t PersonalToken) Label() Sentence { return Sentence{}.quote(t.Name) }

// A TokenForm is the form that makes a personal token: what it offers and
// what was filled in before.
type TokenForm struct {
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
}

// An AppChoice is an app and its tools.
type AppChoice struct {
	Choosable
	Tools []Choosable // canonical ids
}

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
	}
	return all
}

// TTLs are the times on offer.
func (f TokenForm) TTLs() []TTL {
	chosen := f.TTL
	if chosen == 0 {
		chosen = f.Default
	}
	return offer(f.MaxTTL, chosen)
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
