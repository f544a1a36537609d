package e2e_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/audit"
)

// behind is a running gateway before a torrent, and a token for it.
func (w *torrent) behind(t *testing.T) (*house, token) {
	t.Helper()
	h := newHouse(t, "", fmt.Sprintf("\naudit: {arguments: full}\napps:\n  - {id: small, %s, shared: true, timeout: 2s}\n", w.app)).start()
	return h, h.token("alice", "write")
}

// askers are the clients that a large result may be for, by how they ask.
var askers = map[string]func(h *house, tok token, want wanted) *http.Response{
	"stateless":                func(h *house, tok token, want wanted) *http.Response { return h.askStateless(tok, want, "") },
	"stateless, with progress": func(h *house, tok token, want wanted) *http.Response { return h.askStateless(tok, want, "p") },
	"in a session":             func(h *house, tok token, want wanted) *http.Response { return h.askInSession(tok, want, "") },
	"in a session, with progress": func(h *house, tok token, want wanted) *http.Response {
		return h.askInSession(tok, want, "p")
	},
}

func (h *house) askStateless(tok token, want wanted, progress string) *http.Response {
	h.t.Helper()
	arguments, _ := json.Marshal(want)
	body, header := stateless("tools/call", want.tool(), fmt.Sprintf(`"name":%q,"arguments":%s`, want.tool(), arguments))
	if progress != "" {
		body = strings.Replace(body, `"_meta":{`, `"_meta":{"progressToken":"p",`, 1)
	}
	header.Set("Authorization", "Bearer "+tok.Token)
	return h.begin(body, header)
}

