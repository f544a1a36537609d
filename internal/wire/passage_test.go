package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

var errStranger = errors.New("another id")

// acceptID takes the answer to request 1.
func acceptID(m Message) error {
	if m.Kind != Response || string(m.ID) != "1" {
		return errStranger
	}
	return nil
}

// passed passes on a response whose head is so long, and whose rest comes in
// pieces. not ok: it can't be.
func passed(raw string, head int, rest func(io.Reader) io.Reader, edits func(*Passage)) (out string, read int64, ok bool, err error) {
	head = min(head, len(raw))
	p, ok := OpenPassage([]byte(raw[:head]), rest(strings.NewReader(raw[head:])), 1<<20, acceptID)
	if !ok {
		return "", 0, false, nil
	}
	if edits != nil {
		edits(p)
	}
	var b bytes.Buffer
	err = p.Copy(&b)
	return b.String(), p.Bytes(), true, err
}

// pieces are manners in which a rest may come.
var pieces = map[string]func(io.Reader) io.Reader{
	"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader,
	"by halves": iotest.HalfReader, "its end with its last bytes": iotest.DataErrReader,
}

var passages = []string{
	`{"jsonrpc":"2.0","id":1,"result":{}}`,
	`{"result":{"content":[{"type":"text","text":"x\u00e9\n\"😀"}],"isError":false},"jsonrpc":"2.0","id":1}`,
	` { "id" : 1 , "x":[{}], "result" : { "a" : 1 , "b" : [ ] , "c":{"d":-0.5e+7} } , "jsonrpc" : "2.0" } ` + "\r\n",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\r\n\"result\":{\r\n\"big\":123456789012345678901234567890,\n\"a\":\"\\ud800\",\"b\":{\"a\":1,\"a\":2}}}",
	`{"jsonrpc":"2.0","id":1,"res\u0075lt":{"k\u0065y":"v","resultType":"complete","_meta":{"dev.ostiary/decision":1,"x":2},"_m\u0065tb":{}}}`,
	`{"jsonrpc":"2.0","id":1,"result":{"text":"` + strings.Repeat("0123456789abcdef", 40) + `","n":[` + strings.Repeat("1,2,", 30) + `3]}}`,
}

