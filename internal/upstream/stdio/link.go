package stdio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

const (
	// farewell bounds each step of asking a child to end: the end of its
	// input, then SIGTERM, then SIGKILL.
	farewell = 2 * time.Second
	// flushed bounds the wait for what an ended child still wrote.
	flushed = 5 * time.Second
)

// A link is a child and those who wait for its answers.
type link struct {
	*transport
	process *process
	receive upstream.Receiver
	writing chan struct{} // held by the one who writes a line
	done    chan struct{} // closed once the child has ended and all it said is read
	saying  lastWords
	beside  upstream.Group // cancellations
	once    sync.Once

	mu      sync.Mutex
	waiting map[string]chan outcome // by id
	ended   error                   // set before done is closed
}

// An outcome is what came of a request.
type outcome struct {
	answer wire.Message
	err    error
}

func newLink(t *transport, p *process, receive upstream.Receiver) *link {
	l := &link{
		transport: t,
		process:   p,
		receive:   receive,
		writing:   make(chan struct{}, 1),
		done:      make(chan struct{}),
		waiting:   make(map[string]chan outcome),
	}
	go l.run()
	return l
}

// run reads what the child says until it has ended.
func (l *link) run() {
	var reading sync.WaitGroup
	reading.Go(func() {
		l.readMessages()
		l.end() // a child that can say nothing more is of no use
	})
	reading.Go(func() { l.saying.copy(l.process.err, l.tools.Logger) })
	<-l.process.exited
	// A process that left the group may keep the streams open.
	hurry := time.AfterFunc(flushed, l.process.closeStreams)
	reading.Wait()
	hurry.Stop()
	l.process.closeStreams()
	l.mu.Lock()
	l.ended = l.saying.append(l.process.ended())
	l.mu.Unlock()
	close(l.done)
}

func (l *link) Done() <-chan struct{} { return l.done }

// Err says how the child ended.
func (l *link) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// Do writes a request and waits for the answer with its id.
func (l *link) Do(ctx context.Context, m *upstream.Message) (wire.Message, error) {
	id := strconv.FormatInt(m.ID, 10)
	came := make(chan outcome, 1)
	l.await(id, came)
	defer l.forget(id)
	if err := l.write(ctx, m.Body); err != nil {
		return wire.Message{}, err
	}
	select {
	case o := <-came:
		return o.answer, o.err
	case <-ctx.Done():
		l.sayCancelled(m)
		return wire.Message{}, context.Cause(ctx)
	case <-l.done:
	}
	select {
	case o := <-came: // it was the last thing the child said
		return o.answer, o.err
	default:
		return wire.Message{}, l.Err()
	}
}

// Post writes what gets no answer.
func (l *link) Post(ctx context.Context, m *upstream.Message) error { return l.write(ctx, m.Body) }

func (l *link) await(id string, came chan outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[id] = came
}

func (l *link) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, id)
}

func (l *link) sayCancelled(m *upstream.Message) {
	cancelled := upstream.Cancelled(m)
	if cancelled == nil {
		return
	}
	l.beside.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		if err := l.Post(ctx, cancelled); err != nil {
			l.tools.Logger.Debug("cancel a request", "error", err)
		}
	})
}

// write sends one line. A child that doesn't read is ended: half a line can't
// be taken back, and others wait behind it.
func (l *link) write(ctx context.Context, body []byte) error {
	select {
	case l.writing <- struct{}{}:
		defer func() { <-l.writing }()
	case <-l.done:
		return upstream.Unsent(l.Err())
	case <-ctx.Done():
		return upstream.Unsent(fmt.Errorf("wait to write: %w", context.Cause(ctx)))
	}
	giveUp := time.AfterFunc(l.spec.Timeout, l.process.closeInput)
	defer giveUp.Stop()
	n, err := l.process.in.Write(line(body))
	if err == nil {
		return nil
	}
	l.process.signal(syscall.SIGKILL)
	<-l.done // so that the next call finds it broken
	err = fmt.Errorf("write to the child: %w", err)
	if n == 0 {
		return upstream.Unsent(err)
	}
	return err
}

// line ends a message, and makes spaces of the line breaks inside. In JSON
// they stand between tokens only.
func line(body []byte) []byte {
	for _, lineBreak := range []byte("\n\r") {
		for at := bytes.IndexByte(body, lineBreak); at >= 0; at = bytes.IndexByte(body, lineBreak) {
			body[at] = ' '
		}
	}
	return append(body, '\n')
}

// readMessages hands each message to whom it is for.
func (l *link) readMessages() {
	frames := wire.NewFrameReader(l.process.out, int(l.spec.MaxResult))
	for {
		frame, err := frames.Next()
		var garbage *wire.GarbageError
		switch {
		case err == nil:
			l.take(frame)
		case errors.As(err, &garbage):
			l.garbage(garbage)
			l.failOnly(garbage)
		default:
			if !errors.Is(err, io.EOF) {
				l.tools.Logger.Debug("read from a child", "error", err)
			}
			return
		}
	}
}

func (l *link) take(frame []byte) {
	m, err := wire.ParseReply(bytes.Clone(frame))
	if err != nil {
		l.garbage(fmt.Errorf("%s: %w", upstream.Excerpt(frame), err))
		return
	}
	if m.Kind != wire.Response {
		l.receive(m)
		return
	}
	if !l.deliver(string(m.ID), outcome{answer: m}) {
		l.tools.Counts.Strays.Add(1)
	}
}

// deliver tells whoever waits for an answer what came of it. The first
// outcome counts.
func (l *link) deliver(id string, o outcome) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	came, ok := l.waiting[id]
	if ok {
		delete(l.waiting, id)
		came <- o
	}
	return ok
}

// failOnly ends the one call that waits, after a line too long to be read: it
// was the answer. Of several it can't be told whose it was; they wait on.
func (l *link) failOnly(err *wire.GarbageError) {
	if !errors.Is(err, wire.ErrTooLarge) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) != 1 {
		return
	}
	for id, came := range l.waiting {
		delete(l.waiting, id)
		came <- outcome{err: fmt.Errorf("read the answer: %w", err)}
	}
}

// garbage reports what is no message. A child that prints something by
// mistake can still be talked to.
func (l *link) garbage(err error) {
	if l.tools.Counts.Garbage.Add(1) <= maxReported {
		l.tools.Logger.Warn("a child wrote what is no message", "error", err)
	}
}

// Close asks the child to end, ends its process group if it does not, and
// waits for it ("closing the input stream to the child process", then SIGTERM,
// then SIGKILL: 2025-11-25 basic/lifecycle, shutdown).
func (l *link) Close() error {
	l.once.Do(func() {
		l.beside.Close()
		l.end()
		<-l.done
	})
	return nil
}

func (l *link) end() {
	l.process.closeInput()
	l.insist(syscall.SIGTERM)
	l.insist(syscall.SIGKILL)
}

// insist sends a signal to a child that has not ended in time.
func (l *link) insist(sig syscall.Signal) {
	timer := time.NewTimer(farewell)
	defer timer.Stop()
	select {
	case <-l.process.exited:
	case <-timer.C:
		l.process.signal(sig)
	}
}
