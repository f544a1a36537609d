package e2e_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/audit"
)

// nasty are manners in which an upstream may answer a call, or not.
var nasty = map[string]http.HandlerFunc{
	"resets": func(w http.ResponseWriter, _ *http.Request) { hangUp(w, true, "") },
	"crashes in the middle": func(w http.ResponseWriter, _ *http.Request) {
		hangUp(w, false, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"jsonrpc\":\"2.0\",")
	},
	"hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"trickles": func(w http.ResponseWriter, r *http.Request) {
		pour(w, r, "text/event-stream", ": still here\n\n", 1<<62)
	},
	"sends a gigabyte":           func(w http.ResponseWriter, r *http.Request) { pour(w, r, "application/json", " ", 1<<30) },
	"sends a gigabyte of events": func(w http.ResponseWriter, r *http.Request) { pour(w, r, "text/event-stream", "data: x", 1<<30) },
	"speaks nonsense":            says("application/json", "{{{ nonsense"),
	"speaks no MCP":              says("text/html", "<h1>It works!</h1>"),
	"says nothing":               says("application/json", ""),
	"answers somebody else":      says("application/json", `{"jsonrpc":"2.0","id":"not yours","result":{"content":[]}}`),
	"answers twice as one":       says("application/json", `{"jsonrpc":"2.0","id":1,"result":{},"result":{}}`),
	"has a fault": func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "out of order", http.StatusInternalServerError)
	},
	"sends the call elsewhere": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	},
}

func says(kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(text))
	}
}

// pour writes a text over and over, up to so many bytes, until the gateway
// has had enough.
func pour(w http.ResponseWriter, r *http.Request, kind, text string, most int) {
	w.Header().Set("Content-Type", kind)
	chunk := bytes.Repeat([]byte(text), 64<<10/len(text))
	if kind == "text/event-stream" && most > 1<<30 {
		chunk = []byte(text)
	}
	for sent := 0; sent < most && r.Context().Err() == nil; sent += len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// hangUp writes bytes and ends the connection, with a reset if wanted.
func hangUp(w http.ResponseWriter, reset bool, text string) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = buffered.WriteString(text)
	_ = buffered.Flush()
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// TestAnUpstreamThatFailsHarmsItsOwnCallAlone: whatever the upstream does, the
// caller hears which app failed, the record says how the call ended, it is
// not made again, and the next one gets through.
func TestAnUpstreamThatFailsHarmsItsOwnCallAlone(t *testing.T) {
	spy := newSpy(t)
	h := newHouse(t, "", spy.app("1s")+"audit: {arguments: full}\n").start()
	calls := h.caller()
	defer calls.close()
	agent := h.token("alice", "write")
	n := 0
	for manner, serve := range nasty {
		n++
		id := fmt.Sprint("nasty-", n)
		t.Run(manner, func(t *testing.T) {
			spy.behave(serve)
			out, a := calls.call(agent.Token, freely, id)
			spy.behave(nil)
			if out != refused || a.status != http.StatusOK || !a.Result.IsError || !strings.Contains(a.text(), "spy") {
				t.Errorf("the call was answered %s: %d %.300s; want an error that names the app", out, a.status, a.body)
			}
			if times := spy.count()[id]; times != 1 {
				t.Errorf("the call was made %d times", times)
			}
			if out, a := calls.call(agent.Token, freely, id+"-next"); out != done {
				t.Errorf("the next call was answered %s: %d %s", out, a.status, a.body)
			}
		})
	}
	if most := h.peakMemory(); most > 512<<20 {
		t.Errorf("the gateway took %d MiB", most>>20)
	}
	h.stop()
	h.command("audit", "export", "-c", h.file, "-o", h.path("audit.jsonl"))
	r := readRecord(t, h.path("audit.jsonl"))
	for i := range n {
		intent := r.intents[fmt.Sprint("nasty-", i+1)]
		ends := r.outcomes[string(intent.CallID)]
		if len(ends) != 1 || ends[0].Upstream.Status != audit.StatusError && ends[0].Upstream.Status != audit.StatusUnknown {
			t.Errorf("the record of call %s, which failed, ends with %+v", intent.CallID, ends)
		}
	}
}

// peakMemory is the most memory that the gateway has taken, in bytes.
func (h *house) peakMemory() int {
	h.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.child.Pid()))
	if err != nil {
		h.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "kB")
	kilobytes, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		h.t.Fatalf("VmHWM: %v in %s", err, status)
	}
	return kilobytes << 10
}

// TestAnUpstreamThatIsGoneIsNotCalled: nothing leaves, which is proven, so a
// yes for one call is good for the next.
func TestAnUpstreamThatIsGoneIsNotCalled(t *testing.T) {
	spy := newSpy(t)
	h := newHouse(t, "", spy.app("1s")+"audit: {arguments: full}\n").start()
	calls := h.caller()
	defer calls.close()
	agent, approver := h.token("alice", "write"), h.signIn("bob").operatorToken("approve")
	_, a := calls.call(agent.Token, onceOnly, "saved")
	if status, text := calls.approve(approver, a.Result.Meta.ApprovalID); status != http.StatusOK {
		t.Fatalf("the yes was answered %d %s", status, text)
	}
	address := spy.server.Listener.Addr().String()
	spy.server.Close()
	out, a := calls.call(agent.Token, onceOnly, "saved")
	if out != refused || !strings.Contains(a.text(), "spy") || !strings.Contains(a.text(), "Nothing was called") {
		t.Errorf("the call was answered %s: %d %s; want an error that names the app", out, a.status, a.body)
	}
	again, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	back := &http.Server{Handler: http.HandlerFunc(spy.serve)}
	t.Cleanup(func() { _ = back.Close() })
	go func() { _ = back.Serve(again) }()
	eventually(t, "the same yes to let the call through", func() (string, bool) {
		out, a := calls.call(agent.Token, onceOnly, "saved")
		if out == asks {
			t.Fatalf("the yes was lost: %s", a.body)
		}
		return string(a.body), out == done
	})
	if times := spy.count()["saved"]; times != 1 {
		t.Errorf("the call was made %d times", times)
	}
}
