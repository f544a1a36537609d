package approval_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

func (d *desk) withdraw(t *testing.T, id string) error {
	t.Helper()
	var tx store.Tx
	if err := d.Withdraw(t.Context(), &tx, id, audit.Actor{Tenant: "acme", Subject: "alice"}); err != nil {
		return err
	}
	_, err := d.db.Commit(t.Context(), tx)
	return err
}

func TestNobodyAnswersAWithdrawnRequestAndItsPlaceIsFree(t *testing.T) {
	d := newDesk(t)
	first := d.open(t, 0, rule(nil))
	for n := 1; n < 3; n++ {
		d.open(t, n, rule(nil))
	}
	if err := d.withdraw(t, first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decide(t.Context(), first.ID, d.person("alice"), yes, fresh); !errors.Is(err, approval.ErrExpired) {
		t.Errorf("got %v; want a yes that comes too late", err)
	}
	if again := d.open(t, 0, rule(nil)); again.ID == first.ID {
		t.Error("got the withdrawn request; want the same call to ask again, in its free place")
	}
	if events := d.events(t); !slices.Contains(events, "approval withdrawn") {
		t.Errorf("got %v; want the withdrawal in the record", events)
	}
}

func TestWhatIsDecidedIsNotWithdrawn(t *testing.T) {
	d := newDesk(t)
	r := d.open(t, 0, rule(nil))
	if _, err := d.Decide(t.Context(), r.ID, d.person("alice"), yes, fresh); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{r.ID, "req_nobody"} {
		if err := d.withdraw(t, id); err != nil {
			t.Errorf("%s: got %v; want nothing to happen", id, err)
		}
	}
	if now, err := d.Request(t.Context(), r.ID); err != nil || now.Status != approval.Approved {
		t.Errorf("got %s, %v; want it approved as it was", now.Status, err)
	}
}
