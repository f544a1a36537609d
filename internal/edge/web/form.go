package web

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/internal/edge/visit"
)

// A form is the fields of a POST. What stands in the address is none of it.
type form struct{ values url.Values }

// readForm reads a form's body, within maxForm.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return form{}, visit.Refuse(http.StatusBadRequest, "invalid_request", "This is no form.")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return form{}, err
		}
		return form{}, visit.Refuse(http.StatusBadRequest, "invalid_request", "This form can't be read.")
	}
	return form{r.PostForm}, nil
}

// one is the value of a field that stands once; "" when it is missing or
// stands more often, so that no two readers see different values.
func (f form) one(name string) string {
	if v := f.values[name]; len(v) == 1 {
		return v[0]
	}
	return ""
}

func (f form) all(name string) []string { return f.values[name] }

// ttl reads a number of seconds. given: there was one.
func (f form) ttl() (ttl time.Duration, given bool) {
	n, err := strconv.ParseInt(f.one("ttl"), 10, 64)
	if err != nil {
		return 0, false
	}
	return visit.Seconds(n), true
}
