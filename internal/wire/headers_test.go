package wire

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type headers map[string][]string

func (h headers) get(name string) []string { return h[name] }

func (h headers) with(name string, values ...string) headers {
	changed := headers{}
	for k, v := range h {
		changed[k] = v
	}
	changed[name] = values
	return changed
}

func good() headers {
	return headers{HeaderVersion: {Version20260728}, HeaderMethod: {"tools/call"}, HeaderName: {"crm__get"}}
}

func modern(method, params string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{` + params +
		`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
}

func TestHeadersThatDifferFromTheBodyAreRefused(t *testing.T) {
	call := modern("tools/call", `"name":"crm__get",`)
	accented := modern("tools/call", `"name":"crm__gét",`)
	for _, test := range []struct {
		name    string
		headers headers
		body    string
		code    int // 0: accepted
	}{
		{"all equal", good(), call, 0},
		{"no version", good().with(HeaderVersion), call, CodeHeaderMismatch},
		{"empty version", good().with(HeaderVersion, ""), call, CodeHeaderMismatch},
		{"other version", good().with(HeaderVersion, Version20251125), call, CodeHeaderMismatch},
		{"version twice", good().with(HeaderVersion, Version20260728, Version20260728), call, CodeHeaderMismatch},
		{"no method", good().with(HeaderMethod), call, CodeHeaderMismatch},
		{"empty method", good().with(HeaderMethod, ""), call, CodeHeaderMismatch},
		{"other method", good().with(HeaderMethod, "tools/list"), call, CodeHeaderMismatch},
		{"method in capitals", good().with(HeaderMethod, "Tools/Call"), call, CodeHeaderMismatch},
		{"method twice", good().with(HeaderMethod, "tools/call", "tools/list"), call, CodeHeaderMismatch},
		{"method in base64", good().with(HeaderMethod, "=?base64?dG9vbHMvY2FsbA==?="), call, CodeHeaderMismatch},
		{"no name", good().with(HeaderName), call, CodeHeaderMismatch},
		{"other name", good().with(HeaderName, "crm__delete"), call, CodeHeaderMismatch},
		{"name in capitals", good().with(HeaderName, "CRM__get"), call, CodeHeaderMismatch},
		{"name twice", good().with(HeaderName, "crm__get", "crm__delete"), call, CodeHeaderMismatch},
		{"names joined", good().with(HeaderName, "crm__get, crm__get"), call, CodeHeaderMismatch},
		{"name in base64", good().with(HeaderName, "=?base64?Y3JtX19nZXQ=?="), call, 0},
		{"other name in base64", good().with(HeaderName, "=?base64?Y3JtX19nZXR4?="), call, CodeHeaderMismatch},
		{"broken base64", good().with(HeaderName, "=?base64?Y3Jt*?="), call, CodeHeaderMismatch},
		{"base64 without padding", good().with(HeaderName, "=?base64?Y3JtX19nZXQ?="), call, CodeHeaderMismatch},
		{"base64 with loose bits", good().with(HeaderName, "=?base64?Y3JtX19nZXR=?="), call, CodeHeaderMismatch},
		{"non-ASCII name in base64", good().with(HeaderName, "=?base64?Y3JtX19nw6l0?="), accented, 0},
		{"non-ASCII name as it is", good().with(HeaderName, "crm__gét"), accented, CodeHeaderMismatch},
		{"uri", good().with(HeaderMethod, "resources/read").with(HeaderName, "file:///a"), modern("resources/read", `"uri":"file:///a",`), 0},
		{"no uri", good().with(HeaderMethod, "resources/read").with(HeaderName), modern("resources/read", `"uri":"file:///a",`), CodeHeaderMismatch},
		{"prompt", good().with(HeaderMethod, "prompts/get").with(HeaderName, "p"), modern("prompts/get", `"name":"p",`), 0},
		{"no prompt", good().with(HeaderMethod, "prompts/get").with(HeaderName), modern("prompts/get", `"name":"p",`), CodeHeaderMismatch},
		{"list", good().with(HeaderMethod, "tools/list").with(HeaderName), modern("tools/list", ``), 0},
		{"list with a name", good().with(HeaderMethod, "tools/list"), modern("tools/list", ``), CodeHeaderMismatch},
		{"task", good().with(HeaderMethod, "tasks/get").with(HeaderName, "t1"), modern("tasks/get", `"taskId":"t1",`), 0},
		{"task of somebody else", good().with(HeaderMethod, "tasks/get").with(HeaderName, "t2"), modern("tasks/get", `"taskId":"t1",`), CodeHeaderMismatch},
		{"nothing in the body", good(), `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crm__get"}}`, CodeInvalidParams},
		{
			"no capabilities", good(),
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crm__get","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`,
			CodeInvalidParams,
		},
		{"unknown version", good().with(HeaderVersion, "2099-01-01"), `{"jsonrpc":"2.0","id":1,"method":"ping"}`, CodeUnsupportedVersion},
		{"old call", headers{HeaderVersion: {Version20251125}}, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"n"}}`, 0},
		{"old call with a wrong name", headers{HeaderVersion: {Version20251125}, HeaderName: {"m"}}, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"n"}}`, CodeHeaderMismatch},
		{"old call, version twice", headers{HeaderVersion: {Version20251125, Version20260728}}, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, CodeHeaderMismatch},
		{"notification", headers{HeaderVersion: {Version20260728}}, `{"jsonrpc":"2.0","method":"notifications/cancelled"}`, 0},
		{"notification with a wrong method", headers{HeaderVersion: {Version20260728}, HeaderMethod: {"ping"}}, `{"jsonrpc":"2.0","method":"notifications/cancelled"}`, CodeHeaderMismatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := Parse([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			err = CheckHeaders(test.headers.get, &m)
			if err == nil && test.code != 0 || err != nil && Code(err) != test.code {
				t.Errorf("got %v, want code %d", err, test.code)
			}
		})
	}
}

func TestTheRevisionIsReadFromTheRequest(t *testing.T) {
	for _, test := range []struct {
		header, body, want string
	}{
		{"", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`, Version20250326},
		{Version20250618, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, Version20250618},
		{Version20251125, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, Version20251125},
		{Version20260728, modern("tools/list", ""), Version20260728},
	} {
		m, err := Parse([]byte(test.body))
		if err != nil {
			t.Fatal(err)
		}
		h := headers{}
		if test.header != "" {
			h = h.with(HeaderVersion, test.header)
		}
		if got, err := ProtocolVersion(h.get, &m); got != test.want || err != nil {
			t.Errorf("version of %s with header %q: got %s, %v; want %s", test.body, test.header, got, err, test.want)
		}
	}
}

