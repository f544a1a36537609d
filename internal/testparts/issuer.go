package testparts

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// The one client that an Issuer knows.
const (
	IssuerClient = "ostiary"
	IssuerSecret = "s3cr3t/+:%"
)

// An Issuer is an identity provider, in a process of its own.
type Issuer struct {
	t   testing.TB
	URL string
}

// StartIssuer runs one until the test ends.
func StartIssuer(t testing.TB) *Issuer {
	t.Helper()
	child := Start(t, exec.Command(Build(t, "internal/testparts/idp")))
	return &Issuer{t, strings.TrimSpace(child.Await(t, "issuer "))}
}

// A JSON is an object.
type JSON = map[string]any

// Behave has the issuer answer in a manner (see internal/testparts/idp) until
// the next; nil: as it should.
func (i *Issuer) Behave(manner JSON) {
	i.t.Helper()
	if manner == nil {
		manner = JSON{}
	}
	i.post("/control/manner", manner)
}

// Rotate gives the issuer a new key instead of the one it had.
func (i *Issuer) Rotate() {
	i.t.Helper()
	i.post("/control/rotate", JSON{})
}

// Mint returns a JWT of the issuer. how: "", or none, hs256, other.
func (i *Issuer) Mint(how string, head, claims JSON) string {
	i.t.Helper()
	var out struct{ Token string }
	i.decode(i.post("/control/mint", JSON{"sign": how, "head": head, "claims": claims}), &out)
	return out.Token
}

// Seen is what the issuer was asked: how often each path, and the last
// authorization request.
type Seen struct {
	Counts map[string]int
	Asked  map[string]string
}

// Seen tells what the issuer was asked.
func (i *Issuer) Seen() (s Seen) {
	i.t.Helper()
	r, err := http.NewRequestWithContext(i.t.Context(), http.MethodGet, i.URL+"/control/seen", nil)
	if err != nil {
		i.t.Fatal(err)
	}
	i.decode(i.do(r), &s)
	return s
}

func (i *Issuer) post(path string, body JSON) []byte {
	i.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		i.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(i.t.Context(), http.MethodPost, i.URL+path, bytes.NewReader(raw))
	if err != nil {
		i.t.Fatal(err)
	}
	return i.do(r)
}

func (i *Issuer) do(r *http.Request) []byte {
	i.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	got, err := client.Do(r)
	if err != nil {
		i.t.Fatal(err)
	}
	defer got.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(got.Body); err != nil || got.StatusCode != http.StatusOK {
		i.t.Fatalf("%s: %d %s %v", r.URL, got.StatusCode, b.String(), err)
	}
	return b.Bytes()
}

func (i *Issuer) decode(raw []byte, v any) {
	i.t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		i.t.Fatalf("%s: %v", raw, err)
	}
}
