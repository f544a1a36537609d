package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWithoutOptionsTheWholeComparisonIsMade(t *testing.T) {
	got, err := parseOptions(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := options{
		targets: []string{direct, proxy, relaxed, strict}, sizes: []int{64, 4096, 256 << 10, 16 << 20}, also: []asked{aStream, aList, aRefresh}, connections: []int{1, 16, 64},
		rounds: 5, duration: 2 * time.Second, rules: 1000,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{})); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
}

func TestOptionsThatWouldNotEndOrMeanNothingAreRefused(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-targets nginx", "nginx"},
		{"-targets proxy,proxy", "twice"},
		{"-sizes 1", "-sizes"},
		{"-sizes 99999999", "-sizes"},
		{"-also resources", "-also"},
		{"-connections 0", "-connections"},
		{"-connections 10000", "-connections"},
		{"-connections x", "-connections"},
		{"-rounds 0", "-rounds"},
		{"-duration 2h", "-duration"},
		{"-rules 0", "-rules"},
		{"upstrem", "upstrem"},
	} {
		_, err := parseOptions(strings.Fields(test.args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.args, err, test.want)
		}
	}
}

func TestAllProblemsAreReportedTogether(t *testing.T) {
	_, err := parseOptions([]string{"-targets", "nginx", "-sizes", "1", "-rounds", "0"}, io.Discard)
	for _, want := range []string{"-targets", "-sizes", "-rounds"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
