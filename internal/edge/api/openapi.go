package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/ostiary/ostiary"
)

// Document is GET /openapi.json: what this API takes and answers, as OpenAPI
// 3.1. Its schemas are those of the very types that handlers read and write.
func (a *API) Document(w http.ResponseWriter, _ *http.Request, _ Caller) error {
	d, err := document()
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, d)
	return nil
}

type object = map[string]any

var document = sync.OnceValues(func() (object, error) {
	paths := object{}
	for _, o := range operations {
		method, path, _ := strings.Cut(o.route, " ")
		item, ok := paths[path].(object)
		if !ok {
			item = object{}
			paths[path] = item
		}
		described, err := o.describe(path)
		if err != nil {
			return nil, fmt.Errorf("describe %s: %w", o.route, err)
		}
		item[strings.ToLower(method)] = described
	}
	return object{
		"openapi": "3.1.0",
		"info":    object{"title": "Ostiary", "version": "1", "description": "The doorkeeper for agents' tools. Durations are seconds, times RFC 3339."},
		"servers": []object{{"url": "/api/v1"}},
		"paths":   paths,
		"components": object{"securitySchemes": object{
			"operator": object{"type": "http", "scheme": "bearer", "description": "An operator token (ost_op_…), made at /account/operator."},
			"browser":  object{"type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": "A browser session's cookie, and with what changes something the csrf value of GET /session."},
		}},
	}, nil
})

func (o operation) describe(path string) (object, error) {
	answer := object{"description": http.StatusText(o.status)}
	if err := o.addContent(answer, o.out); err != nil {
		return nil, err
	}
	failed := object{"description": "Refused, or not possible."}
	if err := o.addContent(failed, failure{}); err != nil {
		return nil, err
	}
	d := object{
		"summary": o.summary, "description": o.needs.words(), "security": o.needs.schemes(),
		"parameters": append(pathParameters(path), o.queryParameters()...),
		"responses":  object{fmt.Sprint(o.status): answer, "default": failed},
	}
	if o.in == nil {
		return d, nil
	}
	body := object{"required": true}
	d["requestBody"] = body
	return d, o.addContent(body, o.in)
}

// addContent says of what type a body is; nil has none, a string is a media
// type without a schema.
func (operation) addContent(to object, body any) error {
	switch body := body.(type) {
	case nil:
		return nil
	case string:
		to["content"] = object{body: object{}}
		return nil
	}
	schema, err := schemaOf(reflect.TypeOf(body))
	if err != nil {
		return err
	}
	to["content"] = object{"application/json": object{"schema": schema}}
	return nil
}

func schemaOf(t reflect.Type) (*jsonschema.Schema, error) {
	text := &jsonschema.Schema{Type: "string"}
	return jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[ostiary.Digest]():  text,
		reflect.TypeFor[ostiary.Secret]():  text,
		reflect.TypeFor[netip.Prefix]():    text,
		reflect.TypeFor[json.RawMessage](): {},
		reflect.TypeFor[selection](): {AnyOf: []*jsonschema.Schema{
			{Type: "array", Items: text}, {Enum: []any{"all"}},
		}},
	}})
}

func pathParameters(path string) []object {
	all := []object{}
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			all = append(all, object{"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": object{"type": "string"}})
		}
	}
	return all
}

func (o operation) queryParameters() (all []object) {
	for _, name := range o.query {
		schema := object{"type": "string"}
		if name == "limit" {
			schema = object{"type": "integer", "minimum": 1, "maximum": maxLimit}
		}
		all = append(all, object{"name": name, "in": "query", "schema": schema})
	}
	return all
}