// spoiled are no answers, whatever their beginning looks like.
var spoiled = []string{
	`{"jsonrpc":"2.0","id":1,"result":{"a":1}`, `{"jsonrpc":"2.0","id":1,"result":{"a":1`, `{"jsonrpc":"2.0","id":1,"result":{"a":1}}}`, `{"jsonrpc":"2.0","id":1,"result":{"a":1}} {}`,
	`{"jsonrpc":"2.0","id":1,"result":{"a":1},}`, `{"jsonrpc":"2.0","id":1,"result":{"a":1,}}`, `{"jsonrpc":"2.0","id":1,"result":{,"a":1}}`, `{"jsonrpc":"2.0","id":1,"result":{"a" 1}}`,
	`{"jsonrpc":"2.0","id":1,"result":{"a":1 "b":2}}`, `{"jsonrpc":"2.0","id":1,"result":{"a":01}}`, `{"jsonrpc":"2.0","id":1,"result":{"a":tru}}`, `{"jsonrpc":"2.0","id":1,"result":{"a":[1,}}`,
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"\n\"}}", `{"jsonrpc":"2.0","id":1,"result":{a:1}}`, `{"jsonrpc":"2.0","id":1,"result":{"a":"\x"}}`, `{"jsonrpc":"2.0","id":1,"result":{"a":1]}`,
	`{"jsonrpc":"2.0","id":2,"result":{"a":1}}`, `{"result":{"a":1},"jsonrpc":"2.0","id":2}`, `{"result":{"a":1},"jsonrpc":"2.0"}`, `{"result":{"a":1},"jsonrpc":"2.0","id":null}`, `{"result":{"a":1},"id":1}`,
	`{"jsonrpc":"1.0","id":1,"result":{"a":1}}`, `{"jsonrpc":"2.0","id":1,"result":{"a":1},"result":{"b":1}}`, `{"jsonrpc":"2.0","id":1,"result":{"a":1},"error":{"code":1,"message":"m"}}`,
	`{"jsonrpc":"2.0","id":1,"result":{"a":1},"method":"ping"}`, `{"jsonrpc":"2.0","id":1,"result":{"a":1},"id":1}`, `{"jsonrpc":"2.0","id":1,"result":{"a":1},"Result":{}}`,
	`{"jsonrpc":"2.0","id":1,"result":{"a":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `}}`,
	`{"jsonrpc":"2.0","id":1,"result":[1]}`, `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}`, `{"jsonrpc":"2.0","method":"m","params":{"a":"result"}}`, `[]`, ``, `{`, `nonsense`,
}

func TestAResultIsPassedOnByteForByte(t *testing.T) {
	for _, raw := range passages {
		m, err := ParseReply([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		for how, rest := range pieces {
			begun := 0
			for head := range len(raw) {
				out, read, ok, err := passed(raw, head, rest, nil)
				if !ok {
					continue
				}
				begun++
				if err != nil || out != string(m.Result) || read != int64(len(raw)) {
					t.Fatalf("%.80q, %s behind %d bytes: got %.80q, %d bytes, %v; want %.80q", raw, how, head, out, read, err, m.Result)
				}
			}
			if begun < len(m.Result)-2 {
				t.Errorf("%.80q can be passed on behind %d heads only", raw, begun)
			}
		}
	}
}

// whole says whether what reached the client could be taken for a result.
func whole(out string) bool { return json.Valid([]byte(out)) }

func TestWhatIsNoAnswerNeverLooksWhole(t *testing.T) {
	for _, raw := range spoiled {
		if m, err := ParseReply([]byte(raw)); err == nil && m.Kind == Response && m.Result != nil && IsObject(m.Result) && string(m.ID) == "1" {
			t.Fatalf("%q is an answer", raw)
		}
		for head := range len(raw) + 1 {
			for how, rest := range pieces {
				if out, _, ok, err := passed(raw, head, rest, nil); ok && (err == nil || whole(out)) {
					t.Errorf("%.80q, %s behind %d bytes: got %q, %v; want an error, and half a result at most", raw, how, head, out, err)
				}
			}
		}
	}
}

func TestASpoiledResultGoesNoFurtherThanItIsGood(t *testing.T) {
	raw := `{"jsonrpc":"2.0","id":1,"result":{"a":[1,2,3],"b":"` + strings.Repeat("x", 100) + "\x01" + `","c":3}}`
	out, _, ok, err := passed(raw, 60, pieces["whole"], nil)
	if !ok || !errors.Is(err, ErrSyntax) || strings.Contains(out, "\x01") {
		t.Errorf("got %q, %v, %v; want nothing from the fault on", out, ok, err)
	}
}

// ours changes a result as the gateway does.
func ours(p *Passage) {
	put := func(value string, overwrite bool) func([]byte) ([]byte, error) {
		return func(old []byte) ([]byte, error) {
			if old != nil && !overwrite {
				return old, nil
			}
			return []byte(value), nil
		}
	}
	p.Edit("resultType", put(`"complete"`, true))
	p.Edit("ttlMs", put(`0`, false))
	p.Edit("none", func(old []byte) ([]byte, error) { return old, nil })
	p.Edit("_meta", func(old []byte) ([]byte, error) {
		if old == nil {
			return nil, nil
		}
		return NewEdit(old).Drop(MetaDecision).Bytes()
	})
}

func TestAPassageChangesWhatAnEditWould(t *testing.T) {
	more := []string{
		`{"jsonrpc":"2.0","id":1,"result":{ }}`, `{"jsonrpc":"2.0","id":1,"result":{"ttlMs":5,"x":1,"resultType":"input_required"}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"_meta":{"dev.ostiary/decision":{"reason":"lies"}},"ttlMs":null}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"_meta":{"dev.ostiary\/decision":{"reason":"` + strings.Repeat("long ", 100) + `"},"kept":[1,2]} , "a":0}}`,
	}
	for _, raw := range append(more, passages...) {
		m, err := ParseReply([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		e := NewEdit(m.Result).SetText("complete", "resultType")
		if _, has := Lookup(m.Result, "ttlMs"); !has {
			e.Set([]byte("0"), "ttlMs")
		}
		if _, has := Lookup(m.Result, "_meta"); has {
			e.Drop("_meta", MetaDecision)
		}
		want, err := e.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		for head := range len(raw) {
			for how, rest := range pieces {
				out, _, ok, err := passed(raw, head, rest, ours)
				if ok && (err != nil || compact(t, out) != compact(t, string(want))) {
					t.Fatalf("%.80q, %s behind %d bytes: got %.200q, %v; want %.200q", raw, how, head, out, err, want)
				}
			}
		}
	}
}

// compact is JSON without the space between its tokens.
func compact(t *testing.T, raw string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(raw)); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return b.String()
}

func TestWhatStandsInTheHeadIsKnownBeforehand(t *testing.T) {
	raw := `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","a":[1,{"resultType":"x"}],"content":"` + strings.Repeat("x", 100) + `","late":1}}`
	p, ok := OpenPassage([]byte(raw[:120]), strings.NewReader(raw[120:]), 1000, acceptID)
	if !ok {
		t.Fatal("not passed on")
	}
	kind, has := p.Text("resultType")
	_, late := p.Text("content")
	if got := strings.Join(p.Names(), " "); kind != "complete" || !has || late || got != "resultType a content" {
		t.Errorf("got %q, %v, %v, %s; want what is whole in the head", kind, has, late, got)
	}
}