func (h *house) askInSession(tok token, want wanted, progress string) *http.Response {
	h.t.Helper()
	arguments, _ := json.Marshal(want)
	meta := ""
	if progress != "" {
		meta = `,"_meta":{"progressToken":"p"}`
	}
	s := openSession(h.t, h.url+"/mcp", tok.Token)
	return h.begin(fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":%q,"arguments":%s%s}}`, want.tool(), arguments, meta), s.header.Clone())
}

func (w wanted) tool() string { return cmp.Or(w.app, "small") + "__pour" }

// begin sends a request whose answer is read piece by piece.
func (h *house) begin(body string, header http.Header) *http.Response {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.url+"/mcp", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header = header
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// A got is what a client read of a large answer, without keeping it.
type got struct {
	size     int64
	sum      uint64 // of the result
	complete bool   // the answer came to its end
	err      error
}

// readLarge reads an answer to its end.
func readLarge(resp *http.Response) got {
	in := bufio.NewReaderSize(resp.Body, 1<<20)
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		if err := skipTo(in, `data: {"jsonrpc":"2.0","id":`); err != nil {
			return got{err: err}
		}
	}
	head := make([]byte, len(`{"jsonrpc":"2.0","id":7,"result":`))
	if _, err := io.ReadFull(in, head); err != nil || !bytes.HasSuffix(head, []byte(`"result":`)) {
		return got{err: fmt.Errorf("%q: %w", head, err)}
	}
	return readResult(in)
}

// skipTo passes over lines up to one that begins so, and its field.
func skipTo(in *bufio.Reader, begin string) error {
	for {
		line, err := in.Peek(len(begin))
		if err != nil {
			return err
		}
		if string(line) == begin {
			_, err = in.Discard(len("data: "))
			return err
		}
		if _, err := in.ReadString('\n'); err != nil {
			return err
		}
	}
}

// readResult reads up to the end; the last bytes are not the result's.
func readResult(in io.Reader) got {
	var g got
	var held []byte
	sum, buffer := crc64.New(polynomial), make([]byte, 1<<20)
	for {
		n, err := in.Read(buffer)
		held = append(held, buffer[:n]...)
		if keep := len(held) - 8; keep > 0 {
			_, _ = sum.Write(held[:keep])
			g.size += int64(keep)
			held = append(held[:0], held[keep:]...)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			g.err = err
			return g
		}
	}
	rest, ended := bytes.CutSuffix(bytes.TrimRight(held, "\n"), []byte("}"))
	_, _ = sum.Write(rest)
	g.size += int64(len(rest))
	g.sum, g.complete = sum.Sum64(), ended && bytes.HasSuffix(rest, []byte("}"))
	return g
}

// TestALargeResultPassesByteForByteAndIsNotHeld: from upstreams and to clients
// of both eras, as JSON and as an event, in bounded memory.
func TestALargeResultPassesByteForByteAndIsNotHeld(t *testing.T) {
	all, apps := map[string]*torrent{}, "\napps:\n"
	for app, era := range map[string]string{"old": legacy, "new": modern} {
		for _, manner := range []string{"json", "sse"} {
			w := newTorrent(t, era, manner)
			all[app+"-"+manner] = w
			apps += fmt.Sprintf("  - {id: %s-%s, %s, shared: true, timeout: 2s}\n", app, manner, w.app)
		}
	}
	h := newHouse(t, "", apps).start()
	tok := h.token("alice", "write")
	h.list(tok)
	before := h.peakMemory()
	for app, w := range all {
		for how, ask := range askers {
			t.Run(app+" to a client "+how, func(t *testing.T) {
				want := wanted{Size: 5 << 20, app: app}
				if app == "old-json" && how == "in a session" || app == "new-sse" && how == "stateless, with progress" {
					want.Size = 200 << 20
				}
				w.wantWhole(t, ask(h, tok, want), want)
			})
		}
	}
	h.wantGrowth(t, before)
}

// wantWhole wants a result as it was written, but for its type where the
// upstream's era has none.
func (w *torrent) wantWhole(t *testing.T, resp *http.Response, want wanted) {
	t.Helper()
	g := readLarge(resp)
	size, sum := w.written.Load(), w.said()
	if g.err != nil || !g.complete || g.size < int64(want.Size) {
		t.Fatalf("got %d bytes, %v; want all %d", g.size, g.err, size)
	}
	if g.size != size+int64(len(`,"resultType":"complete"`)) && (g.size != size || g.sum != sum) {
		t.Errorf("got %d bytes, sum %x; want %d, sum %x", g.size, g.sum, size, sum)
	}
}

// TestAClientThatReadsSlowlyHoldsTheUpstreamBack: what it does not read stays
// with the upstream, and comes when it reads on.
func TestAClientThatReadsSlowlyHoldsTheUpstreamBack(t *testing.T) {
	for _, manner := range []string{"json", "sse"} {
		w := newTorrent(t, modern, manner)
		h, tok := w.behind(t)
		h.list(tok)
		before := h.peakMemory()
		want := wanted{Size: 100 << 20}
		resp := h.askStateless(tok, want, "p")
		last, same := int64(-1), 0
		eventually(t, "the upstream to be held back", func() (string, bool) {
			now := w.written.Load()
			if same++; now != last {
				last, same = now, 0
			}
			return fmt.Sprint(now), now > 0 && same == 20
		})
		if last > 32<<20 {
			t.Errorf("%s: the upstream could write %d bytes that nobody read", manner, last)
		}
		if names := h.list(tok); len(names) != 1 {
			t.Errorf("%s: somebody else is shown %v", manner, names)
		}
		w.wantWhole(t, resp, want)
		h.wantGrowth(t, before)
	}
}

// wantGrowth wants the gateway to have taken less memory than a result is large
// since it had taken so much. Garbage of many calls is not collected at once.
func (h *house) wantGrowth(t *testing.T, before int) {
	t.Helper()
	if after := h.peakMemory(); after-before > 128<<20 {
		t.Errorf("the gateway took %d MiB, and had taken %d", after>>20, before>>20)
	}
}

// wantSmall wants another call to go through.
func (h *house) wantSmall(t *testing.T, tok token) {
	t.Helper()
	if g := readLarge(h.askStateless(tok, wanted{Size: 10}, "")); g.err != nil || !g.complete {
		t.Errorf("another call: got %+v; want it to go through", g)
	}
}

// TestAResultThatGoesWrongMidwayNeverLooksWhole: the client's connection
// breaks, and the record says how the call ended and what came of it.
func TestAResultThatGoesWrongMidwayNeverLooksWhole(t *testing.T) {
	minds := map[string]audit.Status{
		"breaks off": audit.StatusUnknown, "ends": audit.StatusUnknown, "stops": audit.StatusUnknown, "spoils": audit.StatusError,
		"closes": audit.StatusError, "another id": audit.StatusUnknown, "twice": audit.StatusError,
		"": audit.StatusOK, "fails": audit.StatusError,
	}
	for _, manner := range []string{"json", "sse"} {
		w := newTorrent(t, modern, manner)
		h, tok := w.behind(t)
		for mind := range minds {
			for how, ask := range askers {
				if mind == "stops" && how != "in a session" {
					continue // it takes the app's timeout
				}
				g := readLarge(ask(h, tok, wanted{Size: 1 << 20, Mind: mind}))
				if right := mind == "" || mind == "fails"; g.complete != right || (g.err == nil) != right || g.size < 400_000 {
					t.Errorf("%s, %q, %s: got %+v", manner, mind, how, g)
				}
			}
		}
		h.wantSmall(t, tok)
		h.stop()
		h.wantEndings(t, minds)
	}
}

// wantEndings wants each call to be recorded with what became of it.
func (h *house) wantEndings(t *testing.T, minds map[string]audit.Status) {
	t.Helper()
	h.command("audit", "export", "-c", h.file, "-o", h.path("audit.jsonl"))
	r := readRecord(t, h.path("audit.jsonl"))
	seen := map[string]int{}
	for id, intent := range r.calls {
		var want wanted
		if err := json.Unmarshal(intent.Arguments, &want); err != nil || want.Size < 100 {
			continue
		}
		seen[want.Mind]++
		ends := r.outcomes[id]
		if len(ends) != 1 || ends[0].Upstream.Status != minds[want.Mind] || ends[0].Upstream.Bytes < 400_000 {
			t.Errorf("%q is recorded as %+v; want %s", want.Mind, ends, minds[want.Mind])
		}
	}
	for mind := range minds {
		if seen[mind] != len(askers) && (mind != "stops" || seen[mind] != 1) {
			t.Errorf("%q is recorded %d times", mind, seen[mind])
		}
	}
}

// TestWhoHangsUpMidwayCancelsInItsErasManner: without a session the upstream is
// told and nobody knows how the call ended; in a session it runs to its end.
func TestWhoHangsUpMidwayCancelsInItsErasManner(t *testing.T) {
	for how, want := range map[string]audit.Status{"stateless": audit.StatusUnknown, "in a session": audit.StatusOK} {
		w := newTorrent(t, modern, "json")
		h, tok := w.behind(t)
		resp := askers[how](h, tok, wanted{Size: 1 << 20, Mind: "stops"})
		if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if want == audit.StatusOK {
			w.resume <- struct{}{}
			eventually(t, "the result to be read to its end", func() (string, bool) { return fmt.Sprint(w.said()), w.said() != 0 })
		} else {
			<-w.gone
		}
		h.stop()
		h.command("audit", "export", "-c", h.file, "-o", h.path("audit.jsonl"))
		r := readRecord(t, h.path("audit.jsonl"))
		if r.ended[want] != 1 || len(r.ended) != 1 {
			t.Errorf("%s: got endings %v; want one %s", how, r.ended, want)
		}
	}
}
