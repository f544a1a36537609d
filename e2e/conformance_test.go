package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A crossing is what the suite's client speaks, and what the upstream behind the
// gateway does.
type crossing struct{ client, upstream string }

// crossings are client era × upstream era; `both` is one URL for both eras, as
// most servers will be, and stdio is a child that speaks all of them.
var crossings = []crossing{
	{legacy, legacy},
	{legacy, modern},
	{legacy, "both"},
	{legacy, "stdio"},
	{modern, legacy},
	{modern, modern},
	{modern, "both"},
	{modern, "stdio"},
}

// TestTheConformanceSuiteSeesWhatItSeesDirectly runs the official suite
// against the official Go SDK's server, and then through the gateway: what
// passes directly must pass through, but for what testdata/conformance.txt
// lists. A line of that list that is no longer true fails the test, too.
func TestTheConformanceSuiteSeesWhatItSeesDirectly(t *testing.T) {
	list := readExpected(t, "testdata/conformance.txt")
	direct := map[string]report{
		legacy: directly(t, legacy, 70),
		modern: directly(t, modern, 110),
	}
	for _, c := range crossings {
		t.Run(c.client+" over "+c.upstream, func(t *testing.T) {
			through := suite(t, behind(t, c.upstream), "--requirements", c.client)
			for range 2 { // for checks that look at the clock
				again := list.late(c, direct[c.client], through)
				if len(again) == 0 {
					break
				}
				for _, scenario := range again {
					through.merge(suite(t, behind(t, c.upstream), "--spec-version", c.client, "--scenario", scenario))
				}
			}
			list.compare(t, c, direct[c.client], through)
		})
	}
	list.wantAllUsed(t)
}

// A report says how often each check, by scenario:id, passed, and what the
// suite said of those that did not.
type report struct {
	passed map[string]int
	said   map[string]string
}

func (r report) merge(more report) {
	for check, times := range more.passed {
		r.passed[check] = max(r.passed[check], times)
	}
	maps.Copy(r.said, more.said)
}

// total is how many checks passed.
func (r report) total() int {
	total := 0
	for _, times := range r.passed {
		total += times
	}
	return total
}

// suite runs the suite.
func suite(t *testing.T, url string, args ...string) report {
	t.Helper()
	r := report{map[string]int{}, map[string]string{}}
	for _, c := range testparts.Conformance(t, url, args...) {
		check := c.Scenario + ":" + c.ID
		switch c.Status {
		case "SUCCESS":
			r.passed[check]++
		case "FAILURE", "WARNING":
			r.said[check] = c.Message
		}
	}
	return r
}

// directly is what passes without a gateway, which must be a good deal. The
// server has neither tasks nor skills.
func directly(t *testing.T, era string, least int) report {
	t.Helper()
	r := suite(t, testparts.ConformanceServer(t, era == legacy), "--requirements", era)
	maps.DeleteFunc(r.passed, func(check string, _ int) bool {
		return strings.HasPrefix(check, "tasks-") || strings.HasPrefix(check, "sep-2640-")
	})
	if r.total() < least {
		t.Fatalf("%s: %d checks pass directly; want %d or more", era, r.total(), least)
	}
	return r
}

// behind puts a fresh server behind a fresh gateway that asks for no token,
// and returns the server's address there.
func behind(t *testing.T, upstream string) string {
	t.Helper()
	return behindFreely(t, reached(t, upstream))
}

func behindFreely(t *testing.T, how string) string {
	t.Helper()
	h := newHouse(t, "", fmt.Sprintf("\napps:\n  - {id: every, %s, standalone: true, allow_server_requests: [elicitation, sampling, roots]}\n", how))
	h.replace("\nauth:\n", "\nauth:\n  mode: public\n  anonymous: {scopes: [\"mcp:read\", \"mcp:write\"], apps: [every]}\n")
	return h.start().url + "/every/mcp"
}