func TestAnUnsupportedVersionIsToldWhatIsSupported(t *testing.T) {
	m, err := Parse([]byte(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"9"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = ProtocolVersion(headers{HeaderVersion: {"9"}}.get, &m)
	var header *HeaderError
	if !errors.As(err, &header) || header.Code != CodeUnsupportedVersion {
		t.Fatalf("got %v, want code %d", err, CodeUnsupportedVersion)
	}
	var data struct {
		Supported []string
		Requested string
	}
	if err := json.Unmarshal(header.AppendData(nil), &data); err != nil || data.Requested != "9" || !cmp.Equal(data.Supported, Versions()) {
		t.Errorf("data %s: got %+v, %v", header.AppendData(nil), data, err)
	}
}

func TestHeaderValuesAreWrittenAsTheSpecificationShows(t *testing.T) {
	for text, want := range map[string]string{
		"us-west1":           "us-west1",
		"Hello, 世界":          "=?base64?SGVsbG8sIOS4lueVjA==?=",
		" padded ":           "=?base64?IHBhZGRlZCA=?=",
		"line1\nline2":       "=?base64?bGluZTEKbGluZTI=?=",
		"=?base64?literal?=": "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=",
		"a b\tc":             "a b\tc",
		"":                   "",
	} {
		got := EncodeHeader(text)
		back, ok := DecodeHeader(got)
		if got != want || back != text || !ok {
			t.Errorf("EncodeHeader(%q) = %s, which is %q, %v; want %s", text, got, back, ok, want)
		}
	}
	for _, value := range []string{" a", "a ", "é", "a\x00", "a\r\nb", "=?base64?Y3J\nt?="} {
		if text, ok := DecodeHeader(value); ok {
			t.Errorf("DecodeHeader(%q) = %q, want not ok", value, text)
		}
	}
}
