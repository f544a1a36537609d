package api

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/wire"
)

type failure struct {
	Error failureDetail `json:"error"`
}

type failureDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// writeJSON answers with a value. Numbers inside raw JSON keep their digits.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // our own types, or JSON that was read before
	}
	setHeaders(w.Header(), "application/json")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // who is gone needs no answer
}

func setHeaders(h http.Header, kind string) {
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}

func invalid(message string, args ...any) error {
	return visit.Refuse(http.StatusBadRequest, "invalid_request", message, args...)
}

// readJSON reads a body that is one JSON object with no members but those of
// T, each once and spelled to the letter.
func readJSON[T any](a *API, w http.ResponseWriter, r *http.Request) (T, error) {
	var v T
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return v, visit.Refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "Send Content-Type: application/json.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, a.MaxBody))
	if err != nil {
		return v, unread(err)
	}
	if err := wire.Check(body); err != nil {
		return v, invalid("The body is refused: %s.", err)
	}
	if !wire.IsObject(body) {
		return v, invalid("The body must be a JSON object.")
	}
	if err := knownMembers(body, reflect.TypeFor[T]()); err != nil {
		return v, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return v, misfit(err)
	}
	return v, nil
}

// unread is for a body that could not be read whole: too large, or its
// sender is gone.
func unread(err error) error {
	if e := visit.AsError(err); e.Status == http.StatusRequestEntityTooLarge {
		return err
	}
	return invalid("The body could not be read.")
}

// knownMembers refuses members that a struct doesn't have. encoding/json
// would take another spelling of a name too, which another reader would not.
func knownMembers(object []byte, t reflect.Type) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return invalid("The body must be a JSON object.")
	}
	inner := map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		inner[name] = t.Field(i).Type
	}
	for name, raw := range members {
		field, ok := inner[name]
		if !ok {
			return invalid("Unknown member %q.", name)
		}
		if field.Kind() == reflect.Pointer && field.Elem().Kind() == reflect.Struct && !isReader(field) && wire.IsObject(raw) {
			if err := knownMembers(raw, field.Elem()); err != nil {
				return err
			}
		}
	}
	return nil
}

// isReader says whether a type reads its JSON itself.
func isReader(pointer reflect.Type) bool {
	return pointer.Implements(reflect.TypeFor[json.Unmarshaler]())
}

// allow checks that a text is one of those allowed.
func allow(name, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return invalid("%s must be one of %s.", name, strings.Join(allowed, ", "))
}
