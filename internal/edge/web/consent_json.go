package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/wire"
)

// wantsJSON says whether a program of the operator's own page asks. A browser
// that opens the page names HTML first.
func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

// A consentState is a consent route's answer to a program.
type consentState struct {
	Consent struct {
		Available []consentTool `json:"availableTools"`
		Selected  []string      `json:"preSelected"`
		GroupBy   string        `json:"groupBy"`
	} `json:"consent"`
	Login  federatedLogin `json:"login"`
	Client consentClient  `json:"client"`
	CSRF   string         `json:"csrf"`
}

type consentTool struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	App         string   `json:"appId"`
	Scopes      []string `json:"requiredScopes"`
	Category    string   `json:"category"`
}

type consentClient struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Known    string `json:"known"` // operator, domain or registered
	Host     string `json:"host,omitempty"`
	Redirect string `json:"redirect_uri"`
	Tier     string `json:"max_tier"`
	// Scopes are those that it asked for.
	Scopes []string `json:"scopes"`
}

func (s *Web) consentState(w http.ResponseWriter, r *http.Request, v visit.Visitor, c consent) (err error) {
	agent := c.agent()
	var out consentState
	if out.Login, err = s.federatedLogin(r.Context(), v); err != nil {
		return err
	}
	out.Consent.Available, out.Consent.GroupBy = []consentTool{}, "appId"
	for _, app := range c.offer.apps {
		for _, t := range app.tools {
			out.Consent.Available = append(out.Consent.Available, consentTool{
				string(t.Tool.ID), t.Name, t.description, app.ID, append([]string{}, t.scopes...), t.category.String(),
			})
		}
	}
	out.Consent.Selected = append([]string{}, s.proposed(c.offer).Tools...)
	out.Client = consentClient{agent.ID, agent.Name, string(c.client.Kind), agent.Known, agent.Host, c.request.Asked.Redirect, c.offer.tier.String(), append([]string{}, c.request.Asked.Scopes...)}
	out.CSRF = v.Session.CSRF
	return writeJSON(w, http.StatusOK, out)
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return visit.Internal(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // who is gone needs no answer
	return nil
}

// failJSON words a refusal as the JSON API does.
func (s *Web) failJSON(w http.ResponseWriter, r *http.Request, err error) {
	e := visit.AsError(err)
	if e.Status >= http.StatusInternalServerError {
		s.Logger.Error("a consent failed", "method", r.Method, "path", r.URL.Path, "error", e.Err)
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(e.RetryAfter))
	}
	_ = writeJSON(w, e.Status, map[string]any{"error": map[string]string{"code": e.Code, "message": e.Message}})
}

// ConsentForm takes the answer to a consent page: a form of the page with its
// token, or JSON with the token in a header; from the person and browser that
// it was shown to.
func (s *Web) ConsentForm(answer func(http.ResponseWriter, *http.Request, visit.Visitor, answered) error) http.Handler {
	byForm := s.Form(func(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
		return answer(w, r, v, answeredIn(f))
	})
	byJSON := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := s.Browsers.Visitor(r)
		if err == nil {
			err = s.answerJSON(w, r, v, answer)
		}
		if err != nil {
			s.failJSON(w, r, err)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" {
			byJSON.ServeHTTP(w, r)
			return
		}
		byForm.ServeHTTP(w, r)
	})
}

func (s *Web) answerJSON(w http.ResponseWriter, r *http.Request, v visit.Visitor, answer func(http.ResponseWriter, *http.Request, visit.Visitor, answered) error) error {
	if !v.SignedIn() {
		return visit.Refuse(http.StatusUnauthorized, "unauthenticated", "Sign in first.")
	}
	if !v.Holds(r.Header.Get("X-CSRF-Token")) {
		return visit.Refuse(http.StatusForbidden, "csrf", "Send the page's csrf value in the header X-CSRF-Token.")
	}
	a, err := readAnswer(w, r)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json") // who sends JSON reads it
	return answer(w, r, v, a)
}

func readAnswer(w http.ResponseWriter, r *http.Request) (a answered, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return a, err
		}
		return a, visit.Refuse(http.StatusBadRequest, "invalid_request", "The body can't be read.")
	}
	if err := wire.Check(body); err != nil {
		return a, visit.Refuse(http.StatusBadRequest, "invalid_request", "The body is refused: %s.", err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, visit.Refuse(http.StatusBadRequest, "invalid_request", "The body is no answer to a consent page.")
	}
	if said, ok := wire.Lookup(body, "expires"); ok && a.Expires == 0 && string(said) != "null" {
		a.Expires = noTime
	}
	return a, nil
}

// ForConsent serves a consent route to who is signed in. Programs are told to
// sign in, people are sent there.
func (s *Web) ForConsent(p Page) http.Handler {
	page := s.SignedIn(p)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !wantsJSON(r) {
			page.ServeHTTP(w, r)
			return
		}
		v, err := s.Browsers.Visitor(r)
		if err == nil && !v.SignedIn() {
			err = visit.Refuse(http.StatusUnauthorized, "unauthenticated", "Sign in first.")
		}
		if err == nil {
			err = p(w, r, v)
		}
		if err != nil {
			s.failJSON(w, r, err)
		}
	})
}
