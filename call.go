package ostiary

import "time"

// An Intent says what a call is decided for. The zero Intent is Execute,
// the stricter one.
type Intent uint8

const (
	// Execute asks whether the call may run now.
	Execute Intent = iota
	// List asks whether the caller may know of the tool. Questions about
	// arguments, consent and approval pass.
	List
)

// A CallID names one call: "cal_…".
type CallID string

// Arguments are the caller's arguments: the bytes that are sent upstream are
// the bytes that were decided on.
type Arguments struct {
	// Raw is the JSON object as it came; nil counts as {}.
	Raw []byte
	// Lookup reads a member; nil finds nothing. The span is JSON.
	Lookup func(raw []byte, path ...string) (span []byte, ok bool)
}

// Member returns the JSON of a member of the arguments.
func (a Arguments) Member(path ...string) ([]byte, bool) {
	if a.Lookup == nil {
		return nil, false
	}
	return a.Lookup(a.Raw, path...)
}

// A Call is one question to the gates: may this principal use this tool with
// these arguments, now? Gates read it and change nothing.
type Call struct {
	ID        CallID
	Intent    Intent
	Principal *Principal // nil: nobody is there
	Tool      *Tool      // never nil
	Arguments Arguments
	Resource  string // endpoint the call came in through: "/mcp"
	Caller    Caller
	Time      time.Time
	// Earlier is set for a call that was let through before and goes on, since
	// the upstream asked for something and has it now; nil: the call begins.
	Earlier *Earlier
}

// An Earlier is what let the first round of a call through. A further round is
// decided with the rights of its own time, but neither counted nor approved
// again.
type Earlier struct {
	Grant string // id of the grant; "" none was needed
}