// An endless reader says the same for ever.
type endless string

func (e endless) Read(p []byte) (int, error) { return copy(p, e), nil }

func TestWhatMustBeHeldIsBounded(t *testing.T) {
	for name, begin := range map[string]string{
		"a member that is changed": `{"jsonrpc":"2.0","id":1,"result":{"_meta":{"x":"`,
		"a key":                    `{"jsonrpc":"2.0","id":1,"result":{"a":1,"x`,
		"what follows":             `{"jsonrpc":"2.0","id":1,"result":{"a":[1]   `,
	} {
		rest := io.MultiReader(strings.NewReader(map[bool]string{true: `},"y":"`}[name == "what follows"]), endless("yyyyyyyyyyyyyyyy"))
		p, ok := OpenPassage([]byte(begin), rest, 1<<20, acceptID)
		if !ok {
			t.Fatalf("%s: not passed on", name)
		}
		ours(p)
		if err := p.Copy(io.Discard); !errors.Is(err, ErrTooLarge) || p.Bytes() > 3<<20 {
			t.Errorf("%s: got %v after %d bytes; want too large", name, err, p.Bytes())
		}
	}
}

func TestAReaderThatStopsIsWaitedForInTheOther(t *testing.T) {
	stop := errors.New("the client is gone")
	raw := passages[len(passages)-1]
	p, ok := OpenPassage([]byte(raw[:100]), strings.NewReader(raw[100:]), 1000, acceptID)
	if !ok {
		t.Fatal("not passed on")
	}
	if err := p.Copy(iotestWriter{stop}); !errors.Is(err, stop) || p.Bytes() == int64(len(raw)) {
		t.Errorf("got %v after %d bytes; want the writer's error, and no reading on", err, p.Bytes())
	}
}

type iotestWriter struct{ err error }

func (w iotestWriter) Write([]byte) (int, error) { return 0, w.err }

func FuzzPassage(f *testing.F) {
	for _, raw := range append(append([]string{}, passages...), spoiled...) {
		f.Add(raw, len(raw)/2)
	}
	f.Fuzz(func(t *testing.T, raw string, head int) {
		if head < 0 {
			return
		}
		out, _, ok, err := passed(raw, head, iotest.HalfReader, nil)
		if !ok {
			return
		}
		m, wrong := ParseReply([]byte(raw))
		good := wrong == nil && m.Flaw == nil && acceptID(m) == nil && m.Result != nil
		switch {
		case good && len(raw) < HeadSize && (err != nil || out != string(m.Result)):
			t.Errorf("%q behind %d bytes: got %q, %v; want %q", raw, head, out, err, m.Result)
		case !good && (err == nil || whole(out)):
			t.Errorf("%q behind %d bytes: got %q, %v; want half a result at most: %v", raw, head, out, err, wrong)
		}
	})
}
