package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/internal/wire"
)

// algorithms are those that assertions may be signed with.
var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA}

// maxKeys is how many keys of a set are looked at.
const maxKeys = 50

// A verifyKey is a public key that may sign assertions.
type verifyKey struct {
	id        string
	algorithm jose.SignatureAlgorithm
	public    any
}

// parseKeys reads a JSON Web Key Set. Keys that are of no use here are passed
// over: other kinds, weak ones, those for encryption, and any that comes with
// its private half (whose type is none of those in algorithmOf).
func parseKeys(raw []byte) ([]verifyKey, error) {
	if err := wire.Check(raw); err != nil {
		return nil, badMetadata("jwks: %v", err)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, badMetadata("jwks is no set of keys: %v", err)
	}
	var out []verifyKey
	for _, one := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(one) != nil || k.Use != "" && k.Use != "sig" {
			continue
		}
		algorithm := algorithmOf(k.Key)
		if algorithm == "" || k.Algorithm != "" && k.Algorithm != string(algorithm) {
			continue
		}
		out = append(out, verifyKey{k.KeyID, algorithm, k.Key})
	}
	if len(out) == 0 {
		return nil, badMetadata("jwks holds no public key for ES256, RS256 or EdDSA")
	}
	return out, nil
}

// algorithmOf is the one algorithm that a key is for; "" for none of ours.
func algorithmOf(key any) jose.SignatureAlgorithm {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return jose.ES256
		}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= 2048 && bits <= 8192 {
			return jose.RS256
		}
	case ed25519.PublicKey:
		return jose.EdDSA
	}
	return ""
}

// fitting are the keys that a signature with this head may have been made with.
func fitting(keys []verifyKey, head jose.Header) (out []verifyKey) {
	for _, k := range keys {
		if string(k.algorithm) == head.Algorithm && (head.KeyID == "" || k.id == "" || k.id == head.KeyID) {
			out = append(out, k)
		}
	}
	return out
}

const (
	keysFresh   = time.Hour        // a set is fetched anew after this long
	keysAgain   = 30 * time.Second // and never sooner than this after the last time
	keysStale   = 24 * time.Hour   // it is taken for this long while its host is down
	maxKeySets  = 1000
	jwksContent = "application/jwk-set+json"
)

// A keyCache fetches sets of keys and remembers them.
type keyCache struct {
	clock             ostiary.Clock
	foreign, operator Fetcher
	sets              *lru[*keySet]
	flights           flights[[]verifyKey]
}

// A keySet is what was found behind a URL.
type keySet struct {
	mu      sync.Mutex
	keys    []verifyKey
	fetched time.Time // when keys came
	asked   time.Time // when they were last asked for
	err     error     // of that time
}

func newKeyCache(clock ostiary.Clock, foreign, operator Fetcher) *keyCache {
	return &keyCache{clock: clock, foreign: foreign, operator: operator, sets: newLRU[*keySet](maxKeySets)}
}

// fit returns the keys of a source that a signature may have been made with.
// An unknown key makes it ask again, since keys change; not oftener than
// keysAgain, since anybody can name one.
func (c *keyCache) fit(ctx context.Context, s keySource, head jose.Header) ([]verifyKey, error) {
	if s.set != nil {
		keys, err := parseKeys(s.set)
		return fitting(keys, head), err
	}
	keys, err := c.get(ctx, s, keysFresh)
	if err != nil {
		return nil, err
	}
	if fit := fitting(keys, head); len(fit) > 0 {
		return fit, nil
	}
	keys, err = c.get(ctx, s, keysAgain)
	return fitting(keys, head), err
}

// get returns the keys behind a URL, not older than d where that can be had.
func (c *keyCache) get(ctx context.Context, s keySource, d time.Duration) ([]verifyKey, error) {
	name := fmt.Sprint(s.operator, " ", s.url) // who may reach more shares nothing with who may not
	return c.flights.do(ctx, fmt.Sprint(d, " ", name), func(ctx context.Context) ([]verifyKey, error) {
		set := c.sets.getOr(name, &keySet{})
		set.mu.Lock() // the other d waits, and finds that keys were just asked for
		defer set.mu.Unlock()
		now := c.clock.Now()
		if now.Sub(set.fetched) >= d && now.Sub(set.asked) >= keysAgain {
			set.asked = now
			c.fetch(ctx, s, set, now)
		}
		if set.keys == nil || now.Sub(set.fetched) > keysStale {
			return nil, set.err
		}
		return set.keys, nil
	})
}

func (c *keyCache) fetch(ctx context.Context, s keySource, set *keySet, now time.Time) {
	from := c.foreign
	if s.operator {
		from = c.operator
	}
	response, err := from.Get(ctx, s.url, "application/json", jwksContent)
	var keys []verifyKey
	if err == nil {
		keys, err = parseKeys(response.Body)
	}
	var bad *Error
	switch set.err = err; {
	case err == nil:
		set.keys, set.fetched = keys, now
	case errors.As(err, &bad) || !errors.Is(err, netguard.ErrDown):
		set.keys = nil // somebody answered, with none
		set.err = fmt.Errorf("%w: %w", errNoKeys, err)
	}
}

// errNoKeys means that where the client's keys should be there are none.
var errNoKeys = errors.New("the client's keys can't be had")
