package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/ostiary/ostiary/internal/wire"
)

// A conn is one link and what was agreed on over it.
type conn struct {
	app     *app
	link    Link
	version string       // agreed on; "" before
	has     capabilities // asked for over connections that lists come over
	asks    Asks         // declared at initialize, in an era that has it
	users   int          // calls that use it; belongs to the pool's mutex

	listening atomic.Bool
	mute      atomic.Bool     // the upstream offers no stream of its own
	ctx       context.Context // of what goes on beside calls
	cancel    context.CancelFunc
	beside    Group
	answering chan struct{} // bounds answers to requests of the upstream
	leveling  chan struct{} // held by the one who changes level
	level     LogLevel      // that the upstream was asked for; zero: none was

	vigil atomic.Pointer[vigil] // hears of changed resources

	mu    sync.Mutex
	calls map[int64]*call // those that are told or asked something, by their token
	acks  map[int64]func(params []byte)
	open  map[string]*Question
}

// maxAnswering is how many requests of one upstream are answered at a time;
// what comes beyond it gets no answer.
const maxAnswering = 16

func newConn(a *app, asks Asks) *conn {
	c := &conn{app: a, asks: asks, calls: make(map[int64]*call), answering: make(chan struct{}, maxAnswering), leveling: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// A call is a request in flight whose caller wants to hear of it, or can be
// asked.
type call struct {
	token  []byte // the caller's own progress token, as JSON; nil: none
	notify func([]byte)
	asks   Asks
	ask    func(*Question)
	wait   *deadline

	mu        sync.Mutex
	over      bool
	asked     int
	questions []*Question
}

// tell passes a notification on, unless the call has already returned.
func (in *call) tell(raw []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.over && in.notify != nil {
		in.notify(raw)
	}
}

// end ends the call, and the questions that were asked in it.
func (in *call) end() {
	in.mu.Lock()
	in.over = true
	open := in.questions
	in.mu.Unlock()
	for _, q := range open {
		q.settle(nil)
	}
}

// call sends one request and waits for its answer.
func (c *conn) call(ctx context.Context, req Request) (Reply, error) {
	if req.LogLevel != 0 {
		c.wantLogs(ctx, req.LogLevel)
	}
	id := c.app.nextID()
	m := &Message{ID: id, Method: req.Method, Version: c.version, Header: req.Header, Pass: req.Pass, Alive: req.alive}
	if req.acknowledged != nil {
		defer c.expectAck(id, req.acknowledged)()
	}
	in := c.begin(id, req, m)
	if in != nil {
		defer c.end(id, in)
	}
	body := buffers.Get().(*[]byte)
	defer recycle(body)
	var err error
	if *body, err = c.encode((*body)[:0], id, req, in); err != nil {
		return Reply{}, Unsent(err)
	}
	m.Body = *body
	c.address(m, req)
	answer, err := c.link.Do(ctx, m)
	if err != nil {
		return Reply{}, err
	}
	if answer.Flaw != nil {
		return Reply{}, fmt.Errorf("the answer: %w", answer.Flaw)
	}
	return c.reply(answer), nil
}

func (c *conn) reply(answer wire.Message) Reply {
	return Reply{Result: answer.Result, Err: answer.Error, Era: c.version, Bytes: int64(len(answer.Body))}
}

// begin remembers a call whose notifications are wanted, or in which the
// upstream may ask.
func (c *conn) begin(id int64, req Request, m *Message) *call {
	asks := c.asks & req.inRequests()
	if req.Notify == nil && asks == 0 {
		m.Receive = func(n wire.Message) { c.receive(n, nil) }
		return nil
	}
	in := &call{notify: req.Notify, asks: asks, ask: req.Ask, wait: req.wait}
	in.token, _ = wire.Lookup(req.Params, "_meta", wire.MetaProgressToken)
	m.Receive = func(n wire.Message) { c.receive(n, in) }
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[id] = in
	return in
}

func (c *conn) end(id int64, in *call) {
	c.mu.Lock()
	delete(c.calls, id)
	c.mu.Unlock()
	in.end()
}

// address fills in what the headers of the stateless era mirror.
func (c *conn) address(m *Message, req Request) {
	if !m.Stateless() {
		return
	}
	switch req.Method {
	case wire.MethodToolsCall:
		m.Name, _ = wire.LookupText(req.Params, "name")
		m.Header = appendBound(m.Header, c.app.lists.bindings(m.Name), req.Params)
	case wire.MethodPromptsGet:
		m.Name, _ = wire.LookupText(req.Params, "name")
	case wire.MethodResourcesRead:
		m.Name, _ = wire.LookupText(req.Params, "uri")
	case wire.MethodTasksGet, wire.MethodTasksUpdate, wire.MethodTasksCancel:
		m.Name, _ = wire.LookupText(req.Params, "taskId")
	}
}

// receive takes what the upstream says by itself. in is the call that it
// belongs to, where the transport can tell.
func (c *conn) receive(m wire.Message, in *call) {
	switch {
	case m.Kind == wire.Request:
		c.asked(m, in)
	case m.Kind != wire.Notification:
		c.app.counts.Strays.Add(1)
	case m.Method == wire.MethodProgress:
		c.progress(m)
	case m.Method == wire.MethodLog:
		in.hear(m)
	case m.Method == wire.MethodElicitationComplete:
		in.hear(m)
	case m.Method == wire.MethodCancelled:
		c.withdrawn(m)
	case m.Method == wire.MethodToolsChanged, m.Method == wire.MethodPromptsChanged, m.Method == wire.MethodResourcesChanged:
		c.app.kick()
	case m.Method == wire.MethodResourceUpdated:
		c.changedResource(m)
	case m.Method == wire.MethodListenAcknowledged:
		c.acknowledgement(m)
	}
}

// progress goes to the call with the token, whose own token is put back.
func (c *conn) progress(m wire.Message) {
	token, _ := wire.Lookup(m.Params, wire.MetaProgressToken)
	id, err := strconv.ParseInt(string(token), 10, 64)
	c.mu.Lock()
	in := c.calls[id]
	c.mu.Unlock()
	if err != nil || in == nil || in.token == nil {
		c.app.counts.Strays.Add(1)
		return
	}
	raw, err := withToken(m, in.token)
	if err != nil {
		c.app.counts.Strays.Add(1)
		return
	}
	in.tell(raw)
}

// hear passes on what belongs to the call.
func (in *call) hear(m wire.Message) {
	if in != nil {
		in.tell(m.Body)
	}
}

// uncorrelated takes what came over a connection that does not say to which
// call a message belongs. There must be only one, and no other person on the
// connection, or somebody would read of another's affairs.
func (c *conn) uncorrelated(m wire.Message) {
	if c.app.spec.Shared {
		c.receive(m, nil)
		return
	}
	c.receive(m, c.only())
}

func (c *conn) only() *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.calls) != 1 {
		return nil
	}
	for _, in := range c.calls {
		return in
	}
	return nil
}

