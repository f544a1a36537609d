package crm

import (
	"context"
	"errors"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The SDK makes each tool's input and output schema from these types.
type (
	siteInput struct {
		SiteID string `json:"siteId" jsonschema:"the site to look in: site-A or site-B"`
	}
	contactInput struct {
		siteInput
		ID string `json:"id" jsonschema:"the contact's id, such as c-17"`
	}
	searchInput struct {
		siteInput
		Query string `json:"query" jsonschema:"part of a name, an email address or a company"`
	}
	updateInput struct {
		contactInput
		Change
	}
	deleteInput struct {
		contactInput
		Reason string `json:"reason,omitempty" jsonschema:"why the contact is to go, for whoever is asked"`
	}
	contactList struct {
		Contacts []Contact `json:"contacts" jsonschema:"the contacts found, by id"`
	}
)

var errNothingToChange = errors.New("nothing to change: give a name, an email or a company")

func (c *CRM) addTools() {
	mcp.AddTool(c.server, &mcp.Tool{
		Name: "get_contacts", Title: "List contacts",
		Description: "Lists every contact of a site.",
		Annotations: reads(),
	}, c.getContacts)
	mcp.AddTool(c.server, &mcp.Tool{
		Name: "get_contact", Title: "Read a contact",
		Description: "Reads one contact of a site.",
		Annotations: reads(),
	}, c.getContact)
	mcp.AddTool(c.server, &mcp.Tool{
		Name: "search", Title: "Search contacts",
		Description: "Finds contacts of a site by a part of their name, email or company.",
		Annotations: reads(),
	}, c.search)
	mcp.AddTool(c.server, &mcp.Tool{
		Name: "update_contact", Title: "Change a contact",
		Description: "Changes a contact's name, email or company; what is left out stays as it is.",
		Annotations: &mcp.ToolAnnotations{DestructiveHint: new(false), IdempotentHint: true, OpenWorldHint: new(false)},
	}, c.updateContact)
	mcp.AddTool(c.server, &mcp.Tool{
		Name: "delete_contact", Title: "Delete a contact",
		Description: "Deletes a contact of a site for good.",
		Annotations: &mcp.ToolAnnotations{DestructiveHint: new(true), OpenWorldHint: new(false)},
	}, c.deleteContact)
}

// reads annotates tools that change nothing and stay inside the app.
func reads() *mcp.ToolAnnotations {
	return &mcp.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: new(false)}
}

// A nil result lets the SDK render the output, both structured and as text;
// an error becomes a result that the model can read.

func (c *CRM) getContacts(_ context.Context, _ *mcp.CallToolRequest, in siteInput) (*mcp.CallToolResult, contactList, error) {
	return nil, contactList{c.contacts.search(in.SiteID, "")}, nil
}

func (c *CRM) getContact(_ context.Context, _ *mcp.CallToolRequest, in contactInput) (*mcp.CallToolResult, Contact, error) {
	contact, err := c.contacts.contact(in.SiteID, in.ID)
	return nil, contact, err
}

func (c *CRM) search(_ context.Context, _ *mcp.CallToolRequest, in searchInput) (*mcp.CallToolResult, contactList, error) {
	return nil, contactList{c.contacts.search(in.SiteID, in.Query)}, nil
}

func (c *CRM) updateContact(_ context.Context, _ *mcp.CallToolRequest, in updateInput) (*mcp.CallToolResult, Contact, error) {
	if in.Change == (Change{}) {
		return nil, Contact{}, errNothingToChange
	}
	contact, err := c.contacts.update(in.SiteID, in.ID, in.Change)
	return nil, contact, err
}

func (c *CRM) deleteContact(_ context.Context, _ *mcp.CallToolRequest, in deleteInput) (*mcp.CallToolResult, Contact, error) {
	contact, err := c.contacts.remove(in.SiteID, in.ID)
	return nil, contact, err
}
