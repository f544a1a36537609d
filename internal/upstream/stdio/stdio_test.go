package stdio_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
)

func TestAChildIsCalledInTheEraThatItSpeaks(t *testing.T) {
	for role, want := range map[string]string{"plain": "2025-06-18", "modern": "2026-07-28", "frail": "2025-06-18", "sdk": "2026-07-28"} {
		t.Run(role, func(t *testing.T) {
			fleet, _ := open(t, role)
			if err := ready(t, fleet); err != nil {
				t.Fatal(err)
			}
			lists, _ := fleet.Lists("files")
			if len(lists.Tools) != 1 || lists.Era != want {
				t.Errorf("got %d tools in era %s, want 1 in %s", len(lists.Tools), lists.Era, want)
			}
		})
	}
}

func TestAnOfficialChildAnswers(t *testing.T) {
	fleet, _ := open(t, "sdk")
	if got := call(t, fleet, alice, "greet", "{}"); !strings.Contains(got, `"hello"`) {
		t.Errorf("got %s, want hello", got)
	}
}

func TestArgumentsAndResultsPassByteForByte(t *testing.T) {
	fleet, _ := open(t, "plain")
	const odd = `{"n":9223372036854775807 ,"x":1.0,"s":"\u00e9 \n <&>","half":"\ud83d"}`
	if got := call(t, fleet, alice, "echo", odd); got != odd {
		t.Errorf("got  %s\nwant %s", got, odd)
	}
}

