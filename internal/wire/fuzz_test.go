package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// What every fuzz test here asks: whatever we accept, encoding/json accepts
// and understands alike; what we change is what we were asked to; and nothing
// panics.

func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the end")
	}
	return v, nil
}

func mustDecode(t *testing.T, raw []byte) any {
	t.Helper()
	v, err := decode(raw)
	if err != nil {
		t.Fatalf("encoding/json refuses %q: %v", raw, err)
	}
	return v
}

var messageSeeds = []string{
	fullCall,
	`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:\/\/\/\u00e9 \ud83d\ude00"}}`,
	`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"x\n"}],"_meta":{}}}`,
	`{"jsonrpc":"2.0","error":{"code":-32600,"message":"m"},"id":null}`,
	`[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"n","params":{"a":[-1.5e+3,true,null]}}]`,
	`{"jsonrpc":"2.0","Id":1,"method":"x","method":"x"}`,
	`{"a":"\ud83d","b":[[[[{}]]]],"ta\u017fk":1}`,
	`{"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"10":0,"11":0,"12":0,"13":0,"\u0031":0}`,
}

func FuzzParse(f *testing.F) {
	for _, seed := range messageSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if Check(body) == nil {
			mustDecode(t, body)
			if len(body) < 1000 && countKeys(body) != countMembers(mustDecode(t, body)) {
				t.Errorf("a key of %s got lost: it was there twice", body)
			}
		}
		_, _ = ParseReply(body)
		if batch, err := ParseBatch(body); err == nil && len(batch) != len(mustDecode(t, body).([]any)) {
			t.Errorf("%d messages in %s", len(batch), body)
		}
		m, err := Parse(body)
		if err != nil {
			if Code(err) == CodeInternalError || m.Kind != Invalid {
				t.Errorf("kind %d with %v, code %d", m.Kind, err, Code(err))
			}
			return
		}
		sameMessage(t, &m, mustDecode(t, body).(map[string]any))
	})
}

// countKeys counts the strings before a colon, by another scanner than ours.
func countKeys(body []byte) int {
	n := 0
	d := json.NewDecoder(bytes.NewReader(body))
	type level struct{ object, value bool }
	open := []level{{}}
	for {
		token, err := d.Token()
		if err != nil {
			return n
		}
		top := &open[len(open)-1]
		delim, _ := token.(json.Delim)
		if top.object && delim != '}' && !top.value {
			n++
			top.value = true
			continue
		}
		top.value = false
		switch delim {
		case '{', '[':
			open = append(open, level{object: delim == '{'})
		case '}', ']':
			open = open[:len(open)-1]
		}
	}
}

func countMembers(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		n = len(v)
		for _, member := range v {
			n += countMembers(member)
		}
	case []any:
		for _, element := range v {
			n += countMembers(element)
		}
	}
	return n
}

func sameMessage(t *testing.T, m *Message, want map[string]any) {
	t.Helper()
	params, _ := want["params"].(map[string]any)
	meta, _ := params["_meta"].(map[string]any)
	for _, field := range []struct {
		name string
		got  []byte
		want any
	}{
		{"id", m.ID, want["id"]},
		{"params", m.Params, want["params"]},
		{"result", m.Result, want["result"]},
		{"error", m.Error, want["error"]},
		{"arguments", m.Arguments, params["arguments"]},
		{"requestState", m.RequestState, params["requestState"]},
		{"inputResponses", m.InputResponses, params["inputResponses"]},
		{"cursor", m.Cursor, params["cursor"]},
		{"task", m.Task, params["task"]},
		{"_meta", m.Meta.Raw, params["_meta"]},
		{"progressToken", m.Meta.ProgressToken, meta[MetaProgressToken]},
		{"clientInfo", m.Meta.ClientInfo, meta[MetaClientInfo]},
		{"clientCapabilities", m.Meta.ClientCapabilities, meta[MetaClientCapabilities]},
	} {
		if field.got == nil && field.want == nil {
			continue
		}
		if got := mustDecode(t, field.got); !reflect.DeepEqual(got, field.want) {
			t.Errorf("%s: got %v, want %v", field.name, got, field.want)
		}
	}
	if method, _ := want["method"].(string); m.Method != method {
		t.Errorf("method: got %q, want %q", m.Method, method)
	}
	if version, _ := meta[MetaProtocolVersion].(string); m.Meta.ProtocolVersion != version {
		t.Errorf("version: got %q, want %q", m.Meta.ProtocolVersion, version)
	}
}

