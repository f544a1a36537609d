package gate_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/gate"
)

type extra string

func (e extra) Name() string { return string(e) }

func (extra) Check(context.Context, *ostiary.Call) (ostiary.Verdict, error) {
	return ostiary.Verdict{}, nil
}

func names(gates []ostiary.Gate) []string {
	var out []string
	for _, g := range gates {
		out = append(out, g.Name())
	}
	return out
}

var order = []string{"authn", "role", "pin", "scope", "site", "app", "consent", "rate", "approval"}

func TestTheGatesStandInTheirOrder(t *testing.T) {
	if diff := cmp.Diff(order, names(gate.Order(gate.Config{}))); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestAnExtraGateStandsWhereItIsPut(t *testing.T) {
	for before, at := range map[string]int{"authn": 0, "approval": 8, "no such gate": 9} {
		got := names(gate.Order(gate.Config{}, gate.Before(before, extra("mine"))))
		if diff := cmp.Diff(slices.Insert(slices.Clone(order), at, "mine"), got); diff != "" {
			t.Errorf("before %s (-want +got):\n%s", before, diff)
		}
	}
	got := names(gate.Order(gate.Config{}, gate.Before("approval", extra("one")), gate.Before("approval", extra("two"))))
	if got[8] != "one" || got[9] != "two" {
		t.Errorf("got %v; want them in the order given", got)
	}
}