// reached starts a server and says how a gateway reaches it.
func reached(t *testing.T, upstream string) string {
	t.Helper()
	switch upstream {
	case "stdio":
		return fmt.Sprintf("command: [%q]", testparts.ConformanceCommand(t)[0])
	case "both":
		return fmt.Sprintf("url: %q", byEra(t, testparts.ConformanceServer(t, true), testparts.ConformanceServer(t, false)))
	default:
		return fmt.Sprintf("url: %q", testparts.ConformanceServer(t, upstream == legacy))
	}
}

// byEra is one URL for both eras: a server of the Go SDK serves one.
func byEra(t *testing.T, older, newer string) string {
	t.Helper()
	s := httptest.NewServer(readWhole(eraHandler{proxyTo(t, older), proxyTo(t, newer)}))
	t.Cleanup(s.Close)
	return s.URL + "/mcp"
}

// readWhole reads bodies before they are passed on: a proxy that streams them
// to a server that answers early loses answers now and then.
func readWhole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		next.ServeHTTP(w, r)
	})
}

func proxyTo(t *testing.T, address string) http.Handler {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, target.Host
	}}
}

// expected are the differences that are known, in the order of the file.
type expected []*difference

// A difference is a scenario, or a check of one, that passes directly but
// not through the gateway.
type difference struct {
	line             int
	client, upstream string // "any" is any
	check            string // scenario or scenario:id
	why              string
	clock            bool // the suite looks at the clock: may pass at the second or third try
	used             bool
}

// readExpected reads a file of lines `client | upstream | check | why`.
func readExpected(t *testing.T, file string) expected {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list expected
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			t.Fatalf("%s:%d: got %d cells, want client | upstream | check | why", file, n, len(cells))
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		list = append(list, &difference{
			line: n, client: cells[0], upstream: cells[1], check: cells[2], why: cells[3],
			clock: strings.HasPrefix(cells[3], "clock: "),
		})
	}
	return list
}

func (d *difference) holdsFor(c crossing) bool {
	return (d.client == "any" || d.client == c.client) && (d.upstream == "any" || d.upstream == c.upstream)
}

func (d *difference) covers(check string) bool {
	return d.check == check || strings.HasPrefix(check, d.check+":")
}

// missing are the checks that pass directly but not through, sorted.
func missing(direct, through report) []string {
	var out []string
	for check, times := range direct.passed {
		if through.passed[check] < times {
			out = append(out, check)
		}
	}
	slices.Sort(out)
	return out
}

// late are the scenarios with a check that looks at the clock and has not
// passed yet.
func (list expected) late(c crossing, direct, through report) []string {
	var scenarios []string
	for _, check := range missing(direct, through) {
		if list.has(c, check, true) && !list.has(c, check, false) {
			scenario, _, _ := strings.Cut(check, ":")
			scenarios = append(scenarios, scenario)
		}
	}
	return slices.Compact(scenarios)
}

// has says whether a check is listed for a crossing, as one that looks at the
// clock or as one that does not pass.
func (list expected) has(c crossing, check string, clock bool) bool {
	return slices.ContainsFunc(list, func(d *difference) bool { return d.clock == clock && d.holdsFor(c) && d.covers(check) })
}

// compare wants exactly the differences that are listed for a crossing.
func (list expected) compare(t *testing.T, c crossing, direct, through report) {
	t.Helper()
	lacks := missing(direct, through)
	for _, check := range lacks {
		if !list.has(c, check, false) {
			t.Errorf("%s passes %d times directly, but %d times through the gateway: %s", check, direct.passed[check], through.passed[check], through.said[check])
		}
	}
	for _, d := range list {
		if !d.holdsFor(c) {
			continue
		}
		d.used = true
		if !d.clock && !slices.ContainsFunc(lacks, d.covers) {
			t.Errorf("line %d of the list: %s passes now: remove the line, or make it narrower", d.line, d.check)
		}
	}
}

func (list expected) wantAllUsed(t *testing.T) {
	t.Helper()
	for _, d := range list {
		if !d.used {
			t.Errorf("line %d of the list: no such crossing: %s over %s", d.line, d.client, d.upstream)
		}
	}
}
