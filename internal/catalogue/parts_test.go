package catalogue_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
)

type still struct{}

func (still) Now() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) }

// A book keeps what is appended to the log.
type book struct{ entries []audit.Entry }

func (b *book) Append(_ *store.Tx, e audit.Entry) { b.entries = append(b.entries, e) }

// lists are what the apps of a test offer.
type lists map[string]upstream.Lists

func (l lists) Lists(app string) (upstream.Lists, upstream.State) {
	return l[app], upstream.State{Listed: true}
}

// A shop is a catalogue and what it is made of.
type shop struct {
	*catalogue.Catalogue
	lists   lists
	db      *store.DB
	epochs  *store.Epochs
	book    *book
	changed []ostiary.ToolID
	told    func(*ostiary.Tool) // of what was accepted; nil: nobody is
}

func newShop(t *testing.T, apps ...catalogue.App) *shop {
	t.Helper()
	db, err := store.Open(t.Context(), memory.Open(still{}), store.NewKeyring(still{}), still{})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{lists: lists{}, db: db, epochs: store.NewEpochs(db), book: &book{}}
	s.Catalogue = catalogue.New(catalogue.Config{
		Apps: apps, Source: s.lists, Accepted: catalogue.NewAccepted(db, s.epochs, s.book), Separator: "__",
		ArgumentNames: []string{"siteId"}, Logger: slog.New(slog.DiscardHandler),
		Changed: func(t *ostiary.Tool) { s.changed = append(s.changed, t.ID) },
		WasAccepted: func(_ context.Context, t *ostiary.Tool, _ ostiary.Subject) error {
			if s.told != nil {
				s.told(t)
			}
			return nil
		},
	})
	return s
}

// offer gives an app tools and makes the catalogue anew.
func (s *shop) offer(t *testing.T, app string, tools ...string) {
	t.Helper()
	s.lists[app] = upstream.Lists{Tools: items(tools...)}
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func items(raw ...string) []upstream.Item {
	var all []upstream.Item
	for _, r := range raw {
		item := upstream.Item{Raw: []byte(r)}
		for _, key := range []string{"uriTemplate", "uri", "name"} {
			if name, ok := wire.LookupText(item.Raw, key); ok {
				item.Name = name
				break
			}
		}
		all = append(all, item)
	}
	return all
}

func names(offers []*catalogue.Offer) []string {
	var all []string
	for _, o := range offers {
		all = append(all, o.WireName)
	}
	return all
}

var nobody store.EpochIDs
