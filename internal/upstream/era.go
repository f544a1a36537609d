package upstream

import (
	"slices"

	"github.com/ostiary/ostiary/internal/wire"
)

// sessionVersions are those that an upstream may choose at initialize. The
// oldest differs in nothing that is used here.
var sessionVersions = []string{wire.Version20251125, wire.Version20250618, wire.Version20250326, "2024-11-05"}

func speaksStateless(versions []string) bool { return slices.Contains(versions, wire.Version20260728) }
