package mcp_test

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/edge/mcp"
)

// A shy gate hides every tool for so many looks, and then none: as if the
// caller had been given a right in between.
type shy struct{ looks atomic.Int64 }

func (*shy) Name() string { return "shy" }

func (g *shy) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	if c.Intent == ostiary.List && g.looks.Add(-1) >= 0 {
		return ostiary.Verdict{Reason: ostiary.ReasonRoleRequired, Hides: true}, nil
	}
	return ostiary.Passed(), nil
}

// A call that is wrong in itself is told that its tool is unknown as long as
// it is hidden. When it appears while the call is looked at, the call is
// still wrong: it goes nowhere, and a yes that it used is good again.
func TestAWrongCallGoesNowhereWhenItsToolAppears(t *testing.T) {
	for name, c := range map[string]struct {
		wrong note
		code  int
	}{
		"a bad request state": {again("alice", "crm__delete_contact", `{"id":"1"}`, "abc"), -32602},
		"twin keys":           {call("alice", "crm__get_contact", `{"id":"1","ID":"2"}`), -32600},
	} {
		for looks, want := range map[int64]int{0: c.code, 1: c.code, 1 << 20: -32602} {
			g := &shy{}
			h := newHouse(t, func(m *mcp.Config) {
				m.Guard.Replace(1, slices.Insert(m.Guard.Gates(), 1, ostiary.Gate(g)), m.Guard.Category)
			})
			h.asked(t, "alice", `{"id":"1"}`)
			h.decide(t, "approve")
			g.looks.Store(looks)
			w := h.send(t, c.wrong)
			if got := read(t, w.Body); w.Code != http.StatusBadRequest || code(got) != want {
				t.Errorf("%s, hidden for %d looks: got %d %s; want code %d", name, looks, w.Code, w.Body, want)
			}
			if calls, ends := h.upstreams.got(), h.book.outcomes(); len(calls) != 0 || slices.Contains(ends, audit.StatusOK) {
				t.Errorf("%s, hidden for %d looks: got %d calls and outcomes %v; want none", name, looks, len(calls), ends)
			}
			g.looks.Store(0)
			h.send(t, call("alice", "crm__delete_contact", `{"id":"1"}`))
			if len(h.upstreams.got()) != 1 {
				t.Errorf("%s, hidden for %d looks: the yes was used up", name, looks)
			}
		}
	}
}
