package mcp

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/wire"
)

// listen is the stream of the stateless era (2026-07-28
// basic/patterns/subscriptions): first what was granted, then what happens,
// each with the id of the request that opened it.
func (q *question) listen() {
	// SubscriptionsListenRequestParams requires it, also of who wants nothing.
	if raw, ok := wire.Lookup(q.m.Params, "notifications"); !ok || raw[0] != '{' {
		q.write(q.errored(wire.CodeInvalidParams, "params.notifications must be an object that says what to tell of.", nil))
		return
	}
	uris, ok := q.wantedURIs()
	if !ok {
		q.write(q.errored(wire.CodeInvalidParams, tooManyURIs, nil))
		return
	}
	ids, refusal := q.wantedTasks()
	if refusal != nil {
		q.write(*refusal)
		return
	}
	l := newListener(q.exchange)
	l.about = append(append(wire.AppendString([]byte(`"_meta":{`), wire.MetaSubscriptionID), ':'), q.m.ID...)
	l.about = append(l.about, '}')
	granted := wire.NewEdit([]byte("{}"))
	for _, kind := range listKinds {
		if wanted, _ := wire.Lookup(q.m.Params, "notifications", kind.filter); string(wanted) != "true" {
			continue
		}
		granted.Set([]byte("true"), kind.filter)
		l.tellOf(kind, l.params(nil))
	}
	// The answer to the request that opened the stream says that it ends as
	// it should (2026-07-28 schema, SubscriptionsListenResult).
	l.last = q.answered(l.params([]byte(`"resultType":"complete"`))).message()
	l.run(func() []byte {
		if watched := q.watch(l, uris); watched != nil {
			granted.Set(watched, "resourceSubscriptions")
		}
		if told := q.tellTasks(l, ids); told != nil {
			granted.Set(told, "taskIds")
		}
		filter, err := granted.Bytes()
		if err != nil {
			panic(err) // of constants
		}
		return wire.AppendRequest(nil, nil, wire.MethodListenAcknowledged, l.params(append([]byte(`"notifications":`), filter...)))
	})
}

// params are an object of what a message is about and another member; nil:
// none.
func (l *listener) params(member []byte) []byte {
	dst := append([]byte{'{'}, l.about...)
	if l.about != nil && member != nil {
		dst = append(dst, ',')
	}
	return append(append(dst, member...), '}')
}

const tooManyURIs = "params.notifications.resourceSubscriptions must be a list of at most 200 URIs."

// wantedURIs are the resources that the client wants to hear of.
func (q *question) wantedURIs() ([]string, bool) {
	raw, ok := wire.Lookup(q.m.Params, "notifications", "resourceSubscriptions")
	if !ok {
		return nil, true
	}
	var uris []string
	if err := json.Unmarshal(raw, &uris); err != nil || len(uris) > maxSubscriptions {
		return nil, false
	}
	slices.Sort(uris)
	return slices.Compact(uris), true
}

// agreeing is how long the apps may take to agree to tell of changes. Those
// that are late are not heard.
const agreeing = 10 * time.Second

// watch has the stream hear of those resources that the caller may read, and
// returns them as a JSON list; nil: none. Each goes through the gates as a
// call does; all others are left out without a word.
func (q *question) watch(l *listener, uris []string) []byte {
	ctx, cancel := context.WithTimeout(l.r.Context(), agreeing)
	defer cancel()
	heard := make([]bool, len(uris))
	var waiting sync.WaitGroup
	for i, uri := range uris {
		if agreed := q.admitWatch(ctx, l, uri); agreed != nil {
			waiting.Go(func() { heard[i] = agreed() })
		}
	}
	waiting.Wait()
	var list []byte
	for i, uri := range uris {
		if !heard[i] {
			continue
		}
		if list == nil {
			list = []byte{'['}
		} else {
			list = append(list, ',')
		}
		list = wire.AppendString(list, uri)
	}
	if list != nil {
		list = append(list, ']')
	}
	return list
}

// admitWatch asks the guard, and the upstream to tell of changes; agreed waits
// for its answer. nil: the caller may not, or nobody can.
func (q *question) admitWatch(ctx context.Context, l *listener, uri string) (agreed func() bool) {
	tool := q.config.Catalogue.Readable(q.endpoint, uri)
	if tool == nil || !q.config.Catalogue.Now().Subscribes(tool.App) {
		return nil
	}
	a := q.config.Guard.Admit(ctx, q.request(target{tool: tool}))
	if a.Pass == nil {
		return nil
	}
	of := watched{tool.App, uri}
	w := l.watch(of)
	return func() bool {
		err := w.Ready(ctx)
		a.Pass.Done(ctx, watchStatus(err), 0)
		if err != nil {
			l.watches.drop(of)
		}
		return err == nil
	}
}

// watchStatus tells how asking for changes ended.
func watchStatus(err error) audit.Status {
	if err == nil {
		return audit.StatusOK
	}
	if isNo(err) {
		return audit.StatusError
	}
	return statusOf(err)
}
