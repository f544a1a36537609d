package approval

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A definition is a tool's definition as somebody was asked about it, kept
// so that a later page can show what has changed since.
type definition struct {
	JSON json.RawMessage `json:"json"`
}

// Row implements store.Rower. Definitions are the deployment's own.
func (definition) Row() store.Row { return store.Row{} }

// Definition returns the tool definition that has a digest, or ErrNotFound.
func (s *Service) Definition(ctx context.Context, d ostiary.Digest) (json.RawMessage, error) {
	def, _, err := s.definitions.Get(ctx, d.String())
	if err != nil {
		return nil, notFound(err)
	}
	return def.JSON, nil
}

// keepDefinition keeps the definitions of tools. Resources and prompts have
// no digest, and so none that could be told from another's.
func (s *Service) keepDefinition(ctx context.Context, tx *store.Tx, d ostiary.Digest, raw []byte) error {
	if len(raw) == 0 || d == (ostiary.Digest{}) {
		return nil
	}
	_, _, err := s.definitions.Get(ctx, d.String())
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return s.definitions.Put(ctx, tx, d.String(), definition{raw})
}
