package guarded_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/examples/guarded"
	"github.com/ostiary/ostiary/mcpguard"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/sqlite"
)

var eras = []string{"2025-11-25", "2026-07-28"}

func open(t *testing.T) (*mcpguard.House, string) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "guarded.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	house, err := mcpguard.Open(t.Context(), mcpguard.Options{
		Storage: db, Keys: store.NewKeyring(ostiary.SystemClock{}), Rules: guarded.Rules, Users: guarded.Users,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := house.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	front := httptest.NewServer(guarded.Handler(house, time.Minute))
	t.Cleanup(front.Close)
	return house, front.URL
}

type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func connect(t *testing.T, url, token, era string) (*mcp.ClientSession, error) {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	return client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: url, DisableStandaloneSSE: true, HTTPClient: &http.Client{Transport: bearer(token)}, MaxRetries: -1,
	}, &mcp.ClientSessionOptions{ProtocolVersion: era})
}

func TestTheNotebookIsReadFreelyAndDeletedFromWithAYes(t *testing.T) {
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			house, url := open(t)
			token, err := guarded.Token(t.Context(), house)
			if err != nil {
				t.Fatal(err)
			}
			s, err := connect(t, url, token.Reveal(), era)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if got := say(t, s, "whoami", `{}`); !strings.Contains(got, `"alice"`) {
				t.Errorf("got %s; want alice", got)
			}
			if got := say(t, s, "list_notes", `{}`); !strings.Contains(got, "milk") {
				t.Errorf("got %s; want the notes", got)
			}
			go answer(t, house, approval.Answer{Decision: approval.Approve, Scope: approval.Once})
			if got := say(t, s, "delete_note", `{"note":"buy milk"}`); strings.Contains(got, "milk") {
				t.Errorf("got %s; want it deleted", got)
			}
			go answer(t, house, approval.Answer{Decision: approval.Deny, Reason: "I still have to"})
			if got := say(t, s, "delete_note", `{"note":"call Ada"}`); !strings.Contains(got, "I still have to") {
				t.Errorf("got %s; want the reason of the no", got)
			}
			if got := say(t, s, "list_notes", `{}`); !strings.Contains(got, "Ada") {
				t.Errorf("got %s; want the note still there", got)
			}
		})
	}
}

func TestWithoutATokenNothingIsServed(t *testing.T) {
	_, url := open(t)
	for _, era := range eras {
		if s, err := connect(t, url, "nonsense", era); err == nil {
			s.Close()
			t.Errorf("%s: got in without a token", era)
		}
	}
}

// say calls a tool and returns all that came back, as JSON.
func say(t *testing.T, s *mcp.ClientSession, tool, args string) string {
	t.Helper()
	res, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: json.RawMessage(args)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// answer decides the first request that waits for Alice.
func answer(t *testing.T, house *mcpguard.House, a approval.Answer) {
	alice := approval.Decider{Subject: "alice", SignedInAt: ostiary.SystemClock{}.Now(), Origin: "page"}
	for t.Context().Err() == nil {
		waiting, _, err := house.Approvals.Requests(t.Context(), alice, approval.Pending, 1, "")
		if err == nil && len(waiting) == 1 {
			_, err = house.Approvals.Decide(t.Context(), waiting[0].ID, alice, a, time.Hour)
		}
		if err != nil {
			t.Error(err)
			return
		}
		if len(waiting) == 1 {
			return
		}
	}
}
