package wire

import "bytes"

func (p *parser) params() error {
	from := p.pos
	if p.peek() != '{' {
		return p.fail(ErrEnvelope, from, "params must be an object")
	}
	o, err := p.openObject()
	if err != nil {
		return err
	}
	for {
		key, more, err := p.member(&o)
		if err != nil {
			return err
		}
		if !more {
			p.m.Params, p.m.paramsAt = p.data[from:p.pos:p.pos], from
			return nil
		}
		if err := p.param(key); err != nil {
			return err
		}
	}
}

func (p *parser) param(key []byte) (err error) {
	m := &p.m
	switch string(key) {
	case "name":
		p.name.name, err = p.span()
	case "uri":
		p.name.uri, err = p.span()
	case "taskId":
		p.name.taskID, err = p.span()
	case "arguments":
		m.argumentsAt = p.pos
		m.Arguments, err = p.objectSpan("arguments")
	case "_meta":
		err = p.meta()
	case "cursor":
		m.Cursor, err = p.span()
	case "task":
		m.Task, err = p.span()
	case "requestState":
		m.RequestState, err = p.stringSpan("requestState")
	case "inputResponses":
		m.InputResponses, err = p.objectSpan("inputResponses")
	default:
		if name, is := paramsKeys.twin(key); is {
			return p.twin(key, name)
		}
		err = p.value()
	}
	return err
}

func (p *parser) stringSpan(name string) ([]byte, error) {
	if p.peek() != '"' {
		return nil, p.fail(ErrParams, p.pos, name+" must be a string")
	}
	return p.span()
}

func (p *parser) meta() error {
	from := p.pos
	if p.peek() != '{' {
		return p.fail(ErrParams, from, "_meta must be an object")
	}
	o, err := p.openObject()
	if err != nil {
		return err
	}
	for {
		key, more, err := p.member(&o)
		if err != nil {
			return err
		}
		if !more {
			p.m.Meta.Raw = p.data[from:p.pos:p.pos]
			return nil
		}
		if err := p.metaField(key); err != nil {
			return err
		}
	}
}

func (p *parser) metaField(key []byte) (err error) {
	meta := &p.m.Meta
	switch string(key) {
	case MetaProgressToken:
		meta.ProgressToken, err = p.progressToken()
	case MetaProtocolVersion:
		meta.ProtocolVersion, err = p.text(ErrParams, MetaProtocolVersion)
	case MetaClientInfo:
		meta.ClientInfo, err = p.span()
	case MetaClientCapabilities:
		meta.ClientCapabilities, err = p.objectSpan(MetaClientCapabilities)
	case MetaLogLevel:
		meta.LogLevel, err = p.span()
	case MetaTrace:
		var span []byte
		span, err = p.span()
		meta.Trace = string(span) == "true"
	default:
		if name, is := metaKeys.twin(key); is {
			return p.twin(key, name)
		}
		err = p.value()
	}
	return err
}

func (p *parser) progressToken() ([]byte, error) {
	at := p.pos
	token, err := p.span()
	if err == nil && token[0] != '"' && !isInteger(token) {
		return nil, p.fail(ErrParams, at, "progressToken must be a string or an integer")
	}
	return token, err
}

// complete judges the members together, when all are known.
func (p *parser) complete() (Kind, error) {
	m := &p.m
	if p.reply {
		m.forgiveNull()
	}
	isResponse := m.Result != nil || m.Error != nil
	switch {
	case string(p.version) != `"2.0"`:
		return Invalid, p.fail(ErrEnvelope, 0, `jsonrpc must be "2.0"`)
	case m.Method != "" && isResponse:
		return Invalid, p.fail(ErrEnvelope, 0, "both a request and a response")
	case isResponse:
		return p.response()
	case m.Method == "":
		return Invalid, p.fail(ErrEnvelope, 0, "no method")
	}
	return p.request()
}

// forgiveNull takes "error": null beside a result, and the other way round,
// for absent: JSON-RPC 2.0 section 5 forbids it and servers do it.
func (m *Message) forgiveNull() {
	if m.Result == nil || m.Error == nil {
		return
	}
	if m.Error[0] == 'n' {
		m.Error = nil
	} else if m.Result[0] == 'n' {
		m.Result = nil
	}
}

func (p *parser) response() (Kind, error) {
	m := &p.m
	switch {
	case m.Result != nil && m.Error != nil:
		return Invalid, p.fail(ErrEnvelope, 0, "both a result and an error")
	case m.Error != nil && m.Error[0] != '{':
		return Invalid, p.fail(ErrEnvelope, 0, "error must be an object")
	case m.Result != nil && !p.hasID():
		return Invalid, p.fail(ErrEnvelope, 0, "a result without id")
	}
	return Response, nil
}

func (p *parser) hasID() bool { return p.m.ID != nil && p.m.ID[0] != 'n' }

func (p *parser) request() (Kind, error) {
	kind := Request
	if p.m.ID == nil {
		kind = Notification
	} else if !p.hasID() {
		return Invalid, p.fail(ErrEnvelope, 0, "id must not be null")
	}
	token, what := p.name.of(p.m.Method)
	if len(token) <= len(`""`) || token[0] != '"' {
		if what != "" {
			return Invalid, p.fail(ErrParams, 0, what+" must be a string that isn't empty")
		}
		return kind, nil
	}
	p.m.Name = string(decodeText(token, bytes.IndexByte(token, '\\') >= 0))
	return kind, nil
}

// of returns the member that a method is about, and its name where it must be
// there. Whether the other methods exist depends on the era, which comes
// first: a method that doesn't exist is not found, whatever its params.
func (s subject) of(method string) (token []byte, what string) {
	switch method {
	case MethodToolsCall, MethodPromptsGet:
		return s.name, "params.name"
	case MethodResourcesRead:
		return s.uri, "params.uri"
	case MethodResourcesSubscribe, MethodResourcesUnsubscribe:
		return s.uri, ""
	case MethodTasksGet, MethodTasksResult, MethodTasksUpdate, MethodTasksCancel:
		return s.taskID, ""
	}
	return nil, ""
}
