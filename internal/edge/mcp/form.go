package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/ostiary/ostiary/internal/wire"
)

// errForm says that an upstream gave an answer of a form that official clients
// don't take: they would blame us, or wait for another.
var errForm = errors.New("the answer has another form than MCP says")

// checkError wants an error with an integer for a code and a message (JSON-RPC
// 2.0 section 5.1).
func checkError(object []byte) error {
	code, _ := wire.Lookup(object, "code")
	var n float64
	// null would leave n as it is
	if len(code) == 0 || code[0] == 'n' || json.Unmarshal(code, &n) != nil || n != math.Trunc(n) || math.Abs(n) > 1<<53-1 {
		return fmt.Errorf("%w: the code of its error is no integer", errForm)
	}
	if _, ok := wire.LookupText(object, "message"); !ok {
		return fmt.Errorf("%w: its error has no message", errForm)
	}
	return nil
}

// checkResult wants _meta and isError as all revisions have them. Null is
// taken for absent, as many clients do: it harms one call at most.
func (q *question) checkResult(result []byte) error {
	if !bytes.Contains(result, []byte(`"_meta"`)) && !bytes.Contains(result, []byte(`"isError"`)) {
		return nil
	}
	if meta, has := wire.Lookup(result, "_meta"); has {
		if err := checkMeta(meta); err != nil {
			return err
		}
	}
	if failed, has := wire.Lookup(result, "isError"); has {
		return q.checkFailed(failed)
	}
	return nil
}

func checkMeta(value []byte) error {
	if !wire.IsObject(value) && string(value) != "null" {
		return fmt.Errorf("%w: _meta is no object", errForm)
	}
	return nil
}

// checkFailed looks at isError, which only results of tools have.
func (q *question) checkFailed(value []byte) error {
	if word := string(value); q.m.Method == wire.MethodToolsCall && word != "true" && word != "false" && word != "null" {
		return fmt.Errorf("%w: isError is neither true nor false", errForm)
	}
	return nil
}
