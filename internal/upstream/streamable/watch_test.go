package streamable_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary/internal/upstream"
)

// watchable has resources that can be subscribed to.
func watchable() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "s", Version: "1"}, &mcp.ServerOptions{
		SubscribeHandler:   func(_ context.Context, _ *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(_ context.Context, _ *mcp.UnsubscribeRequest) error { return nil },
	})
	for _, uri := range []string{"test://a", "test://b"} {
		server.AddResource(&mcp.Resource{URI: uri, Name: uri}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
			return &mcp.ReadResourceResult{}, nil
		})
	}
	return server
}

// watch returns where the changes come of a resource that the upstream agreed
// to tell of.
func watch(t *testing.T, fleet *upstream.Fleet, who upstream.Caller, uri string) (<-chan string, func()) {
	t.Helper()
	heard := make(chan string, 1000)
	w := fleet.Watch("crm", who, upstream.Watch{URI: uri, Updated: func(uri string) { heard <- uri }})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.Ready(ctx); err != nil {
		t.Fatalf("watch %s: %v", uri, err)
	}
	return heard, w.Close
}

func hear(t *testing.T, heard <-chan string, want string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case got := <-heard:
		if got != want {
			t.Errorf("heard of %s, want %s", got, want)
		}
	case <-deadline.C:
		t.Fatalf("heard nothing of %s", want)
	}
}

func TestChangesOfResourcesOfAnOfficialServerAreHeardInEachEra(t *testing.T) {
	for _, name := range []string{"2026-07-28 streams", "2025-11-25 streams", "2025-11-25"} {
		t.Run(name, func(t *testing.T) {
			server := watchable()
			fleet, rec := open(t, sdkHandlers()[name](server))
			ready(t, fleet)
			if lists, _ := fleet.Lists("crm"); !lists.Subscribes {
				t.Fatal("the lists don't say that changes are told of")
			}
			a, end := watch(t, fleet, alice, "test://a")
			b, _ := watch(t, fleet, alice, "test://b")
			tell := func(uri string) {
				if err := server.ResourceUpdated(t.Context(), &mcp.ResourceUpdatedNotificationParams{URI: uri}); err != nil {
					t.Error(err)
				}
			}
			for range 3 {
				tell("test://a")
				hear(t, a, "test://a")
			}
			end()
			tell("test://a")
			tell("test://b")
			hear(t, b, "test://b")
			if len(a) != 0 {
				t.Errorf("heard %q after the end", <-a)
			}
			if name[:4] == "2025" {
				if got := len(rec.about("resources/subscribe")); got != 2 {
					t.Errorf("got %d subscriptions, want one each", got)
				}
			}
		})
	}
}

// A stateless upstream has one stream for all resources of a connection.
func TestAnotherResourceIsHeardOfBeforeTheOldStreamEnds(t *testing.T) {
	type request struct {
		uris string
		end  <-chan struct{}
	}
	begun := make(chan request, 10)
	grant := func(body string) string {
		_, uris, _ := strings.Cut(body, `"resourceSubscriptions":[`)
		uris, _, _ = strings.Cut(uris, "]")
		return uris
	}
	raw := &rawServer{caps: `{"resources":{"subscribe":true}}`, call: replies(`{"resources":[],"resourceTemplates":[]}`)}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Mcp-Method") != "subscriptions/listen" {
			raw.ServeHTTP(w, r)
			return
		}
		body := string(readAll(t, r))
		granted := strings.Replace(grant(body), `"test://refused"`, `"test://other"`, 1)
		stream(w, `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":`+idOf([]byte(body))+`},"notifications":{"resourceSubscriptions":[`+granted+`]}}}`,
			`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://a"}}`)
		begun <- request{grant(body), r.Context().Done()}
		<-r.Context().Done()
	})
	fleet, _ := open(t, handler)
	ready(t, fleet)
	a, _ := watch(t, fleet, alice, "test://a")
	hear(t, a, "test://a")
	first := <-begun
	_, end := watch(t, fleet, alice, "test://b")
	second := <-begun
	<-first.end
	if got := []string{first.uris, second.uris}; !slices.Equal(got, []string{`"test://a"`, `"test://a","test://b"`}) {
		t.Errorf("listened for %q", got)
	}
	hear(t, a, "test://a")
	end()
	w := fleet.Watch("crm", alice, upstream.Watch{URI: "test://refused", Updated: func(string) {}})
	defer w.Close()
	if err := w.Ready(t.Context()); err == nil {
		t.Error("got no error for a resource that was not granted")
	}
	<-second.end
}
