package pages

import (
	"net/http"
	"time"
)

// A Fault is an error page: what happened, what to do, and the call's id for
// the operator. It tells nothing of the inside.
type Fault struct {
	Status int    // an HTTP status; one without words of its own is shown as 500
	CallID string // cal_…; "" when there is none
	// Detail says in plain words what was wrong, where that helps: a form's
	// field, a page's name. It is shown as text.
	Detail string
	// RetryAfter is when to try again; 0 says nothing.
	RetryAfter time.Duration
	// SignIn is where to sign in, for 401 and 403; "" leaves it out.
	SignIn string
}

func (Fault) template() string { return "fault" }
func (Fault) section() string  { return "" }
func (f Fault) title() string  { return f.Words().Heading }

// Words are what the page says.
func (f Fault) Words() FaultText {
	if text, ok := faultTexts[f.Status]; ok {
		return text
	}
	return faultTexts[http.StatusInternalServerError]
}

// A FaultText is what an error page says: what happened and what to do.
type FaultText struct{ Heading, Happened, Do string }

var faultTexts = map[int]FaultText{
	http.StatusBadRequest: {
		"That can't be read", "What your browser sent was incomplete or not of the form we expect. Nothing was changed.",
		"Go back, reload the page and try again.",
	},
	http.StatusUnauthorized: {
		"Please sign in", "This page needs to know who you are, and your sign-in is missing or has ended.",
		"Sign in, then open the page again.",
	},
	http.StatusForbidden: {
		"Not allowed", "You may not do this, or the form was meant for another browser or person. Nothing was changed.",
		"Open the page yourself and try again. If it is still refused, ask whoever runs this Ostiary.",
	},
	http.StatusNotFound: {
		"Nothing here", "There is no such page, or it is not yours to see.",
		"Check the address, or start from your approvals.",
	},
	http.StatusMethodNotAllowed: {
		"Not this way", "This page can't be used in that way. Nothing was changed.",
		"Open it from a link or form of ours.",
	},
	http.StatusConflict: {
		"Somebody was faster", "Things changed while you looked at the page, so your answer no longer fits. Nothing was changed by it.",
		"Open the page again to see how things stand.",
	},
	http.StatusRequestEntityTooLarge: {
		"Too much at once", "What your browser sent is larger than this page takes. Nothing was changed.",
		"Send less, then try again.",
	},
	http.StatusMisdirectedRequest: {
		"Wrong address", "This Ostiary doesn't answer under the name in your address bar.",
		"Use the address that it was set up with.",
	},
	http.StatusUnprocessableEntity: {
		"That can't be done", "What was asked for goes beyond what is allowed here. Nothing was changed.",
		"Go back and choose something narrower.",
	},
	http.StatusTooManyRequests: {
		"Too many tries", "There were too many attempts in a short time.",
		"Wait a little, then try again.",
	},
	http.StatusInternalServerError: {
		"Something broke", "The fault is ours. Nothing was let through because of it.",
		"Try again. If it stays, tell whoever runs this Ostiary the number below.",
	},
	http.StatusServiceUnavailable: {
		"Not available right now", "Something that we need to decide or to keep records is out of reach, so nothing is let through.",
		"Try again soon.",
	},
}
