package streamable_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/upstream/streamable"
)

// What a call costs, next to the same exchange by a bare http.Client.
func BenchmarkCall(b *testing.B) {
	for _, size := range []int{200, 4 << 10, 256 << 10} {
		payload := strings.Repeat("x", size)
		server := httptest.NewServer(&rawServer{call: replies(`{"content":[{"type":"text","text":"` + payload + `"}]}`)})
		b.Run(fmt.Sprintf("fleet/%d", size), func(b *testing.B) { benchFleet(b, server.URL, payload) })
		b.Run(fmt.Sprintf("bare/%d", size), func(b *testing.B) { benchBare(b, server.URL, payload) })
		server.Close()
	}
}

func benchFleet(b *testing.B, url, payload string) {
	spec := upstream.Spec{App: "crm", URL: url}
	fleet, err := upstream.Open(b.Context(), []upstream.Spec{spec}, upstream.Options{
		Logger: slog.New(slog.DiscardHandler), Transports: map[string]upstream.Opener{upstream.Streamable: streamable.Open},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer fleet.Close()
	req := upstream.Request{Method: "tools/call", Params: []byte(`{"name":"x","arguments":{"text":"` + payload + `"}}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fleet.Call(b.Context(), "crm", alice, req); err != nil {
			b.Fatal(err)
		}
	}
}

func benchBare(b *testing.B, url, payload string) {
	body := []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"text":"` + payload + `"}}}`)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	for b.Loop() {
		resp, err := client.Post(url, "application/json", bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}
