package gateway

import (
	"net"
	"net/http"
	"net/url"

	"github.com/ostiary/ostiary/internal/edge/visit"
)

// byOwnNames keeps what a listener serves from pages elsewhere that had their
// name turned to this machine (DNS rebinding): on loopback, a request under a
// foreign name is answered with 421, as on the public listener.
func byOwnNames(l net.Listener, h http.Handler) http.Handler {
	at, ok := l.Addr().(*net.TCPAddr)
	site := visit.Site{URL: &url.URL{Scheme: "http", Host: l.Addr().String()}, Loopback: ok && at.IP.IsLoopback()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !site.ServesHost(r.Host) {
			http.Error(w, "This Ostiary does not answer under that name.", http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}
