package ostiary_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
)

// said is a gate that says one thing in lists and another on calls.
type said struct {
	name       string
	list, call ostiary.Verdict
	err        error
}

func (g said) Name() string { return g.name }

func (g said) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	if c.Intent == ostiary.List {
		return g.list, g.err
	}
	return g.call, g.err
}

var (
	pass = ostiary.Passed()
	no   = ostiary.Verdict{Reason: ostiary.ReasonPolicyDenied}
	hide = ostiary.Verdict{Reason: ostiary.ReasonRoleRequired, Hides: true}
	held = ostiary.Verdict{Effect: ostiary.Hold, Reason: ostiary.ReasonApprovalRequired, Step: &ostiary.Step{Kind: ostiary.StepApprove}}
)

func TestWhatTheGatesComeTo(t *testing.T) {
	a, b := func(v ostiary.Verdict) said { return said{"a", pass, v, nil} }, said{"b", pass, pass, nil}
	stepless := held
	stepless.Step = nil
	for name, c := range map[string]struct {
		gates  []ostiary.Gate
		effect ostiary.Effect
		reason ostiary.Reason
		gate   string
		hidden bool
	}{
		"all pass":                       {[]ostiary.Gate{a(pass), b}, ostiary.Pass, "", "", false},
		"one denies":                     {[]ostiary.Gate{a(no), b}, ostiary.Deny, ostiary.ReasonPolicyDenied, "a", false},
		"one holds":                      {[]ostiary.Gate{a(held), b}, ostiary.Hold, ostiary.ReasonApprovalRequired, "a", false},
		"a hold that nobody can end":     {[]ostiary.Gate{a(stepless), b}, ostiary.Deny, ostiary.ReasonApprovalRequired, "a", false},
		"the zero verdict":               {[]ostiary.Gate{a(ostiary.Verdict{}), b}, ostiary.Deny, "", "a", false},
		"an effect that does not exist":  {[]ostiary.Gate{a(ostiary.Verdict{Effect: 9}), b}, ostiary.Deny, "", "a", false},
		"a fault, though it said pass":   {[]ostiary.Gate{b, said{"a", pass, pass, errors.New("down")}}, ostiary.Deny, ostiary.ReasonUnavailable, "a", false},
		"no gates at all":                {nil, ostiary.Deny, ostiary.ReasonUnavailable, "", false},
		"hidden beats what comes before": {[]ostiary.Gate{a(no), said{"b", hide, hide, nil}}, ostiary.Deny, ostiary.ReasonRoleRequired, "b", true},
		"not listed, by a gate that would tell": {
			[]ostiary.Gate{a(pass), said{"b", no, no, nil}}, ostiary.Deny, ostiary.ReasonPolicyDenied, "b", true,
		},
		"nobody is there": {
			[]ostiary.Gate{said{"a", ostiary.Verdict{Reason: ostiary.ReasonUnauthenticated}, pass, nil}}, ostiary.Deny, ostiary.ReasonUnauthenticated, "a", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			call := &ostiary.Call{}
			d := ostiary.Decide(t.Context(), c.gates, call)
			if d.Effect != c.effect || d.Reason != c.reason || d.Gate != c.gate || d.Hidden != c.hidden {
				t.Errorf("got %s %q by %q, hidden %v; want %s %q by %q, hidden %v", d.Effect, d.Reason, d.Gate, d.Hidden, c.effect, c.reason, c.gate, c.hidden)
			}
			if call.Intent != ostiary.Execute {
				t.Error("the call's intent was not put back")
			}
		})
	}
}

func TestWhatIsListedIsWhatACallBeginsWith(t *testing.T) {
	gates := []ostiary.Gate{said{"a", pass, no, nil}, said{"b", hide, pass, nil}}
	listed := ostiary.Decide(t.Context(), gates, &ostiary.Call{Intent: ostiary.List})
	called := ostiary.Decide(t.Context(), gates, &ostiary.Call{})
	if diff := cmp.Diff(listed, called); diff != "" {
		t.Errorf("listed and called differ (-listed +called):\n%s", diff)
	}
}

func TestOnlyThePassingCallAsksForWhatItUses(t *testing.T) {
	use := &ostiary.Use{Grant: "grt_1"}
	uses := ostiary.Verdict{Effect: ostiary.Pass, Use: use}
	d := ostiary.Decide(t.Context(), []ostiary.Gate{said{"a", uses, uses, nil}}, &ostiary.Call{})
	if len(d.Uses) != 1 || d.Uses[0] != use {
		t.Errorf("got %d uses; want the one, once", len(d.Uses))
	}
	if d = ostiary.Decide(t.Context(), []ostiary.Gate{said{"a", uses, uses, nil}, said{"b", pass, no, nil}}, &ostiary.Call{}); d.Uses != nil {
		t.Errorf("a refused call uses %v", d.Uses)
	}
}

