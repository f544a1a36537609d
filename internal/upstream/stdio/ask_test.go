package stdio_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/upstream"
)

func TestAChildAsksTheOneCallerItWorksFor(t *testing.T) {
	for name, c := range map[string]struct {
		shared bool
		asks   upstream.Asks
		want   string
	}{
		"one who can be asked": {false, upstream.AskForm, `{"action":"accept","content":{"n":9007199254740993}}`},
		"one who can't":        {false, upstream.AskRoots, `-32601`},
		"a child for all":      {true, upstream.AskForm, `-32601`},
	} {
		t.Run(name, func(t *testing.T) {
			fleet, _ := open(t, "plain", func(s *upstream.Spec, _ *upstream.Options) { s.Shared = c.shared })
			if err := ready(t, fleet); err != nil {
				t.Fatal(err)
			}
			reply, err := fleet.Call(t.Context(), "files", alice, upstream.Request{
				Method: "tools/call", Params: []byte(`{"name":"ask"}`), Sessions: true, Asks: c.asks,
				Ask: func(q *upstream.Question) {
					q.Answer([]byte("{\"action\":\"accept\",\n\"content\":{\"n\":9007199254740993}}"))
				},
			})
			if err != nil || !strings.Contains(string(reply.Result), c.want) {
				t.Errorf("got %s, %v; want %s", reply.Result, err, c.want)
			}
		})
	}
}
