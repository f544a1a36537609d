package audit

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary/internal/testparts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testparts.Around(m)) }
