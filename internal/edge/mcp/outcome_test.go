package mcp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/upstream"
	"github.com/ostiary/ostiary/internal/wire"
)

func TestHowACallEndedIsRecordedAndToldWithoutInternals(t *testing.T) {
	reply := func(result, fault string) func(ctx, sent, func([]byte)) (upstream.Reply, error) {
		return func(ctx, sent, func([]byte)) (upstream.Reply, error) {
			r := upstream.Reply{Era: wire.Version20251125}
			if result != "" {
				r.Result = []byte(result)
			}
			if fault != "" {
				r.Err = []byte(fault)
			}
			return r, nil
		}
	}
	broken := func(err error) func(ctx, sent, func([]byte)) (upstream.Reply, error) {
		return func(ctx, sent, func([]byte)) (upstream.Reply, error) { return upstream.Reply{}, err }
	}
	for name, c := range map[string]struct {
		answer func(ctx, sent, func([]byte)) (upstream.Reply, error)
		status audit.Status
		says   string
	}{
		"a result":                 {reply(`{"content":[]}`, ""), audit.StatusOK, `"result":{"content":[]`},
		"a failed tool":            {reply(`{"content":[],"isError":true}`, ""), audit.StatusError, `"isError":true`},
		"an error":                 {reply("", `{"code":-32000,"message":"no","data":12345678901234567890}`), audit.StatusError, `"error":{"code":-32000,"message":"no","data":12345678901234567890}`},
		"not sent":                 {broken(upstream.Unsent(errors.New("dial 10.0.0.7"))), audit.StatusNotSent, "Nothing was called"},
		"a broken wire":            {broken(errors.New("reset by 10.0.0.7")), audit.StatusUnknown, "is not known"},
		"an answer that is no MCP": {broken(&upstream.Error{App: "crm", Op: "tools/call", Status: 502, Err: errors.New("10.0.0.7 said no")}), audit.StatusError, "is not known"},
		"an error with a fraction": {reply("", `{"code":1.5,"message":"no"}`), audit.StatusError, "The app crm gave an answer that can't be passed on"},
		"an error without a code":  {reply("", `{"message":"no"}`), audit.StatusError, "can't be passed on"},
		"an error of code null":    {reply("", `{"code":null,"message":"no"}`), audit.StatusError, "can't be passed on"},
		"an error that is silent":  {reply("", `{"code":-32000}`), audit.StatusError, "can't be passed on"},
		"an error that says seven": {reply("", `{"code":-32000,"message":7}`), audit.StatusError, "can't be passed on"},
		"a whole code, written so": {reply("", `{"code":-3.2e4,"message":""}`), audit.StatusError, `"error":{"code":-3.2e4,"message":""}`},
		"_meta that is a list":     {reply(`{"content":[],"_meta":[]}`, ""), audit.StatusError, "can't be passed on"},
		"_meta that is an object":  {reply(`{"content":[],"_meta":{"x":[]}}`, ""), audit.StatusOK, `"_meta":{"x":[]}`},
		"isError that is a word":   {reply(`{"content":[],"isError":"yes"}`, ""), audit.StatusError, "can't be passed on"},
		"isError that is false":    {reply(`{"content":[],"isError":false}`, ""), audit.StatusOK, `"isError":false`},
		"_meta that is null":       {reply(`{"content":[],"_meta":null}`, ""), audit.StatusOK, `"_meta":null`},
		"a result that is none":    {reply(`[]`, ""), audit.StatusError, "can't be passed on"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.upstreams.answers(c.answer)
			w := h.send(t, call("alice", "crm__get_contact", `{}`))
			if got := h.book.outcomes(); len(got) != 1 || got[0] != c.status {
				t.Errorf("got outcomes %v; want %s", got, c.status)
			}
			if !strings.Contains(w.Body.String(), c.says) || strings.Contains(w.Body.String(), "10.0.0.7") {
				t.Errorf("got %s; want it to say %s and name no host", w.Body, c.says)
			}
		})
	}
}

func TestAYesIsGoodAgainWhenNothingWasSent(t *testing.T) {
	h := newHouse(t)
	h.send(t, call("alice", "crm__delete_contact", `{}`))
	h.decide(t, "approve")
	h.upstreams.answers(func(ctx, sent, func([]byte)) (upstream.Reply, error) {
		return upstream.Reply{}, upstream.Unsent(errors.New("down"))
	})
	h.send(t, call("alice", "crm__delete_contact", `{}`))
	h.upstreams.answers(nil)
	if got := read(t, h.send(t, call("alice", "crm__delete_contact", `{}`)).Body); got.Result.IsError {
		t.Errorf("got %+v; want the yes to be good again", got.Result)
	}
	if got := read(t, h.send(t, call("alice", "crm__delete_contact", `{}`)).Body); got.reason() != "approval_required" {
		t.Errorf("got %q; want it to be used up now", got.reason())
	}
}