func TestLineBreaksBetweenTokensDoNotBreakTheLine(t *testing.T) {
	fleet, _ := open(t, "plain")
	if got, want := call(t, fleet, alice, "echo", "{\r\n \"a\":\n1}"), `{   "a": 1}`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEachPersonHasAChildUnlessTheAppIsShared(t *testing.T) {
	for shared, want := range map[bool]int{false: 2, true: 1} {
		fleet, _ := open(t, "plain", func(s *upstream.Spec, _ *upstream.Options) { s.Shared = shared })
		pids := []string{call(t, fleet, alice, "pid", "{}"), call(t, fleet, bob, "pid", "{}"), call(t, fleet, alice, "pid", "{}")}
		slices.Sort(pids)
		if got := len(slices.Compact(pids)); got != want {
			t.Errorf("shared=%v: got %d children, want %d", shared, got, want)
		}
	}
}

func TestAChildHasTheEnvironmentGivenAndNoOther(t *testing.T) {
	t.Setenv("OSTIARY_SECRET", "must not leak")
	fleet, _ := open(t, "plain", func(s *upstream.Spec, _ *upstream.Options) { s.Env["LANG"] = "C" })
	if got, want := call(t, fleet, alice, "env", "{}"), `"CHILD_ROLE=plain GORACE=atexit_sleep_ms=0 LANG=C"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestConcurrentCallsGetTheirOwnAnswers(t *testing.T) {
	fleet, _ := open(t, "plain", func(s *upstream.Spec, _ *upstream.Options) { s.Shared = true })
	var calls sync.WaitGroup
	for i := range 50 {
		calls.Go(func() {
			want := fmt.Sprintf(`{"i":%d}`, i)
			if got, err := try(t.Context(), fleet, alice, "echo", want); got != want || err != nil {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
		})
	}
	calls.Wait()
}

func TestAnswersInAnotherOrderReachWhoAsked(t *testing.T) {
	fleet, _ := open(t, "plain")
	var calls sync.WaitGroup
	for _, want := range []string{`{"i":1}`, `{"i":2}`, `{"i":3}`} {
		calls.Go(func() {
			if got, err := try(t.Context(), fleet, alice, "hold", want); got != want || err != nil {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		calls.Wait()
		close(done)
	}()
	for waiting := true; waiting; {
		call(t, fleet, alice, "release", "{}")
		select {
		case <-done:
			waiting = false
		default:
		}
	}
}

func TestACrashLeavesItOpenWhatRanAndTheNextCallGetsANewChild(t *testing.T) {
	fleet, _ := open(t, "plain")
	before := call(t, fleet, alice, "pid", "{}")
	_, err := try(t.Context(), fleet, alice, "crash", "{}")
	if err == nil || upstream.NotSent(err) {
		t.Fatalf("got %v (not sent: %v), want an error that leaves it open", err, upstream.NotSent(err))
	}
	for _, want := range []string{"files: tools/call: ", "exit status 7", "out of cheese"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q in it", err, want)
		}
	}
	if after := call(t, fleet, alice, "pid", "{}"); after == before {
		t.Errorf("the child %s answers after its end", after)
	}
	if got := fleet.Counts("files").Broken.Load(); got != 1 {
		t.Errorf("broken: got %d, want 1", got)
	}
}

func TestAChildThatLeftIsReplacedBeforeTheNextCall(t *testing.T) {
	fleet, _ := open(t, "plain")
	left := pid(t, call(t, fleet, alice, "leave", "{}"))
	await(t, func() bool { return syscall.Kill(left, 0) != nil }) // not a zombie: its threads may still be at work
	if got := call(t, fleet, alice, "echo", `{"a":1}`); got != `{"a":1}` {
		t.Errorf("got %s", got)
	}
}

func TestAProgramThatDoesNotExistIsProvenNotSent(t *testing.T) {
	fleet, _ := open(t, "plain", func(s *upstream.Spec, _ *upstream.Options) { s.Command = []string{"/does/not/exist"} })
	_, err := try(t.Context(), fleet, alice, "echo", "{}")
	if !upstream.NotSent(err) || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("got %v, want it to name the program, not sent", err)
	}
	if err := ready(t, fleet); err == nil {
		t.Error("lists of a program that does not exist are ready")
	}
}

func TestGarbageIsReportedAndDoesNotEndTheChild(t *testing.T) {
	fleet, log := open(t, "chatty")
	if got := call(t, fleet, alice, "garbage", "{}"); got != "{}" {
		t.Errorf("got %s, want {}", got)
	}
	call(t, fleet, alice, "echo", "{}") // the second answer was read before this one
	counts := fleet.Counts("files")
	if garbage, strays := counts.Garbage.Load(), counts.Strays.Load(); garbage < 3 || strays != 2 {
		t.Errorf("got %d garbage and %d strays, want 3 or more and 2", garbage, strays)
	}
	for _, want := range []string{"npm notice", "app=files"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q isn't in the log:\n%s", want, log)
		}
	}
}

func TestAnAnswerTooLongToReadEndsItsCall(t *testing.T) {
	fleet, _ := open(t, "plain", func(s *upstream.Spec, _ *upstream.Options) { s.MaxResult = 1 << 14 })
	_, err := try(t.Context(), fleet, alice, "huge", "{}")
	if err == nil || upstream.NotSent(err) || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %v, want too large, and that it may have run", err)
	}
	if got := call(t, fleet, alice, "echo", "{}"); got != "{}" {
		t.Errorf("the child answers %s afterwards, want {}", got)
	}
}

func TestProgressAndLogsReachTheirCaller(t *testing.T) {
	fleet, _ := open(t, "plain")
	var heard []string
	_, err := fleet.Call(t.Context(), "files", alice, upstream.Request{
		Method: "tools/call", Params: []byte(`{"name":"progress","_meta":{"progressToken":"mine"}}`),
		Notify: func(raw []byte) { heard = append(heard, string(raw)) },
	})
	want := []string{
		`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"mine","progress":1}}`,
		`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"hi"}}`,
	}
	if err != nil || !slices.Equal(heard, want) {
		t.Errorf("got %q, %v, want %q", heard, err, want)
	}
}

func TestLogsOfASharedChildReachNobody(t *testing.T) {
	fleet, _ := open(t, "plain", func(s *upstream.Spec, _ *upstream.Options) { s.Shared = true })
	_, err := fleet.Call(t.Context(), "files", alice, upstream.Request{
		Method: "tools/call", Params: []byte(`{"name":"progress"}`),
		Notify: func(raw []byte) { t.Errorf("heard %s", raw) },
	})
	if err != nil {
		t.Error(err)
	}
}

func TestACancelledCallIsCancelledAtTheChild(t *testing.T) {
	fleet, _ := open(t, "plain")
	call(t, fleet, alice, "pid", "{}") // so that what is timed out is the call
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := try(ctx, fleet, alice, "hold", "{}")
	if !errors.Is(err, context.DeadlineExceeded) || upstream.NotSent(err) {
		t.Errorf("got %v, want deadline exceeded, and that it may have run", err)
	}
	for call(t, fleet, alice, "cancelled", "{}") != "1" {
		if t.Context().Err() != nil {
			t.Fatal("it was never cancelled")
		}
	}
}

func TestChildrenBeyondTheLimitTakeThePlaceOfIdleOnes(t *testing.T) {
	fleet, _ := open(t, "plain", func(s *upstream.Spec, _ *upstream.Options) { s.MaxChildren = 1 })
	first := pid(t, call(t, fleet, alice, "pid", "{}"))
	call(t, fleet, bob, "pid", "{}")
	awaitGone(t, first)
}

func TestABusyChildIsNotTakenAway(t *testing.T) {
	fleet, _ := open(t, "plain", func(s *upstream.Spec, _ *upstream.Options) { s.MaxChildren = 1 })
	held := hold(t, fleet, alice)
	_, err := try(t.Context(), fleet, bob, "echo", "{}")
	if !errors.Is(err, upstream.ErrBusy) || !upstream.NotSent(err) {
		t.Errorf("got %v, want ErrBusy, not sent", err)
	}
	call(t, fleet, alice, "release", "{}")
	if err := <-held; err != nil {
		t.Errorf("the busy child's call: %v", err)
	}
}

// hold begins a call that is not answered, and returns once it has arrived.
func hold(t *testing.T, fleet *upstream.Fleet, who upstream.Caller) <-chan error {
	t.Helper()
	begun, ended := make(chan struct{}), make(chan error, 1)
	ctx := t.Context()
	go func() {
		_, err := fleet.Call(ctx, "files", who, upstream.Request{
			Method: "tools/call", Params: []byte(`{"name":"hold","arguments":{},"_meta":{"progressToken":1}}`),
			Notify: func([]byte) { close(begun) },
		})
		ended <- err
	}()
	select {
	case <-begun:
	case err := <-ended:
		t.Fatalf("hold: %v", err)
	}
	return ended
}

func TestCloseEndsChildrenAndWhatTheyStarted(t *testing.T) {
	for _, role := range []string{"plain", "stubborn"} {
		t.Run(role, func(t *testing.T) {
			fleet, _ := open(t, role, func(s *upstream.Spec, _ *upstream.Options) { s.Env["PATH"] = "/usr/bin:/bin" })
			child := pid(t, call(t, fleet, alice, "pid", "{}"))
			grandchild := pid(t, call(t, fleet, alice, "grandchild", "{}"))
			if err := fleet.Close(); err != nil {
				t.Fatal(err)
			}
			awaitGone(t, child)
			awaitGone(t, grandchild)
			if _, err := try(t.Context(), fleet, alice, "pid", "{}"); !upstream.NotSent(err) || !errors.Is(err, upstream.ErrClosed) {
				t.Errorf("after close: got %v, want ErrClosed, not sent", err)
			}
		})
	}
}

func TestCloseEndsACallInFlight(t *testing.T) {
	fleet, _ := open(t, "plain")
	held := hold(t, fleet, alice)
	if err := fleet.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-held; err == nil || upstream.NotSent(err) {
		t.Errorf("got %v, want an error that leaves it open", err)
	}
}

func TestAChildThatDoesNotReadIsGivenUp(t *testing.T) {
	fleet, _ := open(t, "plain", func(s *upstream.Spec, _ *upstream.Options) { s.Timeout = 2 * time.Second })
	call(t, fleet, alice, "deaf", "{}")
	_, err := try(t.Context(), fleet, alice, "echo", `"`+strings.Repeat("x", 1<<20)+`"`)
	if err == nil || upstream.NotSent(err) {
		t.Errorf("got %v (not sent: %v), want an error that leaves it open", err, upstream.NotSent(err))
	}
	if got := call(t, fleet, alice, "echo", "{}"); got != "{}" {
		t.Errorf("a new child answers %s, want {}", got)
	}
}

func TestAChildThatClosedItsOutputIsEnded(t *testing.T) {
	fleet, _ := open(t, "plain")
	before := pid(t, call(t, fleet, alice, "pid", "{}"))
	if _, err := try(t.Context(), fleet, alice, "mute", "{}"); err == nil || upstream.NotSent(err) {
		t.Errorf("got %v, want an error that leaves it open", err)
	}
	awaitGone(t, before)
}

func pid(t *testing.T, text string) int {
	t.Helper()
	pid, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("pid: %v", err)
	}
	return pid
}

// awaitGone waits until a process has ended. A grandchild that nobody waits
// for stays a zombie where there is no init to collect it.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	await(t, func() bool { return gone(pid) })
}

func await(t *testing.T, gone func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !gone() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("the process is still there")
		}
	}
}

func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}
