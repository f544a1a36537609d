package audit

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ostiary/ostiary"
)

// A line is an entry in canonical form (RFC 8785), written out beforehand
// but for the two members that only the commit knows: log and seq.
type line struct {
	text []byte
	log  int // where in text the log's name belongs
	seq  int // where its number belongs
}

// write puts the parts together.
func (l line) write(log string, seq uint64) []byte {
	dst := make([]byte, 0, len(l.text)+len(log)+22)
	dst = append(dst, l.text[:l.log]...)
	dst = appendString(dst, log)
	dst = append(dst, l.text[l.log:l.seq]...)
	dst = strconv.AppendUint(dst, seq, 10)
	return append(dst, l.text[l.seq:]...)
}

// render writes out an entry. Members stand in the order of their keys.
func render(e *Entry) line {
	p := pen{make([]byte, 0, 768)}
	p.begin()
	p.key("actor")
	p.actor(&e.Actor)
	p.text("approval_id", e.ApprovalID)
	p.json("arguments", e.Arguments)
	p.text("call_id", string(e.CallID))
	p.decision(e.Decision)
	p.detail(e.Detail)
	p.text("event", e.Event)
	p.text("grant_id", e.GrantID)
	p.required("kind", string(e.Kind))
	p.key("log")
	log := len(p.buf)
	p.text("policy_version", e.PolicyVersion)
	p.key("seq")
	seq := len(p.buf)
	p.text("target", e.Target)
	p.key("time")
	p.time(e.Time)
	p.text("tool", string(e.Tool))
	p.text("tool_digest", e.ToolDigest)
	p.upstream(e.Upstream)
	p.end()
	return line{p.buf, log, seq}
}

// A pen writes canonical JSON. Whoever holds it keeps the order of keys.
type pen struct{ buf []byte }

func (p *pen) begin() { p.buf = append(p.buf, '{') }
func (p *pen) end()   { p.buf = append(p.buf, '}') }

func (p *pen) key(k string) {
	if p.buf[len(p.buf)-1] != '{' {
		p.buf = append(p.buf, ',')
	}
	p.buf = append(p.buf, '"')
	p.buf = append(p.buf, k...)
	p.buf = append(p.buf, '"', ':')
}

func (p *pen) required(k, v string) {
	p.key(k)
	p.buf = appendString(p.buf, v)
}

func (p *pen) text(k, v string) {
	if v != "" {
		p.required(k, v)
	}
}

// json writes a value that is canonical already.
func (p *pen) json(k string, v []byte) {
	if len(v) > 0 {
		p.key(k)
		p.buf = append(p.buf, v...)
	}
}

func (p *pen) number(k string, n int64) {
	p.key(k)
	p.buf = strconv.AppendInt(p.buf, n, 10)
}

func (p *pen) time(t time.Time) {
	p.buf = append(p.buf, '"')
	p.buf = t.AppendFormat(p.buf, time.RFC3339Nano)
	p.buf = append(p.buf, '"')
}

func (p *pen) actor(a *Actor) {
	p.begin()
	p.text("client", string(a.Client))
	p.text("ip_class", a.IPClass)
	p.text("session", string(a.Session))
	p.text("subject", string(a.Subject))
	p.text("tenant", string(a.Tenant))
	p.end()
}

func (p *pen) decision(d *Decision) {
	if d == nil {
		return
	}
	p.key("decision")
	p.begin()
	p.required("effect", d.Effect)
	p.text("gate", d.Gate)
	p.text("reason", string(d.Reason))
	p.text("rule", d.Rule)
	p.trail(d.Trail)
	p.end()
}

func (p *pen) trail(gates []string) {
	if len(gates) == 0 {
		return
	}
	p.key("trail")
	for i, g := range gates {
		p.buf = append(p.buf, "[,"[min(i, 1)])
		p.buf = appendString(p.buf, g)
	}
	p.buf = append(p.buf, ']')
}

// detail is rare: it takes the long way to the order of its keys.
func (p *pen) detail(d map[string]string) {
	if len(d) > 0 {
		p.key("detail")
		p.buf = appendValue(p.buf, d)
	}
}

func (p *pen) upstream(u *Upstream) {
	if u == nil {
		return
	}
	p.key("upstream")
	p.begin()
	p.number("bytes", u.Bytes)
	p.number("durationMs", u.DurationMs)
	p.required("status", string(u.Status))
	p.end()
}

// appendString quotes a string. Nearly all of them need no escape.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if b := s[i]; b < ' ' || b == '"' || b == '\\' || b >= utf8.RuneSelf {
			return appendValue(dst, s)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// appendValue writes a string or a map of strings, which always have a
// canonical form once json has made them valid UTF-8.
func appendValue(dst []byte, v any) []byte {
	raw, err := json.Marshal(v)
	if err == nil {
		dst, err = ostiary.AppendCanonical(dst, raw)
	}
	if err != nil {
		panic(err)
	}
	return dst
}
