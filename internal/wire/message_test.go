package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const fullCall = `{"jsonrpc":"2.0","id":"a-1","method":"tools/call","params":{"name":"crm__delete_contact",` +
	`"arguments":{"id":12345678901234567890,"siteId":"site-A"},"requestState":"sealed","inputResponses":{"step":{"action":"accept"}},` +
	`"task":{"ttl":1},"_meta":{"progressToken":"p1","io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
	`"io.modelcontextprotocol/clientInfo":{"name":"c"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}},` +
	`"dev.ostiary/trace":true,"traceparent":"00-0"}}}`

func TestACallIsTakenApart(t *testing.T) {
	m, err := Parse([]byte(fullCall))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ what, got, want string }{
		{"id", string(m.ID), `"a-1"`},
		{"method", m.Method, "tools/call"},
		{"name", m.Name, "crm__delete_contact"},
		{"arguments", string(m.Arguments), `{"id":12345678901234567890,"siteId":"site-A"}`},
		{"requestState", string(m.RequestState), `"sealed"`},
		{"inputResponses", string(m.InputResponses), `{"step":{"action":"accept"}}`},
		{"task", string(m.Task), `{"ttl":1}`},
		{"progressToken", string(m.Meta.ProgressToken), `"p1"`},
		{"protocolVersion", m.Meta.ProtocolVersion, "2026-07-28"},
		{"clientInfo", string(m.Meta.ClientInfo), `{"name":"c"}`},
		{"clientCapabilities", string(m.Meta.ClientCapabilities), `{"elicitation":{"url":{}}}`},
		{"params", string(m.Params), fullCall[strings.Index(fullCall, `{"name"`) : len(fullCall)-1]},
		{"_meta", string(m.Meta.Raw), fullCall[strings.Index(fullCall, `{"progressToken"`) : len(fullCall)-2]},
		{"body", string(m.Body), fullCall},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", test.what, test.got, test.want)
		}
	}
	if m.Kind != Request || !m.Meta.Trace {
		t.Errorf("kind %d, trace %v; want %d, true", m.Kind, m.Meta.Trace, Request)
	}
}

func TestMessagesOfEachKindAreToldApart(t *testing.T) {
	for _, test := range []struct {
		in   string
		kind Kind
		name string
	}{
		{`{"jsonrpc":"2.0","id":0,"method":"ping"}`, Request, ""},
		{` {"method":"tools/list","id":-12,"jsonrpc":"2.0","params":{"cursor":"x"}} `, Request, ""},
		{`{"params":{"name":"n"},"id":1,"method":"tools/call","jsonrpc":"2.0"}`, Request, "n"},
		{`{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p\u0061"}}`, Request, "pa"},
		{`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a","name":7}}`, Request, "file:///a"},
		{`{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t1"}}`, Request, "t1"},
		{`{"jsonrpc":"2.0","id":1,"method":"x/y","params":{"name":{"any":"thing"}}}`, Request, ""},
		{`{"jsonrpc":"2.0","method":"notifications/initialized"}`, Notification, ""},
		{`{"jsonrpc":"2.0","method":"tools/call","params":{"name":"n"}}`, Notification, "n"},
		{`{"jsonrpc":"2.0","id":1,"result":{}}`, Response, ""},
		{`{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}`, Response, ""},
		{`{"jsonrpc":"2.0","error":{"code":1,"message":"m"}}`, Response, ""},
		{`{"jsonrpc":"2.0","id":1,"method":"m","unknown":{"kept":true}}`, Request, ""},
	} {
		m, err := Parse([]byte(test.in))
		if err != nil || m.Kind != test.kind || m.Name != test.name {
			t.Errorf("Parse(%s) = kind %d, name %q, %v; want %d, %q", test.in, m.Kind, m.Name, err, test.kind, test.name)
		}
	}
}

func TestAMalformedMessageIsRefused(t *testing.T) {
	for _, test := range []struct {
		in   string
		want error
		code int
	}{
		{`{"jsonrpc":"2.0","id":1,"method":"ping"`, ErrSyntax, CodeParseError},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", ErrUnicode, CodeParseError},
		{`"ping"`, ErrSyntax, CodeParseError},
		{`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, ErrBatch, CodeInvalidRequest},
		{`[]`, ErrBatch, CodeInvalidRequest},
		{`{}`, ErrEnvelope, CodeInvalidRequest},
		{`{"id":1,"method":"ping"}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"1.0","id":1,"method":"ping"}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":2.0,"id":1,"method":"ping"}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":null,"method":"ping"}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1.5,"method":"ping"}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1e3,"method":"ping"}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":true,"method":"ping"}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":{},"method":"ping"}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":[1],"method":"ping"}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1,"method":""}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1,"method":7}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":null}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1,"method":"m","result":{}}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1,"result":{},"error":{}}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1,"error":"no"}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","result":{}}`, ErrEnvelope, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call"}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":""}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["n"]}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"uri":"n"}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"n"}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"n","arguments":null}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"n","arguments":[]}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":1}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":{"requestState":{}}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":{"inputResponses":[]}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"progressToken":1.5}}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"progressToken":null}}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":""}}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"io.modelcontextprotocol/clientCapabilities":true}}}`, ErrParams, CodeInvalidParams},
		{`{"jsonrpc":"2.0","id":1,"id":1,"method":"m"}`, ErrDuplicateKey, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{"x":{"a":1,"a":2}}}}`, ErrDuplicateKey, CodeInvalidRequest},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{"x":` + strings.Repeat("[", 62) + strings.Repeat("]", 62) + `}}}`, ErrDepth, CodeInvalidRequest},
	} {
		m, err := Parse([]byte(test.in))
		if !errors.Is(err, test.want) || Code(err) != test.code || m.Kind != Invalid {
			t.Errorf("Parse(%s)\n got kind %d, %v, code %d\nwant %v, code %d", test.in, m.Kind, err, Code(err), test.want, test.code)
		}
	}
}

