// Package crm is a sample app: the contacts of two sites, served over MCP
// with the official Go SDK. It knows nothing of people, tokens or approvals;
// standing in front of servers like this one is what Ostiary is for.
//
// Every tool takes a siteId, so a gateway can tell from the input schema
// that the tools are scoped to a site. get_contacts, get_contact and search
// read, update_contact writes, and delete_contact is the risky one. A
// contact is also a resource, crm://SITE/contacts/ID, and there is a prompt
// that prepares for a meeting.
package crm
