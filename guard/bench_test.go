package guard_test

import (
	"testing"

	"github.com/ostiary/ostiary/audit"
)

func BenchmarkAdmit(b *testing.B) {
	h := newHouse(b)
	quiet := &book{db: h.db, room: true}
	h.guard.Log = quiet
	r := h.call(read, `{"id":"c-1"}`)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		a := h.guard.Admit(ctx, r)
		if a.Pass == nil {
			b.Fatalf("got %+v; want a pass", a.Decision)
		}
		a.Pass.Done(ctx, audit.StatusOK, 1)
		quiet.background = quiet.background[:0]
	}
}
