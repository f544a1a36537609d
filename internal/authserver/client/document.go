package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/internal/uri"
	"github.com/ostiary/ostiary/store"
)

// How long what was found behind a client id is believed.
const (
	longestFresh  = 24 * time.Hour
	usualFresh    = time.Hour   // where the answer doesn't say
	shortestFresh = time.Minute // also of what may not be kept: the token endpoint asks often
	refusedFor    = time.Minute // nothing good was there
	// staleFor is how long after its last fetch a good document is taken while
	// its host is down.
	staleFor = 7 * 24 * time.Hour
)

// maxDocuments bounds what is remembered of good documents, and of what was
// none: who names many of the latter crowds out none of the former.
const maxDocuments = 1000

// documents are the metadata documents of clients, as they were last seen.
type documents struct {
	clock   ostiary.Clock
	good    *lru[document]
	bad     *lru[refusal]
	flights flights[Client]
	turns   *turns
}

type document struct {
	client Client
	until  time.Time // ask again from then on
}

type refusal struct {
	err   error
	until time.Time
}

func newDocuments(clock ostiary.Clock) *documents {
	return &documents{clock: clock, good: newLRU[document](maxDocuments), bad: newLRU[refusal](maxDocuments), turns: newTurns()}
}

func (d *documents) forget(id ostiary.ClientID) {
	d.good.forget(string(id))
	d.bad.forget(string(id))
}

// known returns what is remembered of a client and needs no asking.
func (d *documents) known(id ostiary.ClientID) (Client, bool, error) {
	now := d.clock.Now()
	if doc, ok := d.good.get(string(id)); ok && now.Before(doc.until) {
		return doc.client, true, nil
	}
	if no, ok := d.bad.get(string(id)); ok && now.Before(no.until) {
		return Client{}, true, no.err
	}
	return Client{}, false, nil
}

// Fetches says whether finding a client asks a host of which nothing is known
// yet. What was known once is asked for again at most once a minute.
func (r *Registry) Fetches(id ostiary.ClientID) bool {
	_, static := r.static[id]
	if static || !strings.HasPrefix(string(id), "https://") || r.checkID(id) != nil {
		return false
	}
	_, known, _ := r.documents.known(id)
	_, good := r.documents.good.get(string(id))
	return !known && !good
}

// document returns the client that an https URL is the id of.
func (r *Registry) document(ctx context.Context, id ostiary.ClientID) (Client, error) {
	if err := r.checkID(id); err != nil {
		return Client{}, err
	}
	if c, ok, err := r.documents.known(id); ok {
		return c, err
	}
	return r.documents.flights.do(ctx, string(id), func(ctx context.Context) (Client, error) {
		if c, ok, err := r.documents.known(id); ok {
			return c, err // somebody came back meanwhile
		}
		return r.ask(ctx, id)
	})
}

// checkID holds a URL to what a client id may be, before anything is fetched.
func (r *Registry) checkID(id ostiary.ClientID) error {
	if !r.config.Documents {
		return noDocument(errors.New("clients with metadata documents are not let in here"))
	}
	u, err := uri.Parse(string(id))
	if err != nil {
		return noDocument(err)
	}
	if path, _, _ := strings.Cut(u.Rest, "?"); path == "" || path == "/" {
		return noDocument(errors.New("the URL of a metadata document has a path"))
	}
	if len(r.config.Domains) > 0 && !slices.ContainsFunc(r.config.Domains, func(d string) bool { return strings.EqualFold(d, u.Host) }) {
		return noDocument(fmt.Errorf("metadata documents of %s are not let in here", u.Host))
	}
	return nil
}

// ask fetches a document and remembers what came of it.
func (r *Registry) ask(ctx context.Context, id ostiary.ClientID) (Client, error) {
	response, err := r.fetch(ctx, id)
	now := r.db.Clock().Now()
	if errors.Is(err, netguard.ErrDown) {
		return r.whileDown(ctx, id, now, err)
	}
	var c Client
	if err == nil {
		c, err = r.read(id, response.Body)
	}
	if err != nil {
		err = noDocument(err)
		r.config.Logger.Warn("what is behind a client id is no metadata document of it", "client", id, "error", err)
		r.documents.good.forget(string(id))
		r.documents.bad.put(string(id), refusal{err, now.Add(refusedFor)})
		return Client{}, err
	}
	c.fetched = now
	r.tellChange(id, c)
	r.documents.bad.forget(string(id))
	r.documents.good.put(string(id), document{c, now.Add(freshFor(response.Header.Get, now))})
	return c, nil
}

// fetch asks the host, in its turn.
func (r *Registry) fetch(ctx context.Context, id ostiary.ClientID) (netguard.Response, error) {
	done, err := r.documents.turns.take(ctx, hostOf(id))
	if err != nil {
		return netguard.Response{}, err
	}
	defer done()
	return r.config.Metadata.Get(ctx, string(id))
}

// read makes a client of a document.
func (r *Registry) read(id ostiary.ClientID, raw []byte) (Client, error) {
	m, err := parseMetadata(raw)
	if err != nil {
		return Client{}, err
	}
	if m.ID != string(id) {
		return Client{}, badMetadata("client_id is %.200q, which is not where it was fetched", m.ID)
	}
	c, refused, err := m.narrow(r.config.RedirectAllow, []Method{None, PrivateKey})
	if err != nil {
		return Client{}, err
	}
	for _, no := range refused {
		r.config.Logger.Info("a redirect URI of a metadata document is left out", "client", id, "redirect_uri", no.URI, "reason", no.Reason)
	}
	c.ID, c.Origin, c.Host = id, Document, hostOf(id)
	if c.Name == "" {
		c.Name = c.Host
	}
	return c, nil
}

// whileDown answers with the last good document while its host is down, and
// asks again a while later.
func (r *Registry) whileDown(ctx context.Context, id ostiary.ClientID, now time.Time, cause error) (Client, error) {
	doc, ok := r.documents.good.get(string(id))
	if !ok {
		k, _, err := r.clients.Get(ctx, string(id))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Client{}, fmt.Errorf("look for a client's last document: %w", err)
		}
		if err == nil {
			doc, ok = document{client: k.client(r.config.RedirectAllow)}, now.Before(k.KeptTill)
		}
	}
	r.config.Logger.Warn("a client's metadata document can't be fetched", "client", id, "known", ok, "error", cause)
	if !ok || now.Sub(doc.client.fetched) > staleFor {
		err := fmt.Errorf("%w: %w", ErrUnreachable, cause)
		if !errors.Is(cause, errCrowded) {
			r.documents.bad.put(string(id), refusal{err, now.Add(refusedFor)})
		}
		return Client{}, err
	}
	doc.until = now.Add(refusedFor)
	r.documents.good.put(string(id), doc)
	return doc.client, nil
}

// tellChange warns when a client returns elsewhere than it did.
func (r *Registry) tellChange(id ostiary.ClientID, c Client) {
	old, ok := r.documents.good.get(string(id))
	if ok && !slices.Equal(old.client.Redirects.URIs, c.Redirects.URIs) {
		r.config.Logger.Warn("a client's metadata document has other redirect URIs than before",
			slog.Any("client", id), slog.Any("before", old.client.Redirects.URIs), slog.Any("now", c.Redirects.URIs))
	}
}