func TestAPassTellsByWhichExceptionItIsOne(t *testing.T) {
	exception := func(rule string) ostiary.Verdict { return ostiary.Verdict{Effect: ostiary.Pass, Rule: rule} }
	gates := []ostiary.Gate{said{"a", pass, pass, nil}, said{"b", pass, exception("one"), nil}, said{"c", pass, exception("two"), nil}}
	if d := ostiary.Decide(t.Context(), gates, &ostiary.Call{}); d.Effect != ostiary.Pass || d.Rule != "one" {
		t.Errorf("got %s by %q; want a pass by the first exception", d.Effect, d.Rule)
	}
	if d := ostiary.Decide(t.Context(), gates[:1], &ostiary.Call{}); d.Rule != "" {
		t.Errorf("got %q for a pass without one", d.Rule)
	}
}

func TestATrailEndsAtTheGateThatDecided(t *testing.T) {
	gates := []ostiary.Gate{said{"a", pass, pass, nil}, said{"b", pass, held, nil}, said{"c", pass, no, nil}}
	got := ostiary.TrailOf(gates, ostiary.Decide(t.Context(), gates, &ostiary.Call{}))
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("trail (-want +got):\n%s", diff)
	}
	passing := append(gates[:1:1], said{"d", pass, pass, nil})
	got = ostiary.TrailOf(passing, ostiary.Decide(t.Context(), passing, &ostiary.Call{}))
	if diff := cmp.Diff([]string{"a", "d"}, got); diff != "" {
		t.Errorf("trail of a pass (-want +got):\n%s", diff)
	}
	_, all := ostiary.Explain(t.Context(), gates, &ostiary.Call{})
	if len(all) != 3 || all[2].Effect != "deny" {
		t.Errorf("got %v; want every gate's answer explained", all)
	}
}

func TestASecretNeverPrints(t *testing.T) {
	const value = "hunter2"
	type config struct {
		Key  ostiary.Secret
		Keys map[string]*ostiary.Secret
	}
	s := ostiary.Secret(value)
	c := config{s, map[string]*ostiary.Secret{"a": &s}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "% X", "%d", "%t", "%c", "%U", "%08.3f", "%10s", "%!"} {
		for _, v := range []any{s, &s, []ostiary.Secret{s}, c, &c} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	fmt.Fprintln(&out, fmt.Errorf("sign in: %v", s), s)
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(data)
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("x", "secret", s, "pointer", &s, "config", c, slog.Group("g", "s", s))
	}
	shown := out.String()
	if strings.Contains(shown, value) || strings.Contains(shown, fmt.Sprintf("%x", value)) || strings.Contains(shown, fmt.Sprintf("% X", value)) {
		t.Errorf("a secret was printed:\n%s", shown)
	}
	if s.Reveal() != value {
		t.Errorf("got %q; want the value itself", s.Reveal())
	}
}

func TestAnEmptySecretEqualsNothing(t *testing.T) {
	for _, c := range []struct {
		a, b ostiary.Secret
		want bool
	}{{"x", "x", true}, {"x", "y", false}, {"x", "", false}, {"", "x", false}, {"", "", false}} {
		if got := c.a.Equal(c.b); got != c.want {
			t.Errorf("Equal(%q, %q): got %v; want %v", c.a.Reveal(), c.b.Reveal(), got, c.want)
		}
	}
}

func TestTheZeroPrincipalMayNothing(t *testing.T) {
	p := &ostiary.Principal{}
	for _, category := range []ostiary.Category{ostiary.CategoryRead, ostiary.CategoryWrite, ostiary.CategoryDelete, ostiary.CategoryExecute, ostiary.CategoryAdmin} {
		if p.Tier.Reaches(category) {
			t.Errorf("the zero tier reaches %s", category)
		}
	}
	if p.For("/mcp") || p.HasScope("crm:read") || p.Apps.Has("crm") || p.Tools.Has("crm:x") {
		t.Error("the zero principal holds something")
	}
	if tier := ostiary.Tier(9); tier.Reaches(ostiary.CategoryRead) || tier.Reaches(ostiary.CategoryAdmin) {
		t.Error("a tier that does not exist reaches something")
	}
}

// reader is a gate that, as most do, reads the principal without looking.
type reader struct{}

func (reader) Name() string { return "reader" }

func (reader) Check(_ context.Context, c *ostiary.Call) (ostiary.Verdict, error) {
	if c.Principal.Admin {
		return pass, nil
	}
	return no, nil
}

func TestACallOfNobodyCanBeExplained(t *testing.T) {
	d, trail := ostiary.Explain(t.Context(), []ostiary.Gate{reader{}}, &ostiary.Call{})
	if d.Effect != ostiary.Deny || len(trail) != 1 {
		t.Errorf("got %s, %v; want a denial and its trail", d.Effect, trail)
	}
}
