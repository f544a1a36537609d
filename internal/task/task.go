package task

import (
	"encoding/json"
	"net/netip"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A State is how far a task has come.
type State string

// The states. What is not over is Waiting, Sent or Away.
const (
	Waiting   State = "waiting" // for a yes; nothing was sent
	Sent      State = "sent"    // it may have run; its worker waits for the answer
	Away      State = "away"    // its app has it as a task of its own, and is asked about it
	Completed State = "completed"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// A Holder is to whom a task was given: nobody else is told of it.
type Holder struct {
	Tenant  ostiary.Tenant    `json:"tenant,omitempty"`
	Subject ostiary.Subject   `json:"subject,omitempty"`
	Client  ostiary.ClientID  `json:"client,omitempty"`
	Session ostiary.SessionID `json:"session,omitempty"`
}

// HolderOf is the holder that a principal is.
func HolderOf(p *ostiary.Principal) Holder {
	return Holder{p.Tenant, p.Subject, p.Client.ID, p.Session}
}

// A Task is one call. Its fields are JSON only inside what is sealed.
type Task struct {
	ID       string     `json:"id"` // tsk_…; nobody can guess it
	Holder   Holder     `json:"holder"`
	Endpoint string     `json:"endpoint,omitempty"` // the app that it came in at alone; "": /mcp
	From     netip.Addr `json:"from,omitzero"`

	State  State  `json:"state"`
	Worker string `json:"worker,omitempty"` // who sees to it; "" once it is over
	// Unwanted: its client took it back after it was sent.
	Unwanted bool `json:"unwanted,omitempty"`

	Call    ostiary.CallID `json:"call"` // as which it was held, then sent
	Tool    ostiary.ToolID `json:"tool"`
	AppName string         `json:"app_name,omitempty"`
	Digest  ostiary.Digest `json:"digest"`            // of the tool's definition
	Request string         `json:"request,omitempty"` // "": it needed no yes
	// Message is the call as its client sent it; nil once it is over.
	Message []byte `json:"message,omitempty"`

	Note  string          `json:"note,omitempty"`  // what the client reads while it waits
	Meta  json.RawMessage `json:"meta,omitempty"`  // and its program
	Shown bool            `json:"shown,omitempty"` // the client said that its person saw the link

	// What came of it, byte for byte: a result when it is Completed, a
	// JSON-RPC error when it Failed.
	Result []byte `json:"result,omitempty"`
	Fault  []byte `json:"fault,omitempty"`

	// Of one that is Away: the app's own id of it, the grant that let the call
	// through, how often it was told something since, and the end that the app
	// told of, "" while it did not.
	Theirs string `json:"theirs,omitempty"`
	Grant  string `json:"grant,omitempty"`
	Rounds int    `json:"rounds,omitempty"`
	Seen   State  `json:"seen,omitempty"`

	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Ends    time.Time `json:"ends"` // it is gone from here on

	Place string `json:"place,omitempty"` // among the holder's open ones
}

// Over says whether nothing will come of the task any more than has.
func (t Task) Over() bool { return t.State != Waiting && t.State != Sent && t.State != Away }

// open says whether the task counts among those that its holder may have.
func (t Task) open() bool { return !t.Over() && t.Seen == "" }

// Row implements store.Rower. A task belongs to the person whose agent asked:
// deleting them deletes what their agent wanted, and what it got.
func (t Task) Row() store.Row {
	row := store.Row{Owner: t.Holder.Subject, Expires: t.Ends}
	if t.State == Away && t.Seen == "" {
		row.Expires = t.Ends.Add(unheardKept)
		row.Index = append(row.Index, unheardIn(t.Ends))
	}
	if t.Worker != "" {
		row.Index = append(row.Index, store.Index{Name: "worker", Value: t.Worker})
	}
	if t.State == Waiting {
		row.Index = append(row.Index, store.Index{Name: "request", Value: t.Request})
	}
	return row
}

// over ends the task: nobody sees to it, and nobody needs the call again.
func (t *Task) over(s State) {
	t.State, t.Worker, t.Message, t.Note, t.Meta = s, "", nil, "", nil
}

// Complete ends the task with a result.
func (t *Task) Complete(result []byte) {
	t.over(Completed)
	t.Result = result
}

// Fail ends the task with a JSON-RPC error.
func (t *Task) Fail(fault []byte) {
	t.over(Failed)
	t.Fault = fault
}

// Cancel ends the task with nothing.
func (t *Task) Cancel() { t.over(Cancelled) }
