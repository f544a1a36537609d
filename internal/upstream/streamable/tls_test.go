package streamable

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/upstream"
)

// The twin of the certificate of a stranger: one that is trusted.
func TestCallsOverTLSShareAConnection(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":7,"result":{}}`)
	}))
	var made atomic.Int64
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			made.Add(1)
		}
	}
	server.TLS = &tls.Config{MaxVersion: tls.VersionTLS12} // later ones may speak unasked, which ends a connection
	server.StartTLS()
	defer server.Close()
	opened, err := Open(upstream.Spec{App: "crm", URL: server.URL, Timeout: time.Minute, MaxResult: 1 << 20}, upstream.Tools{Clock: ostiary.SystemClock{}})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	opened.(*transport).place.tls.RootCAs = trusted
	link, err := opened.Dial(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	for range 3 {
		answer, err := link.Do(t.Context(), &upstream.Message{ID: 7, Method: "ping", Version: "2026-07-28", Body: []byte(`{}`)})
		if err != nil || string(answer.Result) != "{}" {
			t.Fatalf("got %s, %v", answer.Result, err)
		}
	}
	if got := made.Load(); got != 1 {
		t.Errorf("connections: got %d, want 1", got)
	}
}

func TestWhereAnEndpointIs(t *testing.T) {
	for url, want := range map[string]place{
		"http://crm.example/mcp":            {target: "/mcp", host: "crm.example", address: "crm.example:80"},
		"http://crm.example:8080":           {target: "/", host: "crm.example:8080", address: "crm.example:8080"},
		"http://[::1]:9/a%20b?c=d%26":       {target: "/a%20b?c=d%26", host: "[::1]:9", address: "[::1]:9"},
		"http://user:pass@crm.example/x#y":  {target: "/x", host: "crm.example", address: "crm.example:80"},
		"http://bücher.example/":            {target: "/", host: "xn--bcher-kva.example", address: "xn--bcher-kva.example:80"},
		"https://crm.example/mcp?key=value": {target: "/mcp?key=value", host: "crm.example", address: "crm.example:443"},
	} {
		opened, err := Open(upstream.Spec{App: "crm", URL: url}, upstream.Tools{Clock: ostiary.SystemClock{}})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		got := opened.(*transport).place
		if got.target != want.target || got.host != want.host || got.address != want.address {
			t.Errorf("%s: got %+v, want %+v", url, got, want)
		}
		if secured := got.tls != nil; secured != (want.address == "crm.example:443") || secured && got.tls.ServerName != "crm.example" {
			t.Errorf("%s: got TLS %+v", url, got.tls)
		}
	}
}
