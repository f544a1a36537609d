package client

import (
	"encoding/json"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A kept is a client in storage: one that registered itself, or the last good
// metadata document of one that is in use.
type kept struct {
	ID              ostiary.ClientID `json:"id"`
	Origin          Origin           `json:"origin"`
	Name            string           `json:"name,omitempty"`
	Site            string           `json:"site,omitempty"`
	Logo            string           `json:"logo,omitempty"`
	Redirects       []string         `json:"redirect_uris"`
	Methods         []Method         `json:"methods"`
	Grants          []string         `json:"grant_types"`
	Scopes          []string         `json:"scopes"`
	ApplicationType string           `json:"application_type,omitempty"`
	Secret          string           `json:"secret,omitempty"` // hash, keyed
	KeysURL         string           `json:"jwks_uri,omitempty"`
	Keys            json.RawMessage  `json:"jwks,omitempty"`
	Created         time.Time        `json:"created_at"`
	Used            time.Time        `json:"used_at,omitzero"`
	KeptTill        time.Time        `json:"kept_until"`
	Fetched         time.Time        `json:"fetched_at,omitzero"`
}

// Row implements store.Rower. It has no end of its own: what is counted must be
// swept to be counted off.
func (k kept) Row() store.Row {
	return store.Row{Index: []store.Index{{Name: "all", Value: "all"}}}
}

// client is what a record says under the operator's present rules.
func (k kept) client(allow []string) Client {
	c := Client{
		ID: k.ID, Name: k.Name, Kind: Agent, Origin: k.Origin, Methods: k.Methods, Grants: k.Grants, Scopes: k.Scopes,
		ApplicationType: k.ApplicationType, Site: k.Site, Logo: k.Logo, Created: k.Created, Used: k.Used,
		credential: credential{hash: k.Secret, keys: keySource{url: k.KeysURL, set: k.Keys}},
		fetched:    k.Fetched,
	}
	for _, text := range k.Redirects {
		if unfit(text, allow) == "" {
			c.Redirects.URIs = append(c.Redirects.URIs, text)
		}
	}
	if k.Origin == Document {
		c.Host = hostOf(k.ID)
	}
	return c
}

func keep(c Client) kept {
	return kept{
		ID: c.ID, Origin: c.Origin, Name: c.Name, Site: c.Site, Logo: c.Logo, Redirects: c.Redirects.URIs, Methods: c.Methods,
		Grants: c.Grants, Scopes: c.Scopes, ApplicationType: c.ApplicationType,
		Secret: c.credential.hash, KeysURL: c.credential.keys.url, Keys: c.credential.keys.set,
		Created: c.Created, Used: c.Used, Fetched: c.fetched,
	}
}

// A printed stands where somebody has just registered with the same words.
type printed struct {
	ID    ostiary.ClientID `json:"id"`
	Until time.Time        `json:"until"`
}

// Row implements store.Rower.
func (p printed) Row() store.Row { return store.Row{Expires: p.Until} }
