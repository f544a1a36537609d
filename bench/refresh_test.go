package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestARefreshGoesOnWithTheTokenThatItGot(t *testing.T) {
	r, err := newRefresh(t.Context(), "http://127.0.0.1:1/oauth/token", agent{"cli_1", "ost_rt_a"})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"ost_rt_a", "ost_rt_b", "ost_rt_c"} {
		if got := r.next(); !bytes.HasSuffix(got, []byte("refresh_token="+token)) {
			t.Fatalf("sent %q, want it to end with %s", got, token)
		}
		next := token[:7] + string(token[7]+1)
		if err := r.answered(200, []byte(`{"access_token":"a","refresh_token":"`+next+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARefreshTakesNoAnswerForOneThatIsNone(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"refused":      {400, `{"error":"invalid_grant"}`},
		"no tokens":    {200, `{}`},
		"no JSON":      {200, `ok`},
		"the same":     {200, `{"access_token":"a","refresh_token":"ost_rt_a"}`},
		"longer":       {200, `{"access_token":"a","refresh_token":"ost_rt_bb"}`},
		"access alone": {200, `{"access_token":"a"}`},
	} {
		r, err := newRefresh(t.Context(), "http://127.0.0.1:1/oauth/token", agent{"cli_1", "ost_rt_a"})
		if err != nil {
			t.Fatal(err)
		}
		r.next()
		if err := r.answered(answer.status, []byte(answer.body)); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
	if _, err := newRefresh(t.Context(), "http://127.0.0.1:1/oauth/token", agent{"cli_1", ""}); err == nil {
		t.Error("an agent without a token: got no error, want one")
	}
}

func TestRefreshesHaveAGoalOfTheirOwn(t *testing.T) {
	sc := scenario{aRefresh, 0, refreshers}
	good := row{scenario: sc, target: strict, rate: refreshesMin, sent: 10}
	if err := judge([]row{good}, nil); err != nil {
		t.Errorf("at the goal: %v", err)
	}
	slow := good
	slow.rate--
	if err := judge([]row{slow}, nil); err == nil || !strings.Contains(err.Error(), "refresh of a session, 32 callers") {
		t.Errorf("below the goal: got %v, want it named", err)
	}
}
