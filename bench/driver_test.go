package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
)

func TestEveryCallHasAnIDOfItsOwnAndTheHeadersOfItsBody(t *testing.T) {
	seen := make(map[string]bool)
	var mu sync.Mutex
	u := new(upstream)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		seen[string(body)] = true
		for name, want := range map[string]string{
			"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call",
			"Mcp-Name": gatewayTool, "Authorization": "Bearer ost_pat_x",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		u.serveMCP(w, r)
	}))
	defer front.Close()
	done, err := drive(t.Context(), jobFor(front.URL, 1), ostiary.SystemClock{})
	if err != nil {
		t.Fatal(err)
	}
	if got := int64(len(seen)); got != done.Sent {
		t.Errorf("different calls: got %d, want all %d", got, done.Sent)
	}
}

func TestTheDriverCountsEveryCallItMade(t *testing.T) {
	u := new(upstream)
	front := httptest.NewServer(http.HandlerFunc(u.serveMCP))
	defer front.Close()
	done, err := drive(t.Context(), jobFor(front.URL, 8), ostiary.SystemClock{})
	if err != nil {
		t.Fatal(err)
	}
	if got := u.requests.Load(); got != done.Sent {
		t.Errorf("requests at the upstream: got %d, want the driver's count %d", got, done.Sent)
	}
	if got, want := done.Sent-done.Measured, int64(8*warmUp); got != want {
		t.Errorf("calls of the warm-up: got %d, want %d", got, want)
	}
	if done.P50 <= 0 || done.P99 < done.P50 || done.Elapsed < jobFor("", 8).Duration {
		t.Errorf("implausible outcome %+v", done)
	}
}

func TestALargeResultIsReadWholeAndNotHeld(t *testing.T) {
	front := httptest.NewServer(http.HandlerFunc(new(upstream).serveMCP))
	defer front.Close()
	j := jobFor(front.URL, 1)
	j.Size = maxResult
	call, err := newCall(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	c, err := connect(t.Context(), j, strings.TrimPrefix(front.URL, "http://"), call, ostiary.SystemClock{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.do(); err != nil {
		t.Fatal(err)
	}
	if got := len(c.body.bytes()); got > 2*endSize || c.warmUps != 2 {
		t.Errorf("holds %d bytes and warms up with %d calls, want at most %d and 2", got, c.warmUps, 2*endSize)
	}
}

func TestTheEndsOfABodyAreThoseOfTheWhole(t *testing.T) {
	var whole strings.Builder
	var e ends
	for i := range 3000 {
		fmt.Fprintf(&whole, "%d,", i)
		fmt.Fprintf(&e, "%d,", i)
	}
	if want := whole.String()[:endSize] + whole.String()[whole.Len()-endSize:]; string(e.bytes()) != want {
		t.Errorf("got %.50q…, want the first and last %d bytes", e.bytes(), endSize)
	}
	e.reset()
	fmt.Fprint(&e, "short")
	if got := string(e.bytes()); got != "short" {
		t.Errorf("got %q, want all of what is short", got)
	}
}

func TestAWrongAnswerFailsTheMeasurement(t *testing.T) {
	good := `{"jsonrpc":"2.0","id":1000000001,"result":{"content":[{"type":"text","text":"` + endOfResult + `"}]}}`
	for _, test := range []struct {
		name, body, want string
		status           int
	}{
		{"refused", `{"error":"no"}`, "status 403", 403},
		{"an error with status 200", `{"jsonrpc":"2.0","id":1000000001,"error":{"code":-32602}}`, "no complete result", 200},
		{"cut short", strings.TrimSuffix(good, `result"}]}}`), "no complete result", 200},
		{"somebody else's", strings.Replace(good, "1000000001", "1000000002", 1), "another call", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			}))
			defer front.Close()
			_, err := drive(t.Context(), jobFor(front.URL, 1), ostiary.SystemClock{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestATargetThatHangsUpFailsTheMeasurement(t *testing.T) {
	front := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}))
	defer front.Close()
	if _, err := drive(t.Context(), jobFor(front.URL, 2), ostiary.SystemClock{}); err == nil {
		t.Error("got no error, want one")
	}
}

func TestTheProxyForwardsOneRequestForOne(t *testing.T) {
	u := new(upstream)
	back := httptest.NewServer(u.handler())
	defer back.Close()
	target, err := url.Parse(back.URL)
	if err != nil {
		t.Fatal(err)
	}
	handler := newProxy(target)
	front := httptest.NewServer(handler)
	defer front.Close()
	done, err := drive(t.Context(), jobFor(front.URL, 8), ostiary.SystemClock{})
	if err != nil {
		t.Fatal(err)
	}
	if got := u.requests.Load(); got != done.Sent {
		t.Errorf("requests at the upstream: got %d, want %d", got, done.Sent)
	}
}

func TestPercentilesAreOfTheSortedValues(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, test := range []struct {
		sorted []time.Duration
		p      int
		want   time.Duration
	}{
		{nil, 50, 0},
		{[]time.Duration{7}, 50, 7},
		{[]time.Duration{7}, 99, 7},
		{[]time.Duration{1, 2, 3}, 50, 2},
		{hundred, 50, 50},
		{hundred, 99, 99},
	} {
		if got := percentile(test.sorted, test.p); got != test.want {
			t.Errorf("percentile %d of %d values: got %d, want %d", test.p, len(test.sorted), got, test.want)
		}
	}
}

func jobFor(url string, connections int) job {
	return job{
		URL: url + "/mcp", Token: "ost_pat_x", Tool: gatewayTool,
		Size: 64, Connections: connections, Duration: 2 * time.Millisecond,
	}
}
