package streamable_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/upstream"
)

// wanting makes a call that wants to hear logs from a level on.
func wanting(t *testing.T, fleet *upstream.Fleet, who upstream.Caller, level string) {
	t.Helper()
	l, _ := upstream.ParseLogLevel(level)
	_, err := fleet.Call(t.Context(), "crm", who, upstream.Request{
		Method: "tools/call", Params: []byte(`{"name":"x","_meta":{"io.modelcontextprotocol/logLevel":"` + level + `"}}`),
		LogLevel: l, Notify: func([]byte) {},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnOlderUpstreamIsToldOnceHowMuchToLogAndNeverToLogLess(t *testing.T) {
	fleet, rec := open(t, &rawServer{sessions: true, caps: `{"logging":{}}`, call: replies(`{}`)})
	var told []string
	for _, step := range []struct {
		who   upstream.Caller
		level string
	}{
		{alice, ""},
		{alice, "error"},
		{alice, "error"},
		{alice, "critical"},
		{alice, "debug"},
		{alice, "info"},
		{upstream.Caller{Tenant: "acme", Subject: "bob"}, "error"},
	} {
		wanting(t, fleet, step.who, step.level)
	}
	for _, s := range rec.about("logging/setLevel") {
		_, level, _ := strings.Cut(strings.TrimRight(s.body, `"}`), `"level":"`)
		told = append(told, level)
	}
	if want := []string{"error", "debug", "error"}; !slices.Equal(told, want) {
		t.Errorf("told %q; want %q: bob has a connection of his own", told, want)
	}
	calls := rec.about("tools/call")
	if len(calls) != 7 {
		t.Errorf("got %d calls; want each once", len(calls))
	}
	if strings.Contains(calls[1].body, "logLevel") {
		t.Errorf("got %s; want nothing of another era", calls[1].body)
	}
}

func TestOneThatLogsNothingIsNotToldAndOneThatRefusesIsCalledAllTheSame(t *testing.T) {
	fleet, rec := open(t, &rawServer{sessions: true, call: replies(`{}`)})
	wanting(t, fleet, alice, "debug")
	if told := rec.about("logging/setLevel"); len(told) != 0 {
		t.Errorf("got %v for an upstream without logs; want nothing", told)
	}
	fleet, rec = open(t, &rawServer{sessions: true, caps: `{"logging":{}}`, call: func(w http.ResponseWriter, r *http.Request, id string, body []byte) {
		if methodOf(string(body)) == "logging/setLevel" {
			says(200, "application/json", `{"jsonrpc":"2.0","id":ID,"error":{"code":-32601,"message":"no"}}`)(w, r, id, body)
			return
		}
		answer(w, id, `{}`)
	}})
	wanting(t, fleet, alice, "debug")
	wanting(t, fleet, alice, "debug")
	if told, calls := rec.about("logging/setLevel"), rec.about("tools/call"); len(told) != 1 || len(calls) != 2 {
		t.Errorf("got %d times told, %d calls; want one and two", len(told), len(calls))
	}
}

func TestAStatelessUpstreamHearsTheLevelWithTheCall(t *testing.T) {
	fleet, rec := open(t, &rawServer{caps: `{"logging":{}}`, call: replies(`{}`)})
	l, _ := upstream.ParseLogLevel("notice")
	if _, err := fleet.Call(t.Context(), "crm", alice, upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x"}`), LogLevel: l}); err != nil {
		t.Fatal(err)
	}
	call(t, fleet, alice, `{"name":"x"}`)
	calls := rec.about("tools/call")
	if !strings.Contains(calls[0].body, `"io.modelcontextprotocol/logLevel":"notice"`) || strings.Contains(calls[1].body, "logLevel") {
		t.Errorf("got %s and %s; want the level with the first alone", calls[0].body, calls[1].body)
	}
	if told := rec.about("logging/setLevel"); len(told) != 0 {
		t.Errorf("got %v; want no request of another era", told)
	}
}
