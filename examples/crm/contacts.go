package crm

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// ErrNoContact says that the site has no contact of that id. A contact of
// another site is as good as none.
var ErrNoContact = errors.New("no such contact")

// A Contact is a person the company knows, at one site.
type Contact struct {
	ID      string `json:"id" jsonschema:"identifies the contact, such as c-17"`
	SiteID  string `json:"siteId" jsonschema:"the site the contact belongs to, such as site-A"`
	Name    string `json:"name" jsonschema:"full name"`
	Email   string `json:"email" jsonschema:"email address"`
	Company string `json:"company" jsonschema:"where they work"`
}

// A Change holds the new values of a contact; nil leaves a value as it is.
type Change struct {
	Name    *string `json:"name,omitempty" jsonschema:"new full name"`
	Email   *string `json:"email,omitempty" jsonschema:"new email address"`
	Company *string `json:"company,omitempty" jsonschema:"new employer"`
}

// book keeps the contacts in memory. It is safe for concurrent use.
type book struct {
	mu   sync.RWMutex
	byID map[string]Contact
}

func newBook(contacts []Contact) *book {
	b := &book{byID: make(map[string]Contact, len(contacts))}
	for _, c := range contacts {
		b.byID[c.ID] = c
	}
	return b
}

// search returns the contacts of a site in the order of their ids. The query
// may stand anywhere in name, email or company, in any case; the empty query
// finds all.
func (b *book) search(site, query string) []Contact {
	b.mu.RLock()
	defer b.mu.RUnlock()
	found := []Contact{}
	for c := range maps.Values(b.byID) {
		if c.SiteID == site && c.mentions(query) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b Contact) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

// contact returns one contact, or ErrNoContact.
func (b *book) contact(site, id string) (Contact, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.find(site, id)
}

// update changes a contact and returns it as it is now, or ErrNoContact.
func (b *book) update(site, id string, change Change) (Contact, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.find(site, id)
	if err != nil {
		return Contact{}, err
	}
	c = change.apply(c)
	b.byID[id] = c
	return c, nil
}

// remove deletes a contact and returns what it was, or ErrNoContact.
func (b *book) remove(site, id string) (Contact, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.find(site, id)
	if err != nil {
		return Contact{}, err
	}
	delete(b.byID, id)
	return c, nil
}

// find must be called with the lock held.
func (b *book) find(site, id string) (Contact, error) {
	c, ok := b.byID[id]
	if !ok || c.SiteID != site {
		return Contact{}, fmt.Errorf("look for %s in %s: %w", id, site, ErrNoContact)
	}
	return c, nil
}

func (c Contact) mentions(query string) bool {
	text := strings.ToLower(c.Name + "\n" + c.Email + "\n" + c.Company)
	return strings.Contains(text, strings.ToLower(query))
}

func (ch Change) apply(c Contact) Contact {
	set(&c.Name, ch.Name)
	set(&c.Email, ch.Email)
	set(&c.Company, ch.Company)
	return c
}

func set(field, value *string) {
	if value != nil {
		*field = *value
	}
}
