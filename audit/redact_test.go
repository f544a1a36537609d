package audit

import (
	"strings"
	"testing"
)

func TestSecretsAreRedactedByNameAndByForm(t *testing.T) {
	for in, want := range map[string]string{
		`{"password":"x"}`:                           `{"password":"[redacted]"}`,
		`{"PassWord":["x"],"user_password":{"a":1}}`: `{"PassWord":"[redacted]","user_password":"[redacted]"}`,
		`{"a":{"b":[{"api_key":1},{"API-Key":2}]}}`:  `{"a":{"b":[{"api_key":"[redacted]"},{"API-Key":"[redacted]"}]}}`,
		`{"clientSecret":1,"access_token":null}`:     `{"access_token":"[redacted]","clientSecret":"[redacted]"}`,
		`{"Authorization":"Bearer x"}`:               `{"Authorization":"[redacted]"}`,
		`"Bearer abcdefghij"`:                        `"[redacted]"`,
		`"see ost_at_0123456789abcdefghijklmn!"`:     `"see [redacted]!"`,
		`"ghp_0123456789abcdefghijklmn"`:             `"[redacted]"`,
		`"xoxb-1234567890-abc"`:                      `"[redacted]"`,
		`"sk-ant-0123456789abcdefgh"`:                `"[redacted]"`,
		`"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."`:     `"[redacted]"`,
		`{"AKIAABCDEFGHIJKLMNOP":1}`:                 `{"[redacted]":1}`,
		`{"n":12345678901234567890.10,"s":"plain"}`:  `{"n":12345678901234567890.10,"s":"plain"}`,
		`{"task":"ask about the risk","monkey":"x"}`: `{"monkey":"x","task":"ask about the risk"}`,
		`[true,null,1e3,""]`:                         `[true,null,1e3,""]`,
	} {
		if got := string(redactJSON([]byte(in))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestSecretsInDetailAreRedacted(t *testing.T) {
	l := newHouse().log(t, Options{})
	commit(t, l, Entry{Kind: KindToken, Event: "created", Detail: map[string]string{"token": "ost_pat_0123456789abcdefghijklmn"}})
	if got := search(t, l.Reader, Query{})[0].Detail["token"]; strings.Contains(got, "0123") {
		t.Errorf("got %q", got)
	}
}
