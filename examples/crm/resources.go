package crm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	contactTemplate = "crm://{siteId}/contacts/{id}"
	mimeJSON        = "application/json"
)

func (c *CRM) addResources() {
	c.server.AddResourceTemplate(&mcp.ResourceTemplate{
		Name: "contact", Title: "A contact", URITemplate: contactTemplate,
		Description: "One contact as JSON.", MIMEType: mimeJSON,
	}, c.readContact)
	c.server.AddResource(&mcp.Resource{
		Name: "example-contact", Title: "Ada Lovelace", URI: contactURI("site-A", "c-11"),
		Description: "A contact to look at first.", MIMEType: mimeJSON,
	}, c.readContact)
}

func (c *CRM) addPrompts() {
	c.server.AddPrompt(&mcp.Prompt{
		Name: "prepare_meeting", Title: "Prepare a meeting",
		Description: "Asks for a short briefing about a contact.",
		Arguments: []*mcp.PromptArgument{
			{Name: "siteId", Description: "the contact's site", Required: true},
			{Name: "id", Description: "the contact's id", Required: true},
		},
	}, c.prepareMeeting)
}

func (c *CRM) readContact(_ context.Context, req *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
	uri := req.Params.URI
	site, id, ok := parseContactURI(uri)
	if !ok {
		return nil, mcp.ResourceNotFoundError(uri)
	}
	contact, err := c.contacts.contact(site, id)
	if err != nil {
		return nil, mcp.ResourceNotFoundError(uri)
	}
	contents, err := contents(contact)
	if err != nil {
		return nil, err
	}
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{contents}}, nil
}

func (c *CRM) prepareMeeting(_ context.Context, req *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
	contact, err := c.contacts.contact(req.Params.Arguments["siteId"], req.Params.Arguments["id"])
	if err != nil {
		return nil, err
	}
	contents, err := contents(contact)
	if err != nil {
		return nil, err
	}
	ask := fmt.Sprintf("I meet %s of %s today. Brief me in five sentences.", contact.Name, contact.Company)
	return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{
		{Role: "user", Content: &mcp.TextContent{Text: ask}},
		{Role: "user", Content: &mcp.EmbeddedResource{Resource: contents}},
	}}, nil
}

func contents(c Contact) (*mcp.ResourceContents, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("render contact %s: %w", c.ID, err)
	}
	return &mcp.ResourceContents{URI: contactURI(c.SiteID, c.ID), MIMEType: mimeJSON, Text: string(text)}, nil
}

func contactURI(site, id string) string {
	return "crm://" + url.PathEscape(site) + "/contacts/" + url.PathEscape(id)
}

// parseContactURI splits by hand what url.Parse would change: it treats the
// site as a host name.
func parseContactURI(uri string) (site, id string, ok bool) {
	rest, ok := strings.CutPrefix(uri, "crm://")
	if !ok {
		return "", "", false
	}
	site, id, ok = strings.Cut(rest, "/contacts/")
	return site, id, ok && site != "" && id != ""
}
