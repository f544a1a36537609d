package mcp

import (
	"context"
	"sort"

	"github.com/ostiary/ostiary/internal/catalogue"
	"github.com/ostiary/ostiary/internal/wire"
)

// longestPage is how many entries a list may have and still be one page.
const longestPage = 1000

func (q *question) listTools(ctx context.Context) answer {
	return q.list(ctx, tools)
}

func (q *question) listResources(ctx context.Context) answer {
	return q.list(ctx, resources)
}

func (q *question) listTemplates(ctx context.Context) answer {
	return q.list(ctx, templates)
}

func (q *question) listPrompts(ctx context.Context) answer {
	return q.list(ctx, prompts)
}

// list answers with what no gate hides from the caller, as the upstreams
// wrote it but for the names.
func (q *question) list(ctx context.Context, m memberOf) answer {
	after, ok := q.after(m.member)
	if !ok {
		return q.errored(wire.CodeInvalidParams, "This cursor is not one of ours.", nil)
	}
	offers := q.visible(ctx, m).offers
	first := sort.Search(len(offers), func(i int) bool { return q.nameOf(offers[i]) > after })
	page, next := offers[first:], ""
	if len(page) > longestPage {
		page = page[:longestPage]
		var err error
		if next, err = q.nextCursor(m.member, q.nameOf(page[longestPage-1])); err != nil {
			q.config.Logger.Error("a cursor could not be sealed", "error", err)
			return q.errored(wire.CodeInternalError, "The list could not be made. Try again later.", nil)
		}
	}
	return q.answered(q.rendered(m.member, page, next))
}

func (q *question) rendered(member string, page []*catalogue.Offer, next string) []byte {
	size := 128
	for _, o := range page {
		size += len(o.Entry(q.endpoint, q.stateless())) + 1
	}
	dst := append(make([]byte, 0, size), '{')
	if q.stateless() {
		dst = append(dst, `"resultType":"complete",`...)
	}
	dst = append(wire.AppendString(dst, member), ":["...)
	for i, o := range page {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, o.Entry(q.endpoint, q.stateless())...)
	}
	dst = append(dst, ']')
	if next != "" {
		dst = wire.AppendString(append(dst, `,"nextCursor":`...), next)
	}
	if q.stateless() {
		dst = append(dst, caching...)
	}
	return append(dst, '}')
}

// nameOf is the name by which the lists of the endpoint are sorted.
func (q *question) nameOf(o *catalogue.Offer) string {
	if q.endpoint == "" {
		return o.WireName
	}
	return o.Name
}
