package audit

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/postgres"
)

func TestTwoInstancesOnOnePostgresHaveALogEach(t *testing.T) {
	url := testparts.Postgres(t)
	clock := newClock()
	ring := store.NewKeyring(clock)
	instance := func() *house {
		driver := must[*postgres.Store](t)(postgres.Open(t.Context(), url, postgres.Options{Clock: clock}))
		t.Cleanup(func() { driver.Close() })
		return &house{driver, ring, clock}
	}
	one, two := instance(), instance()
	first, second := one.crashing(t, Options{}), two.crashing(t, Options{})
	commit(t, first, intentOf("cal_1"))
	commit(t, second, intentOf("cal_2"), intentOf("cal_3"), outcomeOf("cal_3", StatusOK))
	crash(first)
	one.driver.Close()

	third := instance().crashing(t, Options{})
	want := map[ostiary.CallID][]Status{"cal_1": {StatusUnknown}, "cal_3": {StatusOK}}
	if diff := cmp.Diff(want, statuses(t, third.Reader)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	commit(t, second, outcomeOf("cal_2", StatusError))
	closeLog(t, second)
	closeLog(t, third)

	r := NewReader(instance().db(t))
	report := must[Report](t)(r.Verify(t.Context(), VerifyOptions{}))
	if !report.OK() || report.Entries != 6 || len(report.Logs) != 2 {
		t.Errorf("got %+v, want 6 entries in 2 logs and no problem", report)
	}
	if report := verifyExport(t, exportOf(t, two, Query{Subject: "alice"}), VerifyOptions{PublicKey: r.PublicKey()}); !report.OK() || report.Entries != 6 {
		t.Errorf("export: got %+v, want 6 entries and no problem", report)
	}
}
