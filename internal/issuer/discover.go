package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/netguard"
	"github.com/ostiary/ostiary/internal/wire"
)

// A Fetcher speaks to issuers, as netguard.Client does.
type Fetcher interface {
	Get(ctx context.Context, url string, types ...string) (netguard.Response, error)
	Send(ctx context.Context, url string, r netguard.Request, types ...string) (netguard.Response, error)
}

// metadata is what an issuer says of itself (OpenID Connect Discovery 1.0
// section 3, RFC 8414 section 2).
type metadata struct {
	Issuer      string   `json:"issuer"`
	Authorize   string   `json:"authorization_endpoint"`
	Token       string   `json:"token_endpoint"`
	Userinfo    string   `json:"userinfo_endpoint"`
	Keys        string   `json:"jwks_uri"`
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	NamesItself bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
}

const (
	metadataFresh = time.Hour        // it is fetched anew after this long
	metadataAgain = 30 * time.Second // and never sooner than this after the last time
)

// A discovery remembers the metadata of one issuer. What was good stays so
// while its host is down.
type discovery struct {
	clock  ostiary.Clock
	from   Fetcher
	issuer string

	mu      sync.Mutex
	found   *metadata
	fetched time.Time
	asked   time.Time
	err     error
}

// get returns the metadata; those who come while it is being fetched wait.
func (d *discovery) get(ctx context.Context) (metadata, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	if now.Sub(d.fetched) >= metadataFresh && now.Sub(d.asked) >= metadataAgain {
		d.asked = now
		// Whoever leaves must not spoil it for the next.
		found, err := fetchMetadata(context.WithoutCancel(ctx), d.from, d.issuer)
		if d.err = err; err == nil {
			d.found, d.fetched = &found, now
		}
	}
	if d.found == nil {
		return metadata{}, fmt.Errorf("discover %q: %w", d.issuer, d.err)
	}
	return *d.found, nil
}

// fetchMetadata looks in the places of OpenID Connect, and then of RFC 8414.
func fetchMetadata(ctx context.Context, from Fetcher, issuer string) (metadata, error) {
	answer, err := from.Get(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if errors.Is(err, netguard.ErrAnswer) {
		if u, bad := url.Parse(issuer); bad == nil {
			u.Path = "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.Path, "/")
			answer, err = from.Get(ctx, u.String())
		}
	}
	if err != nil {
		return metadata{}, err
	}
	var m metadata
	if err := wire.Check(answer.Body); err != nil {
		return metadata{}, fmt.Errorf("its metadata: %w", err)
	}
	if err := json.Unmarshal(answer.Body, &m); err != nil {
		return metadata{}, fmt.Errorf("its metadata: %w", err)
	}
	return m, m.check(issuer)
}

// check holds metadata to be of the issuer that was asked (RFC 8414 section
// 3.3), and to lead nowhere less safe.
func (m metadata) check(issuer string) error {
	if m.Issuer != issuer {
		return fmt.Errorf("its metadata is of %q", m.Issuer)
	}
	for _, text := range []string{m.Authorize, m.Token, m.Userinfo, m.Keys} {
		u, err := url.Parse(text)
		if err != nil || text != "" && (u.Host == "" || u.User != nil || u.Fragment != "") {
			return fmt.Errorf("its metadata has an endpoint %q", text)
		}
		if text != "" && u.Scheme != "https" && (u.Scheme != "http" || strings.HasPrefix(issuer, "https:")) {
			return fmt.Errorf("its metadata has an endpoint without https: %q", text)
		}
	}
	return nil
}
