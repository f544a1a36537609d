package approval_test

import (
	"fmt"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/store"
)

// refuse says no to a call of alice's with arguments made of n.
func (d *desk) refuse(t *testing.T, n int) {
	t.Helper()
	r := d.open(t, n, rule(nil))
	if _, err := d.Decide(t.Context(), r.ID, d.person("alice"), approval.Answer{Decision: approval.Deny}, fresh); err != nil {
		t.Fatal(err)
	}
}

// standing is how things stand for a call of alice's in a session.
func (d *desk) standing(t *testing.T, n int, session ostiary.SessionID) approval.Standing {
	t.Helper()
	a := d.ask(t, fmt.Sprint(n), session, "")
	p := a.Call.Principal
	var err error
	if p.Epochs, err = d.epochs.Of(t.Context(), store.EpochsOf(p)); err != nil {
		t.Fatal(err)
	}
	st, err := d.Standing(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	denied, err := d.Denial(t.Context(), a)
	if err != nil || (denied == nil) != (st.Denial == nil) {
		t.Errorf("got denial %v, %v beside %v; want the same of both", denied, err, st.Denial)
	}
	return st
}

// What was denied in the past must not make a person's next decisions slower.
func TestADecisionReadsTheDenialThatConcernsItAndNotAll(t *testing.T) {
	const denials = 100
	d, w := newWeighedDesk(t)
	for n := range denials {
		d.refuse(t, n)
	}
	w.records.Store(0)
	if st := d.standing(t, denials/2, "ses_1"); st.Denial == nil {
		t.Error("a denied call is not known as one")
	}
	if st := d.standing(t, denials, "ses_1"); st.Denial != nil {
		t.Errorf("got %+v for a call that nobody denied", st.Denial)
	}
	if n := w.records.Load(); n > 5 {
		t.Errorf("two decisions read %d records; want few of %d", n, denials)
	}
	w.records.Store(0)
	d.standing(t, denials/2, "ses_1")
	if n := w.records.Load(); n != 0 {
		t.Errorf("an equal decision read %d records; want what is remembered", n)
	}
}

func TestADenialHoldsForTheSameArgumentsInTheSameSession(t *testing.T) {
	d := newDesk(t)
	d.refuse(t, 1)
	for _, c := range []struct {
		n       int
		session ostiary.SessionID
		denied  bool
	}{{1, "ses_1", true}, {2, "ses_1", false}, {1, "ses_2", false}} {
		if st := d.standing(t, c.n, c.session); (st.Denial != nil) != c.denied {
			t.Errorf("arguments %d in %s: got denied %t, want %t", c.n, c.session, st.Denial != nil, c.denied)
		}
	}
}

func TestALiftedDenialIsForgottenAtOnce(t *testing.T) {
	d := newDesk(t)
	d.refuse(t, 1)
	st := d.standing(t, 1, "ses_1")
	if st.Denial == nil {
		t.Fatal("a denied call is not known as one")
	}
	if _, err := d.Revoke(t.Context(), st.Denial.ID, approval.UserRevoker("alice", ""), ""); err != nil {
		t.Fatal(err)
	}
	d.epochs.Forget(store.EpochIDs{Subject: "alice"}) // nobody follows the feed here
	if st := d.standing(t, 1, "ses_1"); st.Denial != nil {
		t.Errorf("got %+v after it was lifted", st.Denial)
	}
}
