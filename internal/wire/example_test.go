package wire_test

import (
	"fmt"

	"github.com/ostiary/ostiary/internal/wire"
)

// A call comes in under the gateway's name for the tool and goes out under
// the upstream's own. Every other byte is the client's.
func Example() {
	call, err := wire.Parse([]byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call",
 "params":{"name":"crm__get_contact", "arguments":{"id":9007199254740993}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	table, _ := wire.NewNameTable(wire.Scheme{Separator: "__"}, []string{"crm:get_contact", "crm:delete_contact"})
	id, _ := table.ID(call.Name)
	fmt.Println(id)

	out, err := call.Edit().SetText("get_contact", "params", "name").Bytes()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(out))
	// Output:
	// crm:get_contact
	// {"jsonrpc":"2.0","id":7,"method":"tools/call",
	//  "params":{"name":"get_contact", "arguments":{"id":9007199254740993}}}
}

// What two readers could understand differently is refused before anybody
// decides on it.
func ExampleParse() {
	_, err := wire.Parse([]byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get","Name":"delete"}}`))
	fmt.Println(err, wire.Code(err))
	// Output:
	// key that only looks like a known one: "Name" for "name" at byte 76 ($.params.Name) -32600
}