// notify sends a notification without parameters.
func (c *conn) notify(ctx context.Context, method string) error {
	body := wire.AppendRequest(nil, nil, method, nil)
	return c.link.Post(ctx, &Message{Method: method, Version: c.version, Body: body})
}

func (c *conn) isBroken() bool {
	select {
	case <-c.link.Done():
		return true
	default:
		return false
	}
}

// outdated says whether the upstream no longer speaks the version that was
// agreed on. It "MUST reject" a request in another, so it has not run.
func (c *conn) outdated(reply Reply) bool {
	return reply.Err != nil && wire.Stateless(c.version) && errorCode(reply.Err) == wire.CodeUnsupportedVersion
}

// isStale says whether what was agreed on over the connection is no longer
// true, so that the next call needs a new one. A bare 400 is how many servers
// answer a session that they lost when they were restarted.
func (c *conn) isStale(err error) bool {
	return errors.Is(err, ErrSessionGone) || status(err) == http.StatusBadRequest
}

// retire ends what goes on beside calls. Those in flight may finish.
func (c *conn) retire() {
	c.cancel()
	c.beside.Close()
}

func (c *conn) close() {
	c.cancel()
	if err := c.link.Close(); err != nil {
		c.app.log.Warn("close a connection", "error", err)
	}
	c.beside.Close()
}
