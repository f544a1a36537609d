package client

import (
	"context"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary"
)

// IssuerKeys are the keys of others than clients: of issuers whose JWTs are
// taken. They are remembered, and asked for, as those of clients are. It is
// safe for concurrent use.
type IssuerKeys struct{ cache *keyCache }

// NewIssuerKeys returns the keys that a Fetcher reaches.
func NewIssuerKeys(clock ostiary.Clock, from Fetcher) *IssuerKeys {
	return &IssuerKeys{newKeyCache(clock, from, from)}
}

// ParseJWT reads a JWT that is signed with ES256, RS256 or EdDSA, and with
// nothing else: no other algorithm, and none at all, is ever tried. It proves
// nothing yet.
func ParseJWT(text string) (*jose.JSONWebSignature, bool) {
	signed, err := jose.ParseSignedCompact(text, algorithms)
	return signed, err == nil && len(signed.Signatures) == 1
}

// Signed says whether one of the keys behind a URL made a signature. Keys that
// can't be had are an error.
func (k *IssuerKeys) Signed(ctx context.Context, url string, signed *jose.JSONWebSignature) (bool, error) {
	keys, err := k.cache.fit(ctx, keySource{url: url}, signed.Signatures[0].Protected)
	return err == nil && assertion{signed: signed}.signedBy(keys), err
}
