// Package e2e has no code of its own: its tests run the real binary against
// real servers, clients, databases and browsers, as a person would. house_test.go
// starts them; each file tells one story.
package e2e
