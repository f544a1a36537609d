package client

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Definition is a digest of what a client is and where answers to it may go: it
// changes with everything that a person, or the one who set it up, went by.
func (c *Client) Definition() string {
	text, err := json.Marshal([]any{
		c.ID, c.Name, c.Kind, c.Origin, c.Host, c.Methods, c.Redirects, c.Grants, c.Scopes, c.ScopeMap, c.Owner, c.ApplicationType,
		c.credential.keys.url,
	})
	if err != nil {
		panic(err) // of strings
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
