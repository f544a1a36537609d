package client

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/uri"
	"github.com/ostiary/ostiary/store"
)

// MaxRegistration is how long the body of a registration may be, in bytes.
const MaxRegistration = 64 << 10

// same is for how long a registration in the same words gets the same client:
// some hosts start several of a program at once.
const same = 10 * time.Minute

// registered counts the clients that registered themselves.
const registered = "registered-clients"

// A Registration is the answer to one (RFC 7591 section 3.2.1).
type Registration struct {
	ID              ostiary.ClientID `json:"client_id"`
	IssuedAt        int64            `json:"client_id_issued_at"`
	Secret          string           `json:"client_secret,omitempty"`            // shown this once
	SecretExpiresAt *int64           `json:"client_secret_expires_at,omitempty"` // 0 beside a secret: never
	Redirects       []string         `json:"redirect_uris"`
	Refused         []Refused        `json:"refused_redirect_uris,omitempty"`
	Method          Method           `json:"token_endpoint_auth_method"`
	Grants          []string         `json:"grant_types"`
	Responses       []string         `json:"response_types"`
	ApplicationType string           `json:"application_type"`
	Scope           string           `json:"scope"`
	Name            string           `json:"client_name,omitempty"`
	Site            string           `json:"client_uri,omitempty"`
	Logo            string           `json:"logo_uri,omitempty"`
	KeysURL         string           `json:"jwks_uri,omitempty"`
	Keys            json.RawMessage  `json:"jwks,omitempty"`
}

// Register makes a client of what body says of it. Who registers from the same
// place in the same words within some minutes gets the same one; ports of
// loopback URIs make no difference, as they make none when they are used.
// Refusals are *Error; ErrDisabled and ErrFull are returned as they are.
func (r *Registry) Register(ctx context.Context, body []byte, from string, by audit.Actor) (Registration, error) {
	if !r.config.Dynamic {
		return Registration{}, ErrDisabled
	}
	if len(body) > MaxRegistration {
		return Registration{}, badMetadata("it is longer than %d bytes", MaxRegistration)
	}
	m, err := parseMetadata(body)
	if err != nil {
		return Registration{}, err
	}
	m.Methods = nil // a client registers one
	c, refused, err := m.narrow(r.config.RedirectAllow, []Method{None, Basic, Post, PrivateKey})
	if err != nil {
		return Registration{}, err
	}
	c.Origin = Registered
	secret := r.issueSecret(&c)
	before, err := r.add(ctx, &c, from, by)
	if err != nil {
		return Registration{}, err
	}
	answer := registrationOf(c, refused)
	if secret != "" && !before {
		answer.Secret, answer.SecretExpiresAt = secret.Reveal(), new(int64)
	}
	return answer, nil
}

// issueSecret makes a secret for who wants to prove itself by one.
func (r *Registry) issueSecret(c *Client) ostiary.Secret {
	if !slices.ContainsFunc(c.Methods, Method.secret) {
		return ""
	}
	secret := identity.Mint(identity.KindClientSecret)
	c.credential.hash = r.hash(secret.Reveal())
	return secret
}

func (m Method) secret() bool { return m == Basic || m == Post }

// hash is how a secret is known to storage.
func (r *Registry) hash(secret string) string {
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(secret))
	return hex.EncodeToString(mac.Sum(nil))
}

// add keeps a new client, or finds the one that has just registered in the same
// words. c is then that one, with the redirect URIs of this time.
func (r *Registry) add(ctx context.Context, c *Client, from string, by audit.Actor) (before bool, err error) {
	print := r.print(*c, from)
	err = r.db.Change(ctx, "keep a new client", func(tx *store.Tx) error {
		now := r.db.Clock().Now()
		if before, err = r.sameAs(ctx, print, c); err != nil || before {
			return err
		}
		c.ID, c.Created = ostiary.ClientID(ostiary.NewID(prefix)), now
		k := keep(*c)
		k.KeptTill = now.Add(r.config.UnusedTTL)
		if c.Public() {
			if err := r.prints.Create(ctx, tx, print, printed{c.ID, now.Add(same)}); err != nil {
				return err
			}
		}
		tx.Add(store.Add{Counter: registered, Delta: 1, Max: int64(r.config.MaxClients)})
		r.record(tx, "registered", k, by)
		return r.clients.Create(ctx, tx, string(c.ID), k)
	})
	var conflict *store.ConflictError
	if errors.As(err, &conflict) && conflict.Counter != "" {
		err = ErrFull
	}
	return before, err
}

// sameAs looks for a client of the same words. Only public ones leave a print:
// a secret can't be told again, so who wants one is a new client each time.
func (r *Registry) sameAs(ctx context.Context, print string, c *Client) (bool, error) {
	p, version, err := r.prints.Get(ctx, print)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a client of the same words: %w", err)
	}
	k, _, err := r.stored(ctx, p.ID)
	if errors.Is(err, ErrUnknown) {
		return false, r.forgetPrint(ctx, print, version)
	}
	c.ID, c.Created = k.ID, k.Created
	return err == nil, err
}

// forgetPrint makes room for a client whose likeness is gone.
func (r *Registry) forgetPrint(ctx context.Context, print string, at store.Version) error {
	var tx store.Tx
	r.prints.Delete(&tx, print, at)
	if _, err := r.db.Commit(ctx, tx); err != nil && !store.Again(err) {
		return fmt.Errorf("forget a client of the same words: %w", err)
	}
	return nil
}

// print is the same for the same words from the same place.
func (r *Registry) print(c Client, from string) string {
	k := keep(c)
	k.ID, k.Secret, k.Redirects, k.Created = "", "", nil, time.Time{}
	for _, text := range c.Redirects.URIs {
		if u, err := uri.Parse(text); err == nil && u.Loopback() {
			u.Port = ""
			text = u.String()
		}
		k.Redirects = append(k.Redirects, text)
	}
	slices.Sort(k.Redirects)
	words, err := json.Marshal(struct {
		From  string
		Words kept
	}{from, k})
	if err != nil {
		panic(err) // our own types, and JSON that was read before
	}
	return r.hash("print " + string(words))
}

func registrationOf(c Client, refused []Refused) Registration {
	keys := c.credential.keys
	return Registration{
		ID: c.ID, IssuedAt: c.Created.Unix(), Redirects: c.Redirects.URIs, Refused: refused,
		Method: c.Methods[0], Grants: c.Grants, Responses: []string{"code"}, ApplicationType: c.ApplicationType,
		Scope: strings.Join(c.Scopes, " "), Name: c.Name, Site: c.Site, Logo: c.Logo, KeysURL: keys.url, Keys: keys.set,
	}
}

func (r *Registry) record(tx *store.Tx, event string, k kept, by audit.Actor) {
	r.log.Append(tx, audit.Entry{
		Kind: audit.KindClient, Event: event, Target: string(k.ID), Actor: by,
		Detail: map[string]string{"name": k.Name, "origin": string(k.Origin), "redirect_uris": strings.Join(k.Redirects, " ")},
	})
}
