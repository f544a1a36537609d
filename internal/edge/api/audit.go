package api

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/store"
)

var auditFilters = []string{"subject", "client", "tool", "decision", "call_id", "kind", "from", "to"}

// query reads what entries are asked for, and limits it to those that the
// caller may see: operators those of their tenant, everybody else their own.
// none: there can't be any.
func query(r *http.Request, c Caller) (q audit.Query, none bool, err error) {
	values, err := filters(r, auditFilters...)
	if err != nil {
		return q, false, err
	}
	q = audit.Query{
		Tenant: c.Tenant, Subject: ostiary.Subject(values.Get("subject")), Client: ostiary.ClientID(values.Get("client")),
		Tool: ostiary.ToolID(values.Get("tool")), Decision: values.Get("decision"),
		CallID: ostiary.CallID(values.Get("call_id")), Kind: audit.Kind(values.Get("kind")),
	}
	if q.From, err = moment(values, "from"); err != nil {
		return q, false, err
	}
	if q.To, err = moment(values, "to"); err != nil {
		return q, false, err
	}
	if c.seesAll() {
		return q, false, nil
	}
	none = q.Subject != "" && q.Subject != c.User.ID
	q.Subject = c.User.ID
	return q, none, nil
}

func moment(q url.Values, name string) (time.Time, error) {
	if q.Get(name) == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, q.Get(name))
	if err != nil {
		return t, invalid("%s must be a time like 2026-01-31T12:00:00Z (RFC 3339).", name)
	}
	return t, nil
}

// SearchAudit is GET /audit.
func (a *API) SearchAudit(w http.ResponseWriter, r *http.Request, c Caller) error {
	q, none, err := query(r, c)
	if err != nil {
		return err
	}
	of, err := a.window(r, c)
	if err != nil {
		return err
	}
	if none {
		writeList[audit.Entry](w, a, of, nil, "")
		return nil
	}
	q.Limit, q.Cursor = of.limit, of.cursor
	entries, next, err := a.Audit.Search(r.Context(), q)
	if err != nil {
		return err
	}
	writeList(w, a, of, entries, next)
	return nil
}

// Checkpoint is GET /audit/checkpoint: a signed note, as text.
func (a *API) Checkpoint(w http.ResponseWriter, r *http.Request, _ Caller) error {
	note, err := a.Audit.Checkpoint(r.Context())
	if errors.Is(err, store.ErrNotFound) {
		return visit.Refuse(http.StatusNotFound, "not_found", "No checkpoint was made yet.")
	}
	if err != nil {
		return err
	}
	setHeaders(w.Header(), "text/plain; charset=utf-8")
	_, _ = w.Write(note)
	return nil
}

// ExportAudit is GET /audit/export. When it breaks off, so does the
// connection: a part of an export never looks like the whole.
func (a *API) ExportAudit(w http.ResponseWriter, r *http.Request, c Caller) error {
	q, none, err := query(r, c)
	if err != nil {
		return err
	}
	if none {
		return visit.NotFound()
	}
	out := &begun{ResponseWriter: w}
	setHeaders(w.Header(), "application/jsonl")
	if err := a.Audit.Export(r.Context(), out, q); err != nil {
		if !out.yes {
			return err
		}
		a.Logger.Error("an export of the audit log broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// begun knows whether anything was written.
type begun struct {
	http.ResponseWriter
	yes bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.ResponseWriter.Write(p)
}