func TestEveryKnownKeyOfAMessageHasItsTwinsRefused(t *testing.T) {
	keys := func(k *Known) (all []string) {
		for _, names := range k.exact {
			all = append(all, names...)
		}
		return all
	}
	for format, names := range map[string][]string{
		`{"jsonrpc":"2.0","id":1,"method":"m",%q:{}}`:                     keys(envelopeKeys),
		`{"jsonrpc":"2.0","id":1,"method":"m","params":{%q:{}}}`:          keys(paramsKeys),
		`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{%q:1}}}`: append(keys(metaKeys), "dev.ostiary/new", "io.modelcontextprotocol/new"),
	} {
		for _, name := range names {
			in := fmt.Sprintf(format, strings.ToUpper(name))
			if m, err := Parse([]byte(in)); !errors.Is(err, ErrTwinKey) || m.Kind != Invalid {
				t.Errorf("Parse(%s) = %v, want %v", in, err, ErrTwinKey)
			}
		}
	}
	for _, in := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"m","Extra":1}`,
		`{"jsonrpc":"2.0","id":1,"method":"m","params":{"Names":1,"arguments":{"NAME":1,"Method":2}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"io.modelcontextprotocol/related-task":1,"com.example/Trace":1}}}`,
	} {
		if _, err := Parse([]byte(in)); err != nil {
			t.Errorf("Parse(%s) = %v", in, err)
		}
	}
}

func TestARefusedMessageStillTellsItsID(t *testing.T) {
	m, err := Parse([]byte(`{"jsonrpc":"2.0","id":42,"method":"tools/call","params":{"name":1}}`))
	if err == nil || string(m.ID) != "42" {
		t.Errorf("got id %s with %v, want 42 with an error", m.ID, err)
	}
}

func TestAServersResultIsCarriedAsItIs(t *testing.T) {
	for _, result := range []string{
		`{"content":[{"type":"text","text":"half an emoji \ud83d"}]}`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}",
		strings.Repeat("[", 100) + strings.Repeat("]", 100), `null`,
	} {
		m, err := ParseReply([]byte(`{"jsonrpc":"2.0","id":1,"result": ` + result + ` }`))
		if err != nil || m.Kind != Response || string(m.Result) != result {
			t.Errorf("result %s: got %s, %v", result, m.Result, err)
		}
		if _, err := Parse([]byte(`{"jsonrpc":"2.0","id":1,"result":` + result + `}`)); err == nil && result != "null" {
			t.Errorf("Parse took %s from a client", result)
		}
	}
	m, err := ParseReply([]byte(`{"jsonrpc":"2.0","id":1,"result":{},"error":null}`))
	if err != nil || m.Error != nil || string(m.Result) != "{}" {
		t.Errorf("error null beside a result: got %s, %s, %v", m.Result, m.Error, err)
	}
}

func TestAServersEnvelopeIsReadStrictly(t *testing.T) {
	for in, want := range map[string]error{
		`{"jsonrpc":"2.0","id":1,"result":{},"result":{}}`: ErrDuplicateKey,
		`{"jsonrpc":"2.0","id":1,"Result":{},"result":{}}`: ErrTwinKey,
		`{"jsonrpc":"2.0","id":1,"result":{}} x`:           ErrSyntax,
		`{"jsonrpc":"2.0","id":1,"result":{"a":}}`:         ErrSyntax,
		`{"jsonrpc":"2.0","id":1,"result":{},"error":{}}`:  ErrEnvelope,
		`{"jsonrpc":"2.0","id":null,"result":{}}`:          ErrEnvelope,
		`<html>502</html>`: ErrSyntax,
		`{"jsonrpc":"2.0","id":1,"result":` + strings.Repeat("[", 1_000_000): ErrDepth,
	} {
		if _, err := ParseReply([]byte(in)); !errors.Is(err, want) {
			t.Errorf("ParseReply(%.60s) = %v, want %v", in, err, want)
		}
	}
}

func TestABatchIsTakenApart(t *testing.T) {
	batch, err := ParseBatch([]byte(` [{"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","method":"tools/call","params":{"name":"n"}}] `))
	if err != nil || len(batch) != 2 {
		t.Fatalf("got %d messages, %v; want 2", len(batch), err)
	}
	if batch[0].Kind != Request || batch[1].Kind != Notification || string(batch[0].Body) != `{"jsonrpc":"2.0","id":1,"method":"ping"}` {
		t.Errorf("got %+v", batch)
	}
}

func TestABatchWithOneWrongMessageIsRefusedWhole(t *testing.T) {
	good := `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	for in, want := range map[string]error{
		`[]`:                            ErrEnvelope,
		good:                            ErrSyntax,
		`[` + good + `,1]`:              ErrSyntax,
		`[` + good + `,{}]`:             ErrEnvelope,
		`[` + good + `,[` + good + `]]`: ErrBatch,
		`[` + good + `,{"a":1,"a":2}]`:  ErrDuplicateKey,
		`[` + strings.Repeat(good+",", maxBatch) + good + `]`: ErrEnvelope,
	} {
		if batch, err := ParseBatch([]byte(in)); !errors.Is(err, want) || batch != nil {
			t.Errorf("ParseBatch(%.80s) = %d messages, %v; want %v", in, len(batch), err, want)
		}
	}
}
