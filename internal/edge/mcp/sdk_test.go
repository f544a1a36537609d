package mcp_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/examples/crm"
	"github.com/ostiary/ostiary/internal/edge/mcp"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/upstream/streamable"
	"github.com/ostiary/ostiary/store"
)

// A street is a real client, this door, and a real server behind it.
type street struct {
	*house
	crm *crm.CRM
	url string
}

func newStreet(t *testing.T) *street {
	t.Helper()
	app := crm.New()
	server := httptest.NewServer(app.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	fleet, err := upstream.Open(t.Context(), []upstream.Spec{{App: "crm", URL: server.URL + "/mcp", Timeout: 10 * time.Second, Refresh: time.Hour}}, upstream.Options{
		Logger: slog.New(slog.DiscardHandler), Transports: map[string]upstream.Opener{upstream.Streamable: streamable.Open},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	if err := fleet.Ready(t.Context(), "crm"); err != nil {
		t.Fatal(err)
	}
	h := newHouseOver(t, fleet, func(c *mcp.Config) { c.Hold = 30 * time.Second })
	watching, stop := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() { defer close(watched); h.db.Watch(watching) }()
	t.Cleanup(func() { stop(); <-watched })
	door := httptest.NewServer(h.mux)
	t.Cleanup(door.Close)
	t.Cleanup(door.CloseClientConnections)
	return &street{h, app, door.URL}
}

// bearer puts a token on every request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func (s *street) connect(t *testing.T, version string, o *sdk.ClientOptions) *sdk.ClientSession {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "official", Version: "1"}, o)
	transport := &sdk.StreamableClientTransport{Endpoint: s.url + "/mcp", HTTPClient: &http.Client{Transport: bearer("alice")}}
	session, err := client.Connect(t.Context(), transport, &sdk.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatalf("connect as of %s: %v", version, err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

var versions = []string{"2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"}

func TestAnOfficialClientListsAndCallsInEveryEra(t *testing.T) {
	s := newStreet(t)
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			session := s.connect(t, version, nil)
			tools, err := session.ListTools(t.Context(), nil)
			if err != nil {
				t.Fatalf("list: %v", err)
			}
			has := slices.ContainsFunc(tools.Tools, func(tool *sdk.Tool) bool { return tool.Name == "crm__get_contact" })
			if !has {
				t.Errorf("got %d tools without crm__get_contact", len(tools.Tools))
			}
			result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "crm__get_contacts", Arguments: map[string]any{"siteId": "site-A"}})
			if err != nil || result.IsError {
				t.Errorf("call: got %+v, %v; want contacts", result, err)
			}
			result, err = session.CallTool(t.Context(), &sdk.CallToolParams{Name: "crm__get_contacts", Arguments: map[string]any{"siteId": "site-B"}})
			if err != nil || !result.IsError {
				t.Errorf("call in another site: got %+v, %v; want a refusal", result, err)
			}
			if _, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "crm__nothing"}); err == nil || !strings.Contains(err.Error(), "Unknown tool: crm__nothing") {
				t.Errorf("call of nothing: got %v; want an unknown tool", err)
			}
			if _, err := session.ListResources(t.Context(), nil); err != nil {
				t.Errorf("list resources: %v", err)
			}
			if _, err := session.ListPrompts(t.Context(), nil); err != nil {
				t.Errorf("list prompts: %v", err)
			}
		})
	}
}

func (s *street) remove(t *testing.T, session *sdk.ClientSession, id string) (*sdk.CallToolResult, error) {
	t.Helper()
	return session.CallTool(t.Context(), &sdk.CallToolParams{Name: "crm__delete_contact", Arguments: map[string]any{"siteId": "site-A", "id": id}})
}

// contacts are the ids of a site's contacts.
func (s *street) contacts(t *testing.T, session *sdk.ClientSession) []string {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "crm__get_contacts", Arguments: map[string]any{"siteId": "site-A"}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(result.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Contacts []struct{ ID string } }
	if err := json.Unmarshal(raw, &list); err != nil || len(list.Contacts) == 0 {
		t.Fatalf("got %s, %v; want contacts", raw, err)
	}
	var ids []string
	for _, c := range list.Contacts {
		ids = append(ids, c.ID)
	}
	return ids
}

// approveNext says yes to the next request that is made.
func (s *street) approveNext(t *testing.T) {
	t.Helper()
	asked := make(chan struct{}, 1)
	t.Cleanup(s.db.OnChange(func(c store.Change) {
		if c.Key.Kind != "request" {
			return
		}
		select {
		case asked <- struct{}{}:
		default:
		}
	}))
	decided := make(chan struct{})
	go func() {
		defer close(decided)
		<-asked
		s.decide(t, "approve")
	}()
	t.Cleanup(func() { <-decided })
}

func TestAnOfficialClientThatDeclaresNothingIsHeldAndGoesThrough(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := newStreet(t)
			session := s.connect(t, version, nil)
			id := s.contacts(t, session)[0]
			s.approveNext(t)
			result, err := s.remove(t, session, id)
			if err != nil || result.IsError || s.crm.Calls("delete_contact") != 1 {
				t.Errorf("got %+v, %v, %d executions; want one", result, err, s.crm.Calls("delete_contact"))
			}
		})
	}
}

func TestAnOfficialClientThatShowsLinksIsAskedToAndGoesThrough(t *testing.T) {
	s := newStreet(t)
	var shown []string
	session := s.connect(t, "2026-07-28", &sdk.ClientOptions{
		Capabilities: &sdk.ClientCapabilities{Elicitation: &sdk.ElicitationCapabilities{URL: &sdk.URLElicitationCapabilities{}}},
		ElicitationHandler: func(_ context.Context, r *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			shown = append(shown, r.Params.URL)
			s.decide(t, "approve")
			return &sdk.ElicitResult{Action: "accept"}, nil
		},
	})
	id := s.contacts(t, session)[0]
	result, err := s.remove(t, session, id)
	if err != nil || result.IsError || s.crm.Calls("delete_contact") != 1 {
		t.Errorf("got %+v, %v, %d executions; want one", result, err, s.crm.Calls("delete_contact"))
	}
	if len(shown) != 1 || !strings.HasPrefix(shown[0], "https://gate.example/approvals/req_") {
		t.Errorf("got links %v; want the one to the request", shown)
	}
}

func TestAnOfficialClientHearsThatListsChanged(t *testing.T) {
	s := newStreet(t)
	heard := make(chan struct{}, 1)
	session := s.connect(t, "2025-11-25", &sdk.ClientOptions{ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) {
		select {
		case heard <- struct{}{}:
		default:
		}
	}})
	if _, err := session.ListTools(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		// The stream is opened in the background: who isn't there yet hears
		// of the next change.
		s.swapCatalogue(t)
		select {
		case <-heard:
			return
		case <-tick.C:
		}
	}
	t.Error("got no word of changed lists")
}

// swapCatalogue makes the lists empty, or full again.
func (s *street) swapCatalogue(t *testing.T) {
	t.Helper()
	s.source.toggle()
	if err := s.catalogue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.handler.ListsChanged()
}
