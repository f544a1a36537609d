package pending

import (
	"context"
	"crypto/hmac"
	"errors"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/store"
)

// again is for how long an answer that is sent again hears what it heard: of a
// double click the browser shows only what the second one hears.
const again = time.Minute

// told is what a decision was answered with. The code in it is sealed under
// what the browser alone has.
type told struct {
	Asked   Asked           `json:"asked"`
	Browser string          `json:"browser"`
	Subject ostiary.Subject `json:"subject"`
	Said    string          `json:"said"` // hash
	Code    []byte          `json:"code,omitempty"`
	Till    time.Time       `json:"till"`
}

// Row implements store.Rower.
func (t told) Row() store.Row { return store.Row{Owner: t.Subject, Expires: t.Till} }

const codeSealing = "code of a decision"

// tell adds to tx what the same answer is to hear again.
func (r *Requests) tell(ctx context.Context, tx *store.Tx, v Visit, req Request, said string, out Outcome) error {
	if said == "" {
		return nil
	}
	t := told{Asked: req.Asked, Browser: req.Browser, Subject: req.Subject, Said: r.hash("said", said), Till: r.db.Clock().Now().Add(again)}
	if out.Code != "" {
		var err error
		if t.Code, err = grants.SealFor(v.Browser, codeSealing, req.ID, out.Code); err != nil {
			return err
		}
	}
	return r.told.Put(ctx, tx, req.ID, t)
}

// Again returns what a decision came to, to who sends the very same answer
// again from the same browser within a minute: nothing is decided twice, and
// the code is the one that was made. Everything else is ErrNotFound.
func (r *Requests) Again(ctx context.Context, v Visit, said string) (Outcome, error) {
	t, _, err := r.told.Get(ctx, v.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !r.same(t, v, said) {
		return Outcome{}, ErrNotFound
	}
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Redirect: t.Asked.Redirect, State: t.Asked.State, Asked: t.Asked}
	if t.Code == nil {
		return out, nil
	}
	code, err := grants.OpenFor(v.Browser, codeSealing, v.ID, t.Code)
	if err != nil {
		return Outcome{}, err
	}
	good, err := r.grants.Issued(ctx, code)
	if good {
		out.Code = code
	}
	out.Used = !good
	return out, err
}

func (r *Requests) same(t told, v Visit, said string) bool {
	return v.Browser != "" && v.Subject != "" && said != "" && t.Subject == v.Subject &&
		hmac.Equal([]byte(t.Browser), []byte(r.hash("browser", v.Browser.Reveal()))) &&
		hmac.Equal([]byte(t.Said), []byte(r.hash("said", said)))
}
