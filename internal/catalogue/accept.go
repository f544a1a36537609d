package catalogue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// An Acceptance is the definition of a pinned app's tool that an operator
// accepted.
type Acceptance struct {
	Digest     ostiary.Digest  `json:"digest"`
	Definition json.RawMessage `json:"definition"`
	By         ostiary.Subject `json:"by"`
	At         time.Time       `json:"at"`
	Tool       ostiary.ToolID  `json:"tool"`
}

// Row implements store.Rower.
func (Acceptance) Row() store.Row {
	return store.Row{Index: []store.Index{{Name: "all", Value: "all"}}}
}

// A Recorder adds audit entries to a commit.
type Recorder interface {
	Append(tx *store.Tx, e audit.Entry)
}

// Accepted keeps acceptances. It is safe for concurrent use.
type Accepted struct {
	db     *store.DB
	epochs *store.Epochs
	log    Recorder
	table  store.Table[Acceptance]
}

// NewAccepted returns the acceptances over db.
func NewAccepted(db *store.DB, epochs *store.Epochs, log Recorder) *Accepted {
	return &Accepted{db: db, epochs: epochs, log: log, table: store.NewTable[Acceptance](db, kindAccepted)}
}

const kindAccepted store.Kind = "accepted"

// Concerns says whether a change in storage is one of acceptances.
func Concerns(c store.Change) bool { return c.Key.Kind == kindAccepted || c.Key.Kind == "" }

// ErrNoTool means that no app offers a tool now.
var ErrNoTool = errors.New("no such tool")

// ErrOtherDefinition means that a tool's definition is not the one that an
// operator looked at.
var ErrOtherDefinition = errors.New("the definition has changed since you looked")

func (a *Accepted) all(ctx context.Context) (map[ostiary.ToolID]Acceptance, error) {
	items, err := a.table.All(ctx, store.Index{Name: "all", Value: "all"})
	if err != nil {
		return nil, fmt.Errorf("read accepted definitions: %w", err)
	}
	out := make(map[ostiary.ToolID]Acceptance, len(items))
	for _, it := range items {
		out[it.Value.Tool] = it.Value
	}
	return out, nil
}

// Accept takes the present definition of a tool for good. Every decision
// made before is made again.
//
// seen is the digest of the definition that the operator looked at, so that
// one that changed meanwhile is not accepted unseen; zero takes what is there.
func (k *Catalogue) Accept(ctx context.Context, id ostiary.ToolID, seen ostiary.Digest, by audit.Actor) error {
	o := k.Now().ByID(id)
	if o == nil {
		return fmt.Errorf("%w: %s", ErrNoTool, id)
	}
	if seen != (ostiary.Digest{}) && seen != o.Tool.Digest {
		return fmt.Errorf("%w: %s is now %s", ErrOtherDefinition, id, o.Tool.Digest)
	}
	definition := o.Tool.Definition
	if o.Pending {
		definition = o.Now
	}
	a := k.config.Accepted
	var tx store.Tx
	err := a.table.Put(ctx, &tx, string(id), Acceptance{
		Digest: o.Tool.Digest, Definition: definition, By: by.Subject, At: a.db.Clock().Now(), Tool: id,
	})
	if err != nil {
		return err
	}
	a.epochs.BumpDeployment(&tx)
	a.log.Append(&tx, audit.Entry{Kind: audit.KindAdmin, Event: "tool_accepted", Target: string(id), Tool: id, Actor: by, ToolDigest: o.Tool.Digest.String()})
	if _, err := a.db.Commit(ctx, tx); err != nil {
		return fmt.Errorf("keep the accepted definition of %s: %w", id, err)
	}
	if told := k.config.WasAccepted; told != nil {
		if err := told(ctx, o.Tool, by.Subject); err != nil {
			return fmt.Errorf("resume what waited for %s: %w", id, err)
		}
	}
	return k.Refresh(ctx)
}