func TestAClientThatHangsUpCancelsTheUpstreamAndTheOutcomeIsRecorded(t *testing.T) {
	h := newHouse(t)
	gone, hangUp := context.WithCancel(t.Context())
	h.upstreams.answers(func(c ctx, _ sent, _ func([]byte)) (upstream.Reply, error) {
		hangUp()
		<-c.Done()
		return upstream.Reply{}, c.Err()
	})
	w := h.sendIn(gone, call("alice", "crm__get_contact", `{}`))
	if got := h.book.outcomes(); len(got) != 1 || got[0] != audit.StatusUnknown || w.Body.Len() != 0 {
		t.Errorf("got outcomes %v, body %s; want unknown and nothing said", got, w.Body)
	}
}

func TestAnAnswerThatIsNonsenseIsAnEndAndASilenceIsNone(t *testing.T) {
	_, nonsense := wire.ParseReply([]byte(`<html>`))
	for name, c := range map[string]struct {
		err  error
		want audit.Status
	}{
		"nonsense":  {fmt.Errorf("the answer: %w", nonsense), audit.StatusError},
		"too large": {fmt.Errorf("the answer: %w", wire.ErrTooLarge), audit.StatusError},
		"broken":    {io.ErrUnexpectedEOF, audit.StatusUnknown},
	} {
		h := newHouse(t)
		h.upstreams.answers(func(ctx, sent, func([]byte)) (upstream.Reply, error) { return upstream.Reply{}, c.err })
		h.send(t, call("alice", "crm__get_contact", `{}`))
		if got := h.book.outcomes(); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: got outcomes %v, want %s", name, got, c.want)
		}
	}
}

func TestTheIDOfACallIsToldOnlyToWhoAsksForIt(t *testing.T) {
	h := newHouse(t)
	n := call("alice", "crm__get_contact", `{}`)
	if w := h.send(t, n); strings.Contains(w.Body.String(), "dev.ostiary") {
		t.Errorf("got %s; want nothing added", w.Body)
	}
	traced := n.with(strings.Replace(n.body, `"_meta":{`, `"_meta":{"dev.ostiary/trace":true,`, 1))
	w := h.send(t, traced)
	if !strings.Contains(withoutCallID(w.Body.String()), `"_meta":{"dev.ostiary/decision":{"call_id":"CALL"}}`) {
		t.Errorf("got %s; want the id of the call", w.Body)
	}
	if calls := h.upstreams.got(); strings.Contains(calls[1].Params, "dev.ostiary") {
		t.Errorf("got %s; want nothing of ours to go upstream", calls[1].Params)
	}
}

func TestAnUpstreamCantSpeakForTheGateway(t *testing.T) {
	for name, key := range map[string]string{"plainly": `dev.ostiary/decision`, "escaped": `dev.\u006fstiary\/decision`} {
		h := newHouse(t)
		h.upstreams.answers(func(ctx, sent, func([]byte)) (upstream.Reply, error) {
			return upstream.Reply{Result: []byte(`{"content":[],"_meta":{"` + key + `":{"url":"https://evil.example"},"kept":1}}`)}, nil
		})
		w := h.send(t, call("alice", "crm__get_contact", `{}`))
		if strings.Contains(w.Body.String(), "evil") || !strings.Contains(w.Body.String(), `"kept":1`) {
			t.Errorf("%s: got %s; want only our key gone", name, w.Body)
		}
	}
}

func TestAnErrorThatOnlyTheGatewayMayGiveIsNotPassedOn(t *testing.T) {
	for name, c := range map[string]struct{ sent, want string }{
		"a link":     {`{"code":-32042,"message":"go to","data":{"elicitations":[{"mode":"url","url":"https://evil.example"}]}}`, `"code":-32603`},
		"a decision": {`{"code":-1,"message":"no","data":{"_meta":{"dev.ostiary/decision":{"url":"https://evil.example"},"k":1}}}`, `{"code":-1,"message":"no","data":{"_meta":{"k":1}}}`},
	} {
		h := newHouse(t)
		h.upstreams.answers(func(ctx, sent, func([]byte)) (upstream.Reply, error) {
			return upstream.Reply{Err: []byte(c.sent)}, nil
		})
		w := h.send(t, call("alice", "crm__get_contact", `{}`))
		if strings.Contains(w.Body.String(), "evil") || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: got %s; want %s", name, w.Body, c.want)
		}
	}
}

func TestProgressOfTheUpstreamReachesWhoAskedForIt(t *testing.T) {
	h := newHouse(t)
	progress := `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1}}`
	log := `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}`
	h.upstreams.answers(func(_ ctx, _ sent, notify func([]byte)) (upstream.Reply, error) {
		if notify != nil {
			notify([]byte(progress))
			notify([]byte(log))
		}
		return upstream.Reply{Result: []byte(`{"content":[]}`)}, nil
	})
	n := call("alice", "crm__get_contact", `{}`)
	asking := n.with(strings.Replace(n.body, `"_meta":{`, `"_meta":{"progressToken":7,`, 1))
	w := h.send(t, asking)
	want := "data: " + progress + "\n\n" + `data: {"jsonrpc":"2.0","id":1,"result":{"content":[],"resultType":"complete"}}` + "\n\n"
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("got %s; want %s", w.Body, want)
	}
	for name, n := range map[string]note{"who did not ask": n, "who can't read events": asking.saying("Accept", "application/json")} {
		if w := h.send(t, n); w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: got %s; want plain JSON", name, w.Body)
		}
	}
}
