package wire

import "strconv"

// AppendResult appends a response. The id and the result are JSON; without
// an id it is null.
func AppendResult(dst, id, result []byte) []byte {
	dst = appendEnvelope(dst, id)
	dst = append(dst, `,"result":`...)
	dst = append(dst, result...)
	return append(dst, '}')
}

// AppendError appends an error response. The id and data are JSON; without
// an id it is null, as JSON-RPC 2.0 section 5 wants where the id could not
// be read; nil data is left out.
func AppendError(dst, id []byte, code int, message string, data []byte) []byte {
	dst = appendEnvelope(dst, id)
	dst = append(dst, `,"error":{"code":`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, `,"message":`...)
	dst = AppendString(dst, message)
	if data != nil {
		dst = append(dst, `,"data":`...)
		dst = append(dst, data...)
	}
	return append(dst, "}}"...)
}

// AppendRequest appends a request, or a notification where id is nil. Params
// are JSON; nil params are left out.
func AppendRequest(dst, id []byte, method string, params []byte) []byte {
	dst = append(dst, `{"jsonrpc":"2.0"`...)
	if id != nil {
		dst = append(dst, `,"id":`...)
		dst = append(dst, id...)
	}
	dst = append(dst, `,"method":`...)
	dst = AppendString(dst, method)
	if params != nil {
		dst = append(dst, `,"params":`...)
		dst = append(dst, params...)
	}
	return append(dst, '}')
}

// AppendErrorResponse appends another server's error object, which is JSON,
// under the client's id.
func AppendErrorResponse(dst, id, object []byte) []byte {
	dst = appendEnvelope(dst, id)
	dst = append(dst, `,"error":`...)
	dst = append(dst, object...)
	return append(dst, '}')
}

func appendEnvelope(dst, id []byte) []byte {
	if id == nil {
		id = []byte("null")
	}
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	return append(dst, id...)
}
