package audit

import "testing"

func TestAnEntryIsASentence(t *testing.T) {
	alice := Actor{Subject: "alice", Client: "Claude Code"}
	for want, e := range map[string]Entry{
		"alice through Claude Code called crm:delete_contact: refused, approval_denied": {
			Kind: KindRefusal, Actor: alice, Tool: "crm:delete_contact", Decision: &Decision{Effect: "deny", Reason: "approval_denied"},
		},
		"alice through Claude Code called crm:x: held, approval_required": {
			Kind: KindRefusal, Actor: alice, Tool: "crm:x", Decision: &Decision{Effect: "hold", Reason: "approval_required"},
		},
		"alice through Claude Code called crm:x: let through (by grt_1)": {Kind: KindIntent, Actor: alice, Tool: "crm:x", GrantID: "grt_1"},
		"alice of acme called crm:x: let through":                        {Kind: KindIntent, Actor: Actor{Subject: "alice", Tenant: "acme"}, Tool: "crm:x"},
		"alice through Claude Code called crm:x: done, 3 ms, 4 bytes":    {Kind: KindOutcome, Actor: alice, Tool: "crm:x", Upstream: &Upstream{StatusOK, 3, 4}},
		"nobody called crm:x: it is not known whether it was done":       {Kind: KindOutcome, Actor: Actor{IPClass: "public"}, Tool: "crm:x", Upstream: &Upstream{Status: StatusUnknown}},
		"alice: grant grt_1 revoked (crm:x) of=bob": {
			Kind: KindGrant, Actor: Actor{Subject: "alice"}, Target: "grt_1", Event: "revoked", Tool: "crm:x", Detail: map[string]string{"of": "bob"},
		},
		"Ostiary: grant grt_1 expired":             {Kind: KindGrant, Target: "grt_1", Event: "expired"},
		"Ostiary called : refused":                 {Kind: KindRefusal},
		"alice through Claude Code called : ended": {Kind: KindOutcome, Actor: alice},
	} {
		if got := Sentence(e); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}
