package postgres_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store/postgres"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testparts.Around(m)) }

// open opens a store that is closed when the test ends.
func open(t testing.TB, url string, opts postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
