package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

func TestWhatIsWrittenIsWhatTheProtocolAsksFor(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{string(AppendResult([]byte("x"), []byte(`"a"`), []byte(`{"b":1}`))), `x{"jsonrpc":"2.0","id":"a","result":{"b":1}}`},
		{string(AppendError(nil, []byte("7"), CodeInvalidParams, "no \"x\"", nil)), `{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no \"x\""}}`},
		{string(AppendError(nil, nil, CodeParseError, "", []byte("[1]"))), `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"","data":[1]}}`},
		{string(AppendErrorResponse(nil, []byte("7"), []byte(`{"code":1,"message":"m"}`))), `{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"m"}}`},
		{string(AppendRequest(nil, []byte("1"), "tools/call", []byte("{}"))), `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}`},
		{string(AppendRequest(nil, nil, "notifications/initialized", nil)), `{"jsonrpc":"2.0","method":"notifications/initialized"}`},
	} {
		if test.got != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
	if !json.Valid(AppendError(nil, nil, 1, "\xff\x00\u2028", nil)) {
		t.Error("a strange message makes no JSON")
	}
}

func TestAnUnknownErrorTellsTheClientNothing(t *testing.T) {
	if got := Code(errors.New("disk full")); got != CodeInternalError {
		t.Errorf("got %d, want %d", got, CodeInternalError)
	}
	if got := Code(fmt.Errorf("read body: %w", ErrTooLarge)); got != CodeInvalidRequest {
		t.Errorf("got %d, want %d", got, CodeInvalidRequest)
	}
}
