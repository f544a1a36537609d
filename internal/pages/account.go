package pages

import (
	"strings"
	"time"

	"github.com/ostiary/ostiary"
)

// An Account is the page /account, where everything of one's own begins.
type Account struct {
	Subject        string
	Email          string
	Tenant         string
	Sites          []string
	Roles          []string
	Admin          bool // an operator
	SignedInAt     time.Time
	Waiting        int // approval requests that wait for the reader
	Grants         int // approvals in force
	Tokens         int // personal tokens that work
	OperatorTokens int
	Agents         int  // connected, and working
	Linking        bool // there are accounts elsewhere to link
	// InForce are the newest yeses and remembered noes of the reader's own.
	InForce []Grant
	// Lately is what was done in the reader's name, newest first.
	Lately []Deed
}

func (Account) template() string { return "account" }
func (Account) section() string  { return "account" }
func (Account) title() string    { return "Account" }

// SiteList and RoleList are for people; they say so when there are none.
func (a Account) SiteList() string { return listOr(a.Sites, "none") }

// RoleList is like SiteList.
func (a Account) RoleList() string { return listOr(a.Roles, "none") }

func listOr(all []string, none string) string {
	if len(all) == 0 {
		return none
	}
	return strings.Join(all, ", ")
}

// A Made is a token that was made a moment ago. It is shown this once.
type Made struct {
	Name    string
	Token   ostiary.Secret
	Rotated bool // it replaces the one of this name
}

// Problems are what was wrong with a form, by field; "" is the whole form.
type Problems map[string]string

// A Choosable is something a form offers by its id.
type Choosable struct {
	ID      string
	Name    string // for people; "" means the id
	Checked bool
}

// Label is the name, or else the id.
func (c Choosable) Label() string {
	if c.Name == "" {
		return c.ID
	}
	return c.Name
}

// A Picked is a selection as a token has it.
type Picked struct {
	All bool
	IDs []string
}

// String says all, none, or which.
func (p Picked) String() string {
	if p.All {
		return "all"
	}
	return listOr(p.IDs, "none")
}
