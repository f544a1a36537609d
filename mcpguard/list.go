package mcpguard

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ostiary/ostiary"
)

// shown returns those items that the caller may know of; never nil, since an
// empty list is no null on the wire.
func shown[T any](ctx context.Context, q *question, items []T, tool func(T) *ostiary.Tool) ([]T, error) {
	p, err := q.identify(ctx)
	if err != nil {
		return nil, err
	}
	out := []T{}
	for _, item := range items {
		if t := tool(item); t != nil && q.visible(ctx, p, t) {
			out = append(out, item)
		}
	}
	return out, nil
}

// private: what one caller may know of is nothing to cache for others.
const private = "private"

func (q *question) listTools(ctx context.Context) (mcp.Result, error) {
	res, err := q.next(ctx, q.method, q.req)
	list, ok := res.(*mcp.ListToolsResult)
	if err != nil || !ok || list == nil {
		return res, err
	}
	out := *list
	out.CacheScope = private
	out.Tools, err = shown(ctx, q, list.Tools, func(t *mcp.Tool) *ostiary.Tool {
		if made := q.tool(t); made != nil {
			return made.Tool
		}
		return nil
	})
	return &out, err
}

func (q *question) listPrompts(ctx context.Context) (mcp.Result, error) {
	res, err := q.next(ctx, q.method, q.req)
	list, ok := res.(*mcp.ListPromptsResult)
	if err != nil || !ok || list == nil {
		return res, err
	}
	out := *list
	out.CacheScope = private
	out.Prompts, err = shown(ctx, q, list.Prompts, func(p *mcp.Prompt) *ostiary.Tool { return q.prompt(p.Name) })
	return &out, err
}

func (q *question) listResources(ctx context.Context) (mcp.Result, error) {
	res, err := q.next(ctx, q.method, q.req)
	list, ok := res.(*mcp.ListResourcesResult)
	if err != nil || !ok || list == nil {
		return res, err
	}
	out := *list
	out.CacheScope = private
	out.Resources, err = shown(ctx, q, list.Resources, func(r *mcp.Resource) *ostiary.Tool { return q.resource(r.URI) })
	return &out, err
}

func (q *question) listTemplates(ctx context.Context) (mcp.Result, error) {
	res, err := q.next(ctx, q.method, q.req)
	list, ok := res.(*mcp.ListResourceTemplatesResult)
	if err != nil || !ok || list == nil {
		return res, err
	}
	out := *list
	out.CacheScope = private
	out.ResourceTemplates, err = shown(ctx, q, list.ResourceTemplates, func(t *mcp.ResourceTemplate) *ostiary.Tool { return q.resource(t.URITemplate) })
	return &out, err
}

// subscribe tells when a resource changes: only who may know of it.
func (q *question) subscribe(ctx context.Context) (mcp.Result, error) {
	params, ok := q.req.GetParams().(*mcp.SubscribeParams)
	if !ok || params == nil {
		return nil, malformed("resources/subscribe needs params")
	}
	may, err := shown(ctx, q, []string{params.URI}, q.resource)
	if err != nil {
		return nil, err
	}
	if len(may) == 0 {
		return nil, mcp.ResourceNotFoundError(params.URI)
	}
	return q.next(ctx, q.method, q.req)
}

// listen is subscribe of the stateless era: the stream is opened for those
// resources that the caller may know of.
func (q *question) listen(ctx context.Context) (mcp.Result, error) {
	params, ok := q.req.GetParams().(*mcp.SubscriptionsListenParams)
	if !ok || params == nil || params.Notifications == nil {
		return q.next(ctx, q.method, q.req)
	}
	may, err := shown(ctx, q, params.Notifications.ResourceSubscriptions, q.resource)
	if err != nil {
		return nil, err
	}
	params.Notifications.ResourceSubscriptions = may
	return q.next(ctx, q.method, q.req)
}
