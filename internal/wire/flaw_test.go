package wire

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// What two readers would read differently is found in an answer, whole or in
// pieces; what only looks like it is not.
func TestAnAnswerThatTwoReadersReadDifferentlyHasAFlaw(t *testing.T) {
	many := ""
	for i := range 40 {
		many += `"k` + strings.Repeat("x", i) + `":1,`
	}
	for result, want := range map[string]error{
		`{"content":[],"isError":false,"x":"` + "\xff" + `"}`:           ErrUnicode,
		`{"content":[],"x":"` + "\xe2\x82" + `"}`:                       ErrUnicode,
		`{"content":[],"content":[]}`:                                   ErrDuplicateKey,
		`{"isError":false,"content":[],"isError":true}`:                 ErrDuplicateKey,
		`{"isError":false,"content":[],"is\u0045rror":true}`:            ErrDuplicateKey,
		`{` + many + `"resultType":"complete","resultType":"task"}`:     ErrDuplicateKey,
		`{` + many + `"content":[]}`:                                    nil,
		`{"content":[{"a":1,"a":2}],"structuredContent":{"content":1}}`: nil,
		`{"content":["\ud83d","€𝄞é"],"isError":false}`:                  nil,
	} {
		raw := `{"jsonrpc":"2.0","id":1,"result":` + result + `}`
		m, err := ParseReply([]byte(raw))
		if err != nil || !errors.Is(m.Flaw, want) || string(m.Result) != result {
			t.Errorf("%q: got %v, flaw %v, result %q; want the flaw %v", raw, err, m.Flaw, m.Result, want)
		}
		for head := len(`{"jsonrpc":"2.0","id":1,"result":{`); head < len(raw); head++ {
			buf := append(make([]byte, 0, HeadSize), raw[:head]...)
			p, ok := OpenPassage(buf, iotest.OneByteReader(strings.NewReader(raw[head:])), 1<<20, func(Message) error { return nil })
			if !ok {
				continue
			}
			var out strings.Builder
			p.Edit("isError", func(old []byte) ([]byte, error) { return old, nil })
			err := p.Copy(&out)
			if !errors.Is(err, want) || want == nil && (err != nil || out.String() != result) {
				t.Fatalf("%q behind %d bytes: got %v, %q; want %v", raw, head, err, out.String(), want)
			}
			if whole, _ := io.ReadAll(strings.NewReader(out.String())); want != nil && strings.HasSuffix(string(whole), "}") && string(whole) == result {
				t.Fatalf("%q behind %d bytes: all of it went out", raw, head)
			}
		}
	}
	for _, object := range []string{`{"code":1,"message":"a","code":2}`, `{"code":1,"message":"a","message":"b"}`} {
		if m, err := ParseReply([]byte(`{"jsonrpc":"2.0","id":1,"error":` + object + `}`)); err != nil || !errors.Is(m.Flaw, ErrDuplicateKey) {
			t.Errorf("%s: got %v, flaw %v; want a duplicate", object, err, m.Flaw)
		}
	}
}
