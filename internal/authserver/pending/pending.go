package pending

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// Errors about requests. All are returned wrapped.
var (
	ErrNotFound = errors.New("this request is over, or was decided already")
	ErrBrowser  = errors.New("this request was begun in another browser")
	ErrPerson   = errors.New("this request is somebody else's")
	ErrNotShown = errors.New("nothing of this request was shown yet")
)

// patience is how long a request waits.
const patience = 10 * time.Minute

// Config is what a decision is held to.
type Config struct {
	GrantDefault, GrantMax time.Duration // of what is given: where the person says nothing, and at most
	Admins                 identity.Admins
}

// Requests keeps authorization requests. It is safe for concurrent use.
type Requests struct {
	db     *store.DB
	log    identity.Recorder
	users  *identity.Users
	given  *session.Sessions
	grants *grants.Grants
	config Config
	key    []byte
	table  store.Table[Request]
	told   store.Table[told]
}

// New returns the requests over db.
func New(db *store.DB, log identity.Recorder, users *identity.Users, given *session.Sessions, g *grants.Grants, c Config) *Requests {
	return &Requests{
		db: db, log: log, users: users, given: given, grants: g, config: c,
		key: db.DeriveKey("authorization requests"), table: store.NewTable[Request](db, "authorization-request"),
		told: store.NewTable[told](db, "authorization-answer"),
	}
}

// Begin keeps a request of a browser, which is known by a secret that it was
// given. The same request of the same browser is the same one: a page that is
// fetched twice, or ahead, leaves nothing more behind.
func (r *Requests) Begin(ctx context.Context, a Asked, browser ostiary.Secret) (Request, error) {
	if browser == "" {
		return Request{}, ErrBrowser
	}
	text, err := json.Marshal(a)
	if err != nil {
		return Request{}, fmt.Errorf("encode an authorization request: %w", err)
	}
	id := "ask_" + r.hash("request", browser.Reveal(), string(text))
	req := Request{ID: id, Asked: a, Browser: r.hash("browser", browser.Reveal()), Ends: r.db.Clock().Now().Add(patience)}
	err = r.db.Change(ctx, "keep an authorization request", func(tx *store.Tx) error {
		there, _, err := r.table.Get(ctx, id)
		if err == nil {
			req = there
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return r.table.Create(ctx, tx, id, req)
	})
	if err != nil {
		return Request{}, err
	}
	return req, nil
}

// hash is keyed, so that what is kept of a browser lets nobody be it.
func (r *Requests) hash(parts ...string) string {
	mac := hmac.New(sha256.New, r.key)
	for _, p := range parts {
		fmt.Fprintf(mac, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Find returns a request in the browser that it was begun in. It must return
// an error wrapping ErrNotFound or ErrBrowser for every other.
func (r *Requests) Find(ctx context.Context, id string, browser ostiary.Secret) (Request, error) {
	req, _, err := r.find(ctx, id, browser)
	return req, err
}

func (r *Requests) find(ctx context.Context, id string, browser ostiary.Secret) (Request, store.Version, error) {
	req, version, err := r.table.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Request{}, 0, ErrNotFound
	}
	if err != nil {
		return Request{}, 0, err
	}
	if browser == "" || !hmac.Equal([]byte(req.Browser), []byte(r.hash("browser", browser.Reveal()))) {
		return Request{}, 0, ErrBrowser
	}
	return req, version, nil
}

// own is find for the person whose request it is.
func (r *Requests) own(ctx context.Context, v Visit) (Request, store.Version, error) {
	req, version, err := r.find(ctx, v.ID, v.Browser)
	if err == nil && (v.Subject == "" || req.Subject != v.Subject) {
		err = ErrPerson
	}
	return req, version, err
}

// A Visit is who comes to which request.
type Visit struct {
	ID      string
	Browser ostiary.Secret
	Subject ostiary.Subject // who is signed in there
}

// Bind makes a request that of the person who has signed in for it; at says
// when. From then on it is nobody else's: another one is ErrPerson.
func (r *Requests) Bind(ctx context.Context, v Visit, at time.Time) (Request, error) {
	return r.change(ctx, v, func(req *Request) error {
		if v.Subject == "" || req.Subject != "" && req.Subject != v.Subject {
			return ErrPerson
		}
		req.Subject, req.AuthTime = v.Subject, at
		return nil
	})
}

// Show keeps what the page shows, which is what a decision is held to. What
// was shown first stays: a page that is open already must not come to mean
// more than stands on it. Apps that can't be given are left out.
func (r *Requests) Show(ctx context.Context, v Visit, apps []App) (Request, error) {
	return r.change(ctx, v, func(req *Request) error {
		if v.Subject == "" || req.Subject != v.Subject {
			return ErrPerson
		}
		if req.Offered != nil {
			return nil
		}
		req.Offered = []App{}
		for _, app := range apps {
			if req.Asked.Reaches(app.ID) {
				req.Offered = append(req.Offered, app)
			}
		}
		return nil
	})
}

func (r *Requests) change(ctx context.Context, v Visit, edit func(*Request) error) (Request, error) {
	var req Request
	err := r.db.Change(ctx, "change an authorization request", func(tx *store.Tx) error {
		var version store.Version
		var err error
		if req, version, err = r.find(ctx, v.ID, v.Browser); err != nil {
			return err
		}
		if err := edit(&req); err != nil {
			return err
		}
		return r.table.Update(ctx, tx, req.ID, req, version)
	})
	if err != nil {
		return Request{}, err
	}
	return req, nil
}