func FuzzEdit(f *testing.F) {
	for _, seed := range messageSeeds {
		f.Add([]byte(seed), "params", "_meta", "value")
		f.Add([]byte(seed), "id", "", "")
	}
	f.Add([]byte(`{ "a" : {"b":1 , "c":2} , "d":3 }`), "a", "b", "x")
	f.Fuzz(func(t *testing.T, body []byte, first, second, text string) {
		before, isObject := any(nil), false
		if Check(body) == nil {
			before, isObject = mustDecode(t, body).(map[string]any)
		}
		path := []string{strings.ToValidUTF8(first, "?"), strings.ToValidUTF8(second, "?")}
		set, err := NewEdit(body).SetText(text, path...).Bytes()
		dropped, dropErr := NewEdit(body).Drop(path...).Bytes()
		if !isObject || err != nil {
			return
		}
		after := mustDecode(t, set).(map[string]any)
		want := string([]rune(text))
		if got, ok := LookupText(set, path...); !ok || got != want {
			t.Errorf("set %q in %s: got %q in %s", text, body, got, set)
		}
		// Put back or taken away, nothing else has changed.
		if old, was := Lookup(body, path...); was {
			back, err := NewEdit(set).Set(old, path...).Bytes()
			if err != nil || !bytes.Equal(back, body) {
				t.Errorf("set in %s and put back: %s, %v", body, back, err)
			}
		} else {
			inner, _ := after[path[0]].(map[string]any)
			delete(inner, path[1])
			if _, was := Lookup(body, path[0]); !was {
				delete(after, path[0])
			}
			if !reflect.DeepEqual(after, before) {
				t.Errorf("added to %s: %s", body, set)
			}
		}
		if dropErr != nil {
			t.Fatalf("drop from %s: %v", body, dropErr)
		}
		sameButFor(t, body, dropped, path)
	})
}

// sameButFor checks that dropped is body without the member at path.
func sameButFor(t *testing.T, body, dropped []byte, path []string) {
	t.Helper()
	want := mustDecode(t, body).(map[string]any)
	if inner, ok := want[path[0]].(map[string]any); ok {
		delete(inner, path[1])
	}
	if got := mustDecode(t, dropped); !reflect.DeepEqual(got, any(want)) {
		t.Errorf("%q dropped from %s: %s", path, body, dropped)
	}
}

func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{"crm__get", "=?base64?Y3JtX19nZXQ=?=", "=?base64??=", " x", "é", "a\x00", "=?base64?=", ""} {
		f.Add(seed, "crm__get")
	}
	f.Fuzz(func(t *testing.T, value, name string) {
		if back, ok := DecodeHeader(EncodeHeader(name)); !ok || back != name {
			t.Errorf("%q became %s, which is %q, %v", name, EncodeHeader(name), back, ok)
		}
		if text, ok := DecodeHeader(value); ok && needsEncoding(text) && text == value {
			t.Errorf("%q was taken as it is", value)
		}
		m := Message{Kind: Request, Method: MethodToolsCall, Name: name, Meta: Meta{ProtocolVersion: Version20260728, ClientCapabilities: []byte("{}")}}
		h := good().with(HeaderName, value)
		if err := CheckHeaders(h.get, &m); err == nil && value != name && !isEncoded(value) {
			t.Errorf("Mcp-Name %q was taken for %q", value, name)
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"get", "a.b", "a__b", "löschen", "", ":", strings.Repeat("x", 70), "a_b_da7ac441f660"} {
		f.Add("crm", seed, "get")
	}
	f.Fuzz(func(t *testing.T, app, one, other string) {
		if len(app) > 32 || strings.ContainsFunc(app, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') }) {
			return
		}
		for _, separator := range []string{"__", ".", ":", "/"} {
			ids := []string{app + ":" + one, app + ":" + other}
			table, clashes := NewNameTable(Scheme{separator}, ids)
			for _, id := range ids {
				name, ok := table.Name(id)
				back, known := table.ID(name)
				if ok != (len(clashes) == 0) || ok && (!known || back != id || len(name) > longestName) {
					t.Errorf("%q with %s is %q, which is %q; clashes %v", id, separator, name, back, clashes)
				}
			}
		}
	})
}

func FuzzSSE(f *testing.F) {
	for _, seed := range []string{"data: a\n\n", "\ufeffevent: x\r\nid: 1\r\nretry: 5\r\ndata:a\r\ndata\r\n\r\n", ": c\n\ndata: a\r\rdata: b\n\r", "data: a"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		got, err := readAll(NewEventReader(bytes.NewReader(stream), 100))
		slow, slowErr := readAll(NewEventReader(iotest.OneByteReader(bytes.NewReader(stream)), 100))
		if !reflect.DeepEqual(got, slow) || err.Error() != slowErr.Error() {
			t.Errorf("read whole: %v, %v; read slowly: %v, %v", got, err, slow, slowErr)
		}
		var written []byte
		for _, e := range got {
			if len(e.Data) > 100 {
				t.Errorf("data of %d bytes", len(e.Data))
			}
			if written, err = AppendEvent(written, e); err != nil {
				t.Fatal(err)
			}
		}
		if again, err := readAll(NewEventReader(bytes.NewReader(written), 200)); !reflect.DeepEqual(got, again) || !errors.Is(err, io.EOF) {
			t.Errorf("written as %q: got %v, %v; want %v", written, again, err, got)
		}
	})
}

func FuzzFrames(f *testing.F) {
	for _, seed := range []string{"{}\n\n[1]\r\n", "garbage\n{}\n", "{", "\xff\n", strings.Repeat("{", 200) + "\n{}\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewFrameReader(iotest.HalfReader(bytes.NewReader(stream)), 100)
		for lines := 0; ; lines++ {
			frame, err := r.Next()
			var garbage *GarbageError
			switch {
			case errors.As(err, &garbage) && lines <= len(stream):
			case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
				return
			case err != nil || len(frame) == 0 || len(frame) > 100 || bytes.ContainsRune(frame, '\n') || !bytes.Contains(stream, frame):
				t.Fatalf("got %q, %v", frame, err)
			}
		}
	})
}
