package api

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/internal/edge/visit"
)

type leak struct {
	Tokens []string `json:"tokens"`
}

type revoked struct {
	Revoked int `json:"revoked"`
}

// maxLeaked bounds how many tokens one report names.
const maxLeaked = 100

// ReportLeak is POST /tokens/revoke-leaked: whoever holds a token may end it.
func (a *API) ReportLeak(w http.ResponseWriter, r *http.Request, _ Caller) error {
	if wait := a.leaks.Take(visit.AddressKey(visit.Address(r.Context()))); wait > 0 {
		return visit.Limited(wait)
	}
	in, err := readJSON[leak](a, w, r)
	if err != nil {
		return err
	}
	if len(in.Tokens) > maxLeaked {
		return invalid("At most %d tokens at once.", maxLeaked)
	}
	var out revoked
	for _, text := range in.Tokens {
		for _, end := range a.leaked() {
			ended, err := end(r.Context(), text)
			if err != nil {
				return err
			}
			if ended {
				out.Revoked++
			}
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// leaked are the ways to end what a token of some kind stands for.
func (a *API) leaked() []func(ctx context.Context, text string) (bool, error) {
	all := []func(ctx context.Context, text string) (bool, error){a.Tokens.Leaked, a.Operators.Leaked, a.Sessions.Leaked}
	if a.LeakedRefresh != nil {
		all = append(all, a.LeakedRefresh)
	}
	return all
}
