package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheDriverKeepsEveryPromise(t *testing.T) {
	storetest.Run(t, storetest.Driver{Volatile: true, New: func(_ *testing.T, clock ostiary.Clock) func() (store.Store, error) {
		return func() (store.Store, error) { return memory.Open(clock), nil }
	}})
}
