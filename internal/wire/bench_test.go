package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// call is a tools/call of a 2026-07-28 client with arguments of about size
// bytes.
func call(size int) []byte {
	var args bytes.Buffer
	for i := 0; args.Len() < size; i++ {
		fmt.Fprintf(&args, `"field%d":{"id":%d,"tags":["a","b"],"text":"%s"},`, i, i*7919, strings.Repeat("words and ", 12))
	}
	return []byte(`{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"crm__get_contact","arguments":{` +
		args.String() + `"siteId":"site-A"},"_meta":{"progressToken":3,"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
		`"io.modelcontextprotocol/clientCapabilities":{}}}}`)
}

func BenchmarkParse(b *testing.B) {
	small := []byte(`{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"crm__get_contact",` +
		`"arguments":{"id":"c-1042","siteId":"site-A","fields":["name","email"],"limit":25},"_meta":{"progressToken":3}}}`)
	for name, body := range map[string][]byte{"200B": small, "4KB": call(3800), "256KB": call(256 << 10)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkManyKeys(b *testing.B) {
	var body bytes.Buffer
	body.WriteString(`{"":0`)
	for i := range 100_000 {
		fmt.Fprintf(&body, `,"%d":0`, i)
	}
	body.WriteString("}")
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := Check(body.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	m, err := Parse(call(100))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Lookup(m.Arguments, "siteId"); !ok {
			b.Fatal("not found")
		}
	}
}

func BenchmarkEdit(b *testing.B) {
	m, err := Parse(call(3800))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(m.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Edit().SetText("get_contact", "params", "name").Bytes(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckTwins(b *testing.B) {
	known := NewKnown("id", "siteId", "limit", "fields")
	args := []byte(`{"id":"c-1042","siteId":"site-A","fields":["name","email"],"limit":25}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckTwins(args, known); err != nil {
			b.Fatal(err)
		}
	}
}
