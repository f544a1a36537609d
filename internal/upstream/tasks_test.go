package upstream_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

func TestAFleetKnowsWhichAppsHaveTasks(t *testing.T) {
	for name, c := range map[string]struct {
		era, caps string
		want      bool
	}{
		"declared":        {"2026-07-28", `{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}`, true},
		"another":         {"2026-07-28", `{"tools":{},"extensions":{"io.modelcontextprotocol/ui":{}}}`, false},
		"of another kind": {"2026-07-28", `{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":true}}`, false},
		"not declared":    {"2026-07-28", `{"tools":{}}`, false},
		"an older era":    {"", `{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}},"tasks":{}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fleet := open(t, &fakeTransport{era: c.era, caps: c.caps})
				if fleet.Tasks("files") {
					t.Error("got it known before anything was heard")
				}
				if err := fleet.Ready(t.Context(), "files"); err != nil {
					t.Fatal(err)
				}
				if got := fleet.Tasks("files"); got != c.want || fleet.Tasks("nobody") {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestARequestThatTakesATaskSaysSoAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var declared, names []string
		f := &fakeTransport{era: "2026-07-28", refuse: func(m *upstream.Message) string {
			mu.Lock()
			defer mu.Unlock()
			if m.Method == wire.MethodToolsCall || m.Method == wire.MethodTasksGet {
				caps, _ := wire.Lookup(m.Body, "params", "_meta", wire.MetaClientCapabilities)
				declared, names = append(declared, string(caps)), append(names, m.Name)
			}
			return ""
		}}
		fleet := open(t, f)
		for _, req := range []upstream.Request{
			{Method: "tools/call", Params: []byte(`{"name":"x"}`)},
			{Method: "tools/call", Params: []byte(`{"name":"x"}`), Tasks: true},
			{Method: "tools/call", Params: []byte(`{"name":"x"}`), Tasks: true, Asks: upstream.AskForm},
			{Method: "tasks/get", Params: []byte(`{"taskId":"t 1"}`), Tasks: true},
		} {
			if _, err := fleet.Call(t.Context(), "files", alice, req); err != nil {
				t.Fatal(err)
			}
		}
		const ext = `"extensions":{"io.modelcontextprotocol/tasks":{}}`
		if want := []string{`{}`, `{` + ext + `}`, `{"elicitation":{"form":{}},` + ext + `}`, `{` + ext + `}`}; !slices.Equal(declared, want) {
			t.Errorf("got %q, want %q", declared, want)
		}
		if want := []string{"x", "x", "x", "t 1"}; !slices.Equal(names, want) {
			t.Errorf("got names %q, want %q", names, want)
		}
	})
}
