// Package task keeps calls that go on without their client: what was asked,
// which instance sees to it, and what came of it, sealed until its end.
//
// A call that waits for a yes may be waiting for minutes, and the client need
// not. It gets the id of a task instead, and asks for it later. Behind the id
// stands a record, and every step of it is one commit that asserts the record
// as it was: that the call is sent is written together with the call's intent
// and the use of its grant ([Worker.Send]). So of any number of instances one
// sends it, once, however long another was paused; and where the record says
// that it was not sent, nothing was.
//
// An instance is a [Worker]: it says again and again that it is there. What
// belongs to one that is silent for too long, another takes over. How long
// only decides how soon that is, never who sends a call.
package task
